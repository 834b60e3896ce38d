//go:build !windows

package cyberark

import (
	"os"
	"os/exec"
	"syscall"
)

const usualProgram = "/opt/CARKaim/sdk/clipasswordsdk"

// environment is all that the program gets of ours.
func environment() []string { return []string{"PATH=/usr/bin:/bin", "LANG=C.UTF-8"} }

// A family is a process and what it starts: a process group.
type family struct{ cmd *exec.Cmd }

func newFamily(cmd *exec.Cmd) (*family, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return &family{cmd}, nil
}

// add takes in the process that was started: it is in already.
func (*family) add(*os.Process) {}

// kill ends all of them.
func (f *family) kill() error { return syscall.Kill(-f.cmd.Process.Pid, syscall.SIGKILL) }

func (*family) close() {}
