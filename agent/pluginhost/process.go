package pluginhost

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	goplugin "github.com/hashicorp/go-plugin"

	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// process is one launched program.
type process struct {
	name    string
	runner  *runner
	client  *goplugin.Client
	sockets string
	words   words
	dirty   atomic.Bool // it does not behave: end it without asking
}

func (p *process) connect() (*sdk.Client, error) {
	protocol, err := p.client.Client()
	if err != nil {
		return nil, err
	}
	dispensed, err := protocol.Dispense(sdk.PluginName)
	if err != nil {
		return nil, err
	}
	client, ok := dispensed.(*sdk.Client)
	if !ok {
		return nil, errors.New("it offers no connector")
	}
	return client, nil
}

// kill ends the process without asking; it may come before the start.
func (p *process) kill() { _ = p.runner.Kill(context.Background()) }

// close ends the process, gently unless it is dirty, and waits for its end.
func (p *process) close() {
	if p.dirty.Load() {
		p.kill() // go-plugin would first ask it to end, and wait for an answer
	}
	p.client.Kill()
	if p.sockets != "" {
		_ = os.RemoveAll(p.sockets)
	}
}

// crash returns why the process ended, or nil if it still runs.
func (p *process) crash() error {
	patience := time.NewTimer(2 * time.Second)
	defer patience.Stop()
	select {
	case <-p.runner.exited:
	case <-patience.C:
		return nil
	}
	select { // its last words are on the way
	case <-p.runner.silent:
	case <-patience.C:
	}
	how := "it ended"
	if state := p.runner.cmd.ProcessState; state != nil {
		how = state.String()
	}
	if said := p.words.last(); said != "" {
		how += "; it said: " + said
	}
	return fault.Errorf(fault.Connector, "the connector %s crashed (%s)", p.name, how).
		WithHint("Run it again; if it crashes again, report it with the log to the connector's author")
}

// startFault explains why a program could not be started.
func (p *process) startFault(program Program, err error, timeout time.Duration) error {
	reason := err.Error()
	switch {
	case fault.Of(err) != nil:
		return err
	case strings.Contains(reason, "timeout while waiting"):
		return fault.Errorf(fault.Connector, "the connector %s did not start within %v", p.name, timeout).
			WithHint("Look at the log; if the machine was busy, raise Connectors.StartTimeout")
	case strings.Contains(reason, "exited before we could connect"), strings.Contains(reason, "Failed to read any lines"):
		if said := p.words.last(); said != "" {
			return fault.Errorf(fault.Connector, "the connector %s ended at its start; it said: %s", p.name, said).
				WithHint("Look at the log with --log-level debug")
		}
		return fault.Errorf(fault.Connector, "the connector %s ended at its start", p.name).
			WithHint("Look at the log with --log-level debug, and check that the program is for this machine")
	case strings.Contains(reason, "Unrecognized remote plugin message"), strings.Contains(reason, "core API version"):
		return fault.Errorf(fault.Connector, "%s is not a connector program: it does not speak the connector protocol", program.Path).
			WithHint("Remove it from the connector folder, or install a connector built for this release")
	case strings.Contains(reason, "ncompatible API version"):
		return fault.Errorf(fault.Connector, "the connector %s speaks another version of the protocol than this agent: %s", p.name, reason).
			WithHint("Install the connector and the agent of the same release")
	default:
		return fault.Errorf(fault.Connector, "the connector %s cannot be started: %w", p.name, err).
			WithHint("Check that %s is a program for this machine and that this account may run it", program.Path)
	}
}

const socketPrefix = "usher-"

// socketName is the pattern of a socket folder of a process.
func socketName(pid int) string { return socketPrefix + strconv.Itoa(pid) + "-" }

// socketOwner is the reverse of socketName.
func socketOwner(name string) (pid int, ok bool) {
	number, _, found := strings.Cut(strings.TrimPrefix(name, socketPrefix), "-")
	pid, err := strconv.Atoi(number)
	return pid, found && err == nil && strings.HasPrefix(name, socketPrefix)
}
