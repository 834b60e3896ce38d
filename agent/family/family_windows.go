package family

import (
	"os/exec"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Family is a program and what it starts: a job.
type Family struct {
	cmd *exec.Cmd
	job windows.Handle // 0 after Close
}

// limits is not on the stack, which may move while Windows is given its address.
var limits = windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{ //nolint:gochecknoglobals // never changed
	BasicLimitInformation: windows.JOBOBJECT_BASIC_LIMIT_INFORMATION{LimitFlags: windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE},
}

// New prepares cmd, which must not have SysProcAttr of its own. Close frees the family.
func New(cmd *exec.Cmd) (*Family, error) {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return nil, err
	}
	if _, err := windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&limits)), uint32(unsafe.Sizeof(limits))); err != nil {
		_ = windows.CloseHandle(job)
		return nil, err
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
	return &Family{cmd, job}, nil
}

// Start is cmd.Start. What the program starts in its very first moment may be missed.
func (f *Family) Start() error {
	if err := f.cmd.Start(); err != nil {
		return err
	}
	// If that fails, Kill ends the program alone.
	_ = f.cmd.Process.WithHandle(func(handle uintptr) { _ = windows.AssignProcessToJobObject(f.job, windows.Handle(handle)) })
	return nil
}

// Kill ends all of them, after Start; it may be called again.
func (f *Family) Kill() error {
	_ = windows.TerminateJobObject(f.job, 1)
	return f.cmd.Process.Kill()
}

// Close is to be called once the program has ended. On Windows it ends what the program has left.
func (f *Family) Close() {
	_ = windows.CloseHandle(f.job)
	f.job = 0
}
