// Command entra-fulfill is the connector program that carries out provisioning orders in
// a Microsoft Entra ID tenant. The Usher agent starts it; by hand it only tells so.
package main

import "github.com/usher-iga/usher/connectors/sdk"

var version = "dev" // set by the build

func main() { sdk.Serve(newConnector(version, sdk.Logger())) }
