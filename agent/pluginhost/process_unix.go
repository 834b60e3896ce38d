//go:build unix

package pluginhost

import (
	"os"
	"os/exec"
	"syscall"
)

// setGroup puts the process into a group of its own.
func setGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// killGroup ends the process and what it has started.
func killGroup(p *os.Process) error { return syscall.Kill(-p.Pid, syscall.SIGKILL) }

// processRuns reports whether a process of that id exists.
func processRuns(pid int) bool { return syscall.Kill(pid, 0) != syscall.ESRCH }
