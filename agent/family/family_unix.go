//go:build !windows

package family

import (
	"os/exec"
	"syscall"
)

// Family is a program and what it starts: a process group.
type Family struct{ cmd *exec.Cmd }

// New prepares cmd, which must not have SysProcAttr of its own. Close frees the family.
func New(cmd *exec.Cmd) (*Family, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return &Family{cmd}, nil
}

// Start is cmd.Start.
func (f *Family) Start() error { return f.cmd.Start() }

// Kill ends all of them, after Start; it may be called again.
func (f *Family) Kill() error { return syscall.Kill(-f.cmd.Process.Pid, syscall.SIGKILL) }

// Close is to be called once the program has ended. On Windows it ends what the program has left.
func (*Family) Close() {}
