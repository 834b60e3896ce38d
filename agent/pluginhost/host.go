package pluginhost

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	pluginrunner "github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"

	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/clock"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Host launches connector programs.
type Host struct {
	Folder       Folder
	StartTimeout time.Duration // for a program to start and to answer Describe
	CheckTimeout time.Duration // for a Check
	IdleTimeout  time.Duration // for the silence of an export, waits that it announced aside
	Clock        clock.Clock
	Logger       hclog.Logger
}

// Connector is a running connector program. Close it; it is not restarted.
type Connector struct {
	Program     Program
	Description sdk.Description
	Can         sdk.Capabilities

	host    *Host
	process *process
	client  *sdk.Client
}

// Launch starts the program of that name and asks what it is. A program that is
// missing is fault.Invalid; one that is not genuine, does not start, or is no
// connector is fault.Connector, and its process has ended.
func (h *Host) Launch(ctx context.Context, name string) (*Connector, error) {
	program, err := h.Folder.Find(name)
	if err != nil {
		return nil, err
	}
	if err := program.verify(); err != nil {
		return nil, err
	}
	process, client, err := h.start(ctx, program)
	if err != nil {
		return nil, err
	}
	c := &Connector{Program: program, host: h, process: process, client: client}
	err = c.call(ctx, h.StartTimeout, "describe itself", func(ctx context.Context) (err error) {
		c.Description, c.Can, err = client.Describe(ctx)
		return err
	})
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// Check is sdk.Connector.Check, with a deadline.
func (c *Connector) Check(ctx context.Context, req sdk.CheckRequest) (report sdk.CheckReport, err error) {
	err = c.call(ctx, c.host.CheckTimeout, "check the connection", func(ctx context.Context) (err error) {
		report, err = c.client.Check(ctx, req)
		return err
	})
	return report, err
}

// Export is sdk.Exporter.Export. A connector that crashes, stays silent for longer
// than the idle timeout or breaks the protocol is a fault.Connector that says so.
func (c *Connector) Export(ctx context.Context, req sdk.ExportRequest, sink sdk.Sink) error {
	if !c.Can.Export {
		return fault.Errorf(fault.Invalid, "the connector %s cannot export", c.Program.Name).WithSetting("Connector")
	}
	return c.watched(ctx, func(ctx context.Context) error { return c.client.Export(ctx, req, sink) })
}

// watched is supervise with an end to long silence.
func (c *Connector) watched(ctx context.Context, f func(context.Context) error) error {
	ctx, watch := watchIdle(ctx, c.host.Clock, c.host.IdleTimeout, c.Program.Name)
	defer watch.stop()
	return c.supervise(ctx, f)
}

// Examine is sdk.Fulfiller.Examine, with a deadline.
func (c *Connector) Examine(ctx context.Context, orders []sdk.Order) (problems []sdk.OrderProblem, err error) {
	if err := c.mustFulfill(); err != nil {
		return nil, err
	}
	err = c.call(ctx, c.host.CheckTimeout, "examine the orders", func(ctx context.Context) (err error) {
		problems, err = c.client.Examine(ctx, orders)
		return err
	})
	return problems, err
}

// Preview is sdk.Fulfiller.Preview, watched as an export is.
func (c *Connector) Preview(ctx context.Context, connection sdk.Connection, orders []sdk.Order, emit func(sdk.Preview) error) error {
	if err := c.mustFulfill(); err != nil {
		return err
	}
	return c.watched(ctx, func(ctx context.Context) error { return c.client.Preview(ctx, connection, orders, emit) })
}

// Resolve is sdk.Fulfiller.Resolve, with the idle timeout as its deadline.
func (c *Connector) Resolve(ctx context.Context, connection sdk.Connection, objects []sdk.NamedObject) (ids []string, err error) {
	if err := c.mustFulfill(); err != nil {
		return nil, err
	}
	err = c.call(ctx, c.host.IdleTimeout, "look up what orders name", func(ctx context.Context) (err error) {
		ids, err = c.client.Resolve(ctx, connection, objects)
		return err
	})
	return ids, err
}

// Fulfill is sdk.Fulfiller.Fulfill, watched as an export is.
func (c *Connector) Fulfill(ctx context.Context, connection sdk.Connection, orders sdk.OrderSource, sink sdk.OutcomeSink) error {
	if err := c.mustFulfill(); err != nil {
		return err
	}
	return c.watched(ctx, func(ctx context.Context) error { return c.client.Fulfill(ctx, connection, orders, sink) })
}

func (c *Connector) mustFulfill() error {
	if !c.Can.Fulfill {
		return fault.Errorf(fault.Invalid, "the connector %s cannot fulfil orders", c.Program.Name).WithSetting("FulfillConnector")
	}
	return nil
}

// Actions is sdk.Actor.Actions, with a deadline; none of a connector without actions.
func (c *Connector) Actions(ctx context.Context) (actions []sdk.Action, err error) {
	if !c.Can.Actions {
		return nil, nil
	}
	err = c.call(ctx, c.host.StartTimeout, "list its actions", func(ctx context.Context) (err error) {
		actions, err = c.client.Actions(ctx)
		return err
	})
	return actions, err
}

// RunAction is sdk.Actor.RunAction, with a deadline.
func (c *Connector) RunAction(ctx context.Context, connection sdk.Connection, name string, input json.RawMessage) (output json.RawMessage, err error) {
	err = c.call(ctx, c.host.CheckTimeout, "run the action "+name, func(ctx context.Context) (err error) {
		output, err = c.client.RunAction(ctx, connection, name, input)
		return err
	})
	return output, err
}

// PrepareAction is sdk.Actor.PrepareAction, with a deadline.
func (c *Connector) PrepareAction(ctx context.Context, name string, input json.RawMessage, id string) (order sdk.Order, err error) {
	err = c.call(ctx, c.host.StartTimeout, "prepare the action "+name, func(ctx context.Context) (err error) {
		order, err = c.client.PrepareAction(ctx, name, input, id)
		return err
	})
	return order, err
}

// Close ends the process and returns when it is gone. It may be called twice.
func (c *Connector) Close() { c.process.close() }

// call is supervise with a deadline.
func (c *Connector) call(ctx context.Context, timeout time.Duration, what string, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fault.Errorf(fault.Connector,
		"the connector %s did not %s within %v", c.Program.Name, what, timeout).
		WithHint("Look at the log; the machine may be busy, or the target system slow: try again"))
	defer cancel()
	return c.supervise(ctx, f)
}

