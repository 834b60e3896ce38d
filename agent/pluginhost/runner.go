package pluginhost

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"time"

	"github.com/usher-iga/usher/agent/family"
)

// runner is the process of one program, as go-plugin's interface runner.Runner. It
// differs from go-plugin's own in three ways: a Ctrl-C at the terminal reaches the
// agent alone, which then ends the connector in good order; it can be killed while
// it starts; and what a program has started itself cannot keep the agent waiting by
// holding its output open.
type runner struct {
	cmd            *exec.Cmd
	family         *family.Family
	stdout, stderr *os.File      // our ends
	exited         chan struct{} // closed when the process has ended
	silent         chan struct{} // closed when its standard error has been read to the end

	mu      sync.Mutex
	started bool
	killed  bool // kill came first: do not start
}

// outputGrace is how long output is still read after the end of the process.
const outputGrace = time.Second

func newRunner(cmd *exec.Cmd) (*runner, error) {
	stdout, stdoutEnd, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	stderr, stderrEnd, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, stdout.Close(), stdoutEnd.Close())
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = nil, stdoutEnd, stderrEnd
	group, err := family.New(cmd)
	if err != nil {
		return nil, errors.Join(err, stdout.Close(), stdoutEnd.Close(), stderr.Close(), stderrEnd.Close())
	}
	return &runner{
		cmd: cmd, family: group, stdout: stdout, stderr: stderr,
		exited: make(chan struct{}), silent: make(chan struct{}),
	}, nil
}

// Start starts the process.
func (r *runner) Start(context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	theirs := []io.Closer{r.cmd.Stdout.(io.Closer), r.cmd.Stderr.(io.Closer)}
	err := context.Canceled
	if !r.killed {
		err = r.family.Start()
	}
	for _, end := range theirs {
		_ = end.Close() // the process has its own
	}
	if err != nil {
		r.family.Close()
		r.closeOutput()
		close(r.exited)
		return err
	}
	r.started = true
	go func() {
		_ = r.cmd.Wait() // ProcessState tells how it ended
		r.mu.Lock()
		r.family.Close()
		r.mu.Unlock()
		close(r.exited)
		time.AfterFunc(outputGrace, r.closeOutput)
	}()
	return nil
}

func (r *runner) closeOutput() {
	_ = r.stdout.Close()
	_ = r.stderr.Close()
}

// Wait returns when the process has ended.
func (r *runner) Wait(context.Context) error {
	<-r.exited
	if state := r.cmd.ProcessState; state != nil && !state.Success() {
		return &exec.ExitError{ProcessState: state}
	}
	return nil
}

// Kill ends the process and what it has started.
func (r *runner) Kill(context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.killed = true
	if !r.started {
		return nil
	}
	return r.family.Kill()
}

// Stdout is the process's standard output.
func (r *runner) Stdout() io.ReadCloser { return output{r.stdout, func() {}} }

// Stderr is the process's standard error. It may be called once.
func (r *runner) Stderr() io.ReadCloser {
	return output{r.stderr, sync.OnceFunc(func() { close(r.silent) })}
}

// output ends like a pipe whose writer is gone also when we close it.
type output struct {
	*os.File
	ended func() // told when there is nothing more to read
}

func (o output) Read(b []byte) (int, error) {
	n, err := o.File.Read(b)
	if errors.Is(err, os.ErrClosed) {
		err = io.EOF
	}
	if err != nil {
		o.ended()
	}
	return n, err
}

// Name is the program's path.
func (r *runner) Name() string { return r.cmd.Path }

// ID is the process id; empty before the start.
func (r *runner) ID() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.started {
		return ""
	}
	return strconv.Itoa(r.cmd.Process.Pid)
}

// Diagnose has nothing to add to an error.
func (r *runner) Diagnose(context.Context) string { return "" }

// PluginToHost and HostToPlugin translate addresses; both are on this machine.
func (r *runner) PluginToHost(network, address string) (string, string, error) {
	return network, address, nil
}

// HostToPlugin is the reverse of PluginToHost.
func (r *runner) HostToPlugin(network, address string) (string, string, error) {
	return network, address, nil
}
