// Command entra-export is the connector program that exports a Microsoft Entra ID
// tenant. The Usher agent starts it; by hand it only tells so.
package main

import (
	"runtime/debug"

	"github.com/usher-iga/usher/connectors/sdk"
)

var version = "dev" // set by the build

// gcPercent keeps the program small beside the agent: next to nothing but buffers
// lives long. An export of 200,000 users and 2 million memberships peaks at 29 MiB
// resident with 50, at 32 with Go's 100, and at 28 with 25, for 5 % more CPU time.
const gcPercent = 50

func main() {
	debug.SetGCPercent(gcPercent)
	sdk.Serve(newConnector(version, sdk.Logger()))
}