// supervise runs f with a context that also ends when the process does, and
// explains the error: the connector's own fault, the reason why ctx ended, or the
// crash.
func (c *Connector) supervise(ctx context.Context, f func(context.Context) error) error {
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan struct{})
	defer close(done)
	go func() {
		select {
		case <-c.process.runner.exited: // a call in flight may hang when its process is gone
			cancel()
		case <-done:
		}
	}()
	err := f(inner)
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); cause != nil {
		c.process.dirty.Store(fault.CodeOf(cause) == fault.Connector)
		return cause
	}
	if code := fault.CodeOf(err); code == fault.Connector || code == fault.Canceled {
		// The connection broke or was cut by us: the end of the process, if that is
		// the reason, follows within moments.
		if crash := c.process.crash(); crash != nil {
			return crash
		}
		c.process.dirty.Store(true)
	}
	return err
}

// start launches the program and connects to it.
func (h *Host) start(ctx context.Context, program Program) (*process, *sdk.Client, error) {
	sockets, err := socketFolder()
	if err != nil {
		return nil, nil, err
	}
	p := &process{name: program.Name, sockets: sockets}
	p.runner, err = newRunner(exec.Command(program.Path)) //nolint:noctx // ended by close, gently first
	if err != nil {
		return nil, nil, fault.Errorf(fault.Storage, "start the connector %s: %w", program.Name, err)
	}
	p.client = goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig:  sdk.Handshake(),
		VersionedPlugins: map[int]goplugin.PluginSet{sdk.ProtocolVersion: {sdk.PluginName: dispenser{}}},
		RunnerFunc: func(_ hclog.Logger, cmd *exec.Cmd, _ string) (pluginrunner.Runner, error) {
			p.runner.cmd.Env = append(h.environment(), cmd.Env...)
			return p.runner, verify(program)
		},
		SkipHostEnv:      true,
		AutoMTLS:         true,
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		UnixSocketConfig: &goplugin.UnixSocketConfig{TempDir: sockets},
		StartTimeout:     h.StartTimeout,
		Stderr:           &p.words,
		Logger:           h.Logger.Named("connector"),
		GRPCDialOptions: []grpc.DialOption{
			grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(sdk.MaxMessageSize), grpc.MaxCallSendMsgSize(sdk.MaxMessageSize)),
			grpc.WithStreamInterceptor(interceptIdle),
			grpc.WithInitialWindowSize(sdk.GRPCWindow), grpc.WithInitialConnWindowSize(sdk.GRPCWindow),
			grpc.WithReadBufferSize(sdk.GRPCBuffer), grpc.WithWriteBufferSize(sdk.GRPCBuffer),
		},
	})
	defer context.AfterFunc(ctx, p.kill)()
	client, err := p.connect()
	if err == nil {
		return p, client, nil
	}
	p.dirty.Store(true)
	p.close() // and so has all that it said
	if ctx.Err() != nil {
		return nil, nil, context.Cause(ctx)
	}
	return nil, nil, p.startFault(program, err, h.StartTimeout)
}

