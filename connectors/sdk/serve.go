package sdk

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/stats"
)

// ProtocolVersion is the version of the contract that this package speaks.
const ProtocolVersion = 1

// PluginName is the name under which a connector is dispensed.
const PluginName = "connector"

// LogLevelVariable is the environment variable by which the agent tells a connector
// which log entries it wants: each one that it drops has cost both sides time.
const LogLevelVariable = "USHER_LOG_LEVEL"

// The sizes of the gRPC connection, for both sides. gRPC's own defaults cost an
// export of millions of rows a tenth of its time in switches between the processes.
const (
	GRPCWindow = 1 << 20   // bytes in flight
	GRPCBuffer = 256 << 10 // bytes read or written at once
)

// Handshake returns what agent and connector show each other first. It tells an
// admin who starts a connector by hand what it is; it protects nothing: checksums
// and mutual TLS do.
func Handshake() goplugin.HandshakeConfig {
	return goplugin.HandshakeConfig{
		ProtocolVersion:  ProtocolVersion,
		MagicCookieKey:   "USHER_CONNECTOR",
		MagicCookieValue: "usher.connector",
	}
}

// Serve runs c as a connector program; the last thing that main calls. It returns
// when the agent says so and ends the process when the agent is gone, so that a
// killed agent leaves no connector behind.
func Serve(c Connector) {
	var server *grpc.Server
	watch := newAgentWatch(func() {
		time.AfterFunc(agentFarewell, func() { os.Exit(1) })
		go server.Stop() // ends goplugin.Serve, which removes the socket
	})
	goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig: Handshake(),
		VersionedPlugins: map[int]goplugin.PluginSet{
			ProtocolVersion: {PluginName: &plugin{connector: c}},
		},
		GRPCServer: func(opts []grpc.ServerOption) *grpc.Server {
			server = grpc.NewServer(append(opts,
				grpc.MaxRecvMsgSize(MaxMessageSize), grpc.MaxSendMsgSize(MaxMessageSize), grpc.StatsHandler(watch),
				grpc.InitialWindowSize(GRPCWindow), grpc.InitialConnWindowSize(GRPCWindow),
				grpc.ReadBufferSize(GRPCBuffer), grpc.WriteBufferSize(GRPCBuffer))...)
			return server
		},
		Logger: Logger(),
	})
}

// stderr is the process's own: go-plugin replaces os.Stderr while it serves.
var stderr io.Writer = os.Stderr //nolint:gochecknoglobals // never changed

// Logger returns the logger of a connector program: what is logged here appears in
// the agent's log at the same level.
func Logger() hclog.Logger {
	level := hclog.LevelFromString(os.Getenv(LogLevelVariable))
	if level == hclog.NoLevel {
		level = hclog.Debug
	}
	return hclog.New(&hclog.LoggerOptions{Level: level, Output: stderr, JSONFormat: true})
}

// plugin is the connector's side of go-plugin.
type plugin struct {
	goplugin.NetRPCUnsupportedPlugin
	connector Connector
}

func (p *plugin) GRPCServer(_ *goplugin.GRPCBroker, s *grpc.Server) error {
	Register(s, p.connector)
	return nil
}

func (p *plugin) GRPCClient(context.Context, *goplugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, errors.New("a connector does not call itself")
}

const (
	agentPatience = time.Minute     // for the agent's first connection
	agentFarewell = 2 * time.Second // for a clean end once the agent is gone
)

// agentWatch ends the process when the agent's last connection is gone: an agent
// that was killed closes it on every platform, whatever else it could not do.
type agentWatch struct {
	stats.Handler
	gone func()

	mu    sync.Mutex
	conns int
}

func newAgentWatch(gone func()) *agentWatch {
	w := &agentWatch{gone: gone}
	time.AfterFunc(agentPatience, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.conns == 0 {
			w.gone()
		}
	})
	return w
}

func (w *agentWatch) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (w *agentWatch) HandleRPC(context.Context, stats.RPCStats)                         {}
func (w *agentWatch) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

func (w *agentWatch) HandleConn(_ context.Context, s stats.ConnStats) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch s.(type) {
	case *stats.ConnBegin:
		w.conns++
	case *stats.ConnEnd:
		if w.conns--; w.conns == 0 {
			w.gone()
		}
	}
}
