//go:build unix

package pluginhost

import "syscall"

// processRuns reports whether a process of that id exists.
func processRuns(pid int) bool { return syscall.Kill(pid, 0) != syscall.ESRCH }