// verify is the last look at the program's file before it is started: it may have
// changed since it was found.
func verify(program Program) error {
	sum, err := checksum(program.Path)
	if err != nil {
		return fault.Errorf(fault.Storage, "read the connector program: %w", err)
	}
	program.Checksum = sum
	return program.verify()
}

// environment is all that a connector program inherits: nothing of the agent's
// environment but what programs need to run, for a secret may stand in it (C6).
func (h *Host) environment() []string {
	env := []string{sdk.LogLevelVariable + "=" + h.Logger.GetLevel().String()}
	for _, name := range []string{
		"SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR",
		"ProgramData", "IDENTITY_ENDPOINT", "IMDS_ENDPOINT", // where Azure Arc has the machine's identity
	} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// dispenser is the agent's side of go-plugin.
type dispenser struct {
	goplugin.NetRPCUnsupportedPlugin
}

func (dispenser) GRPCServer(*goplugin.GRPCBroker, *grpc.Server) error { return nil }

func (dispenser) GRPCClient(_ context.Context, _ *goplugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return sdk.NewClient(conn), nil
}

const (
	maxSocketPath  = 104 // of the systems that we know, the least
	socketNameRoom = len("/plugin-dir0123456789/plugin0123456789")
)

// socketFolder makes the folder of one program's unix socket. Its path is short,
// because a socket's path has room for about 100 bytes, and names this process, so
// that the folder that a killed agent left is known and removed.
func socketFolder() (string, error) {
	if runtime.GOOS == "windows" {
		return "", nil // loopback TCP there
	}
	base := os.TempDir()
	leftovers, _ := filepath.Glob(filepath.Join(base, socketPrefix+"*"))
	for _, path := range leftovers {
		if pid, ok := socketOwner(filepath.Base(path)); ok && !processRuns(pid) {
			_ = os.RemoveAll(path) // not ours to remove if it belongs to another user
		}
	}
	path, err := os.MkdirTemp(base, socketName(os.Getpid()))
	if err != nil {
		return "", fault.Errorf(fault.Storage, "make a folder for the connector's socket: %w", err).
			WithHint("Make %s writable, or set TMPDIR to a folder with a short path", base)
	}
	if len(path)+socketNameRoom > maxSocketPath {
		_ = os.Remove(path)
		return "", fault.Errorf(fault.Invalid, "the path %s is too long for a connector's socket", path).
			WithHint("Set the variable TMPDIR to a folder with a short path, such as /tmp")
	}
	return path, nil
}

// words keeps the end of what a program wrote to its standard error, log lines
// aside: the panic of a crash.
type words struct {
	mu   sync.Mutex
	tail []byte
}

const wordsKept = 4 << 10

func (w *words) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tail = append(w.tail, b...)
	if extra := len(w.tail) - wordsKept; extra > 0 {
		w.tail = append(w.tail[:0], w.tail[extra:]...)
	}
	return len(b), nil
}

// last returns the first line of a panic, or the last line that is not a log line.
func (w *words) last() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var last string
	for line := range strings.Lines(string(w.tail)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "panic:") || strings.HasPrefix(line, "fatal error:") {
			return line
		}
		if line != "" && !strings.HasPrefix(line, "{") {
			last = line
		}
	}
	return last
}
