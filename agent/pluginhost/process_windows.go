package pluginhost

import (
	"os"
	"os/exec"
	"syscall"
)

// setGroup puts the process into a group of its own.
func setGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

// killGroup ends the process. What it has started itself goes on, but cannot hold
// the agent up.
func killGroup(p *os.Process) error { return p.Kill() }

// processRuns is not asked on Windows: there are no socket folders to clean.
func processRuns(int) bool { return true }
