package cyberark

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"unsafe"

	"golang.org/x/sys/windows"
)

const usualProgram = `C:\Program Files (x86)\CyberArk\ApplicationPasswordSdk\CLIPasswordSDK.exe`

// needed is what Windows programs expect of their environment.
var needed = []string{"SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "PATH", "PATHEXT", "TEMP", "TMP", "PROGRAMDATA", "COMPUTERNAME"}

// environment is all that the program gets of ours.
func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return !slices.Contains(needed, strings.ToUpper(name))
	})
}

// A family is a process and what it starts: a job, which ends with its handle.
type family struct {
	cmd *exec.Cmd
	job windows.Handle
}

// limits is not on the stack, which may move while Windows is given its address.
var limits = windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{
	BasicLimitInformation: windows.JOBOBJECT_BASIC_LIMIT_INFORMATION{LimitFlags: windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE},
}

func newFamily(cmd *exec.Cmd) (*family, error) {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return nil, err
	}
	if _, err := windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&limits)), uint32(unsafe.Sizeof(limits))); err != nil {
		_ = windows.CloseHandle(job)
		return nil, err
	}
	return &family{cmd, job}, nil
}

// add takes in the process that was started. If that fails, kill ends it alone.
func (f *family) add(p *os.Process) {
	_ = p.WithHandle(func(handle uintptr) { _ = windows.AssignProcessToJobObject(f.job, windows.Handle(handle)) })
}

// kill ends all of them.
func (f *family) kill() error {
	_ = windows.TerminateJobObject(f.job, 1)
	return f.cmd.Process.Kill()
}

func (f *family) close() { _ = windows.CloseHandle(f.job) }
