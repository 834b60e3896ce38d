// Package connection is what a connector program to Entra ID does with a connection,
// whatever its work is: it opens it, and it examines it.
package connection

import (
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/usher-iga/usher/connectors/entra/directory"
	"github.com/usher-iga/usher/connectors/entra/graph/dial"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/clock"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// An Opener opens connections for one connector program. Those that it opened share the
// quotas of the service. It is safe for use by several goroutines once its fields are set.
type Opener struct {
	Program  string       // such as "entra-export"
	Version  string       // of the program; Graph is told it
	Priority string       // of the requests when the quota is short; see [dial.Config]
	Logger   hclog.Logger // gets each request at debug level; nil for silence
	Clock    clock.Clock  // must be set

	dialer dial.Dialer
}

// Open makes a client of a connection; it sends nothing yet. The caller closes it. What is
// wrong with the settings comes beside: then there is no client. OnWait is told of each
// pause before it begins, from any goroutine; it may be nil.
func (o *Opener) Open(c sdk.Connection, onWait func(time.Duration, string)) (*dial.Conn, directory.Problems) {
	return o.open(c, 0, onWait)
}

// open is Open with a limit to how long a request is tried; 0: the usual ones.
func (o *Opener) open(c sdk.Connection, patience time.Duration, onWait func(time.Duration, string)) (*dial.Conn, directory.Problems) {
	config := dial.ConfigOf(c)
	if problems := config.Application.Validate(); len(problems) > 0 {
		return nil, problems
	}
	config.UserAgent, config.Priority = "usher-"+o.Program+"/"+o.Version, o.Priority
	config.Logger, config.Clock, config.OnWait, config.Patience = o.Logger, o.Clock, onWait, patience
	conn, err := o.dialer.Dial(config)
	if err == nil {
		return conn, nil
	}
	problem := fault.Of(err)
	if problem == nil {
		problem = fault.Errorf(fault.Internal, "%w", err)
	}
	return nil, directory.Problems{problem}
}
