//go:build !windows

package durable

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

func TestFault(t *testing.T) {
	for _, tc := range []struct {
		err        error
		text, hint string
	}{
		{&fs.PathError{Op: "write", Path: "/x/.a.1.tmp", Err: syscall.ENOSPC}, "cannot write /x/a: no space left on device", "The disk that holds /x is full"},
		{&fs.PathError{Err: syscall.EDQUOT}, "quota", "quota of the account"},
		{&os.LinkError{Op: "rename", Old: "b", New: "c", Err: syscall.EROFS}, "cannot write /x/a: read-only", "is read-only"},
		{&fs.PathError{Err: syscall.EACCES}, "permission denied", "Give the account that runs Usher"},
		{&fs.PathError{Err: syscall.ENOENT}, "no such file", "See that /x exists"},
		{&fs.PathError{Err: syscall.EMFILE}, "too many", "Raise the number of files"},
		{&fs.PathError{Err: syscall.ENAMETOOLONG}, "name too long", "shorter name"},
		{&fs.PathError{Err: syscall.ENOTDIR}, "not a directory", "a file, not a folder"},
		{io.ErrShortWrite, "cannot write /x/a: short write", ""},
	} {
		err := Fault(tc.err, "write", "/x/a")
		f := fault.Of(err)
		if f == nil || f.Code != fault.Storage || !strings.Contains(err.Error(), tc.text) || !strings.Contains(f.Hint, tc.hint) {
			t.Errorf("%v: got %v, hint %q", tc.err, err, f.Hint)
		}
		if again := Fault(fmt.Errorf("outside: %w", err), "read", "/y"); fault.Of(again) != f {
			t.Errorf("a fault was explained again: %v", again)
		}
	}
	if err := Fault(nil, "write", "/x"); err != nil {
		t.Error(err)
	}
	if err := Fault(&fs.PathError{Err: syscall.ENOSPC}, "write", "/x"); !errors.Is(err, syscall.ENOSPC) {
		t.Error("the cause is lost")
	}
}

// counter is a clock that counts how often it was asked to wait.
type counter struct{ sleeps int }

func (c *counter) Now() time.Time { return time.Time{} }

func (c *counter) Sleep(context.Context, time.Duration) error {
	c.sleeps++
	return nil
}

func TestRetry(t *testing.T) {
	held := errors.New("in use")
	isHeld := func(err error) bool { return errors.Is(err, held) }
	for _, tc := range []struct {
		name         string
		results      []error
		sleeps, left int
		want         error
	}{
		{"at once", []error{nil}, 0, 0, nil},
		{"other failure", []error{io.EOF, nil}, 0, 1, io.EOF},
		{"set free", []error{held, held, nil}, 2, 0, nil},
		{"never", make([]error, 0), retries, 0, held},
	} {
		wait := &counter{}
		err := retry(func() error {
			if len(tc.results) == 0 {
				return held
			}
			err := tc.results[0]
			tc.results = tc.results[1:]
			return err
		}, isHeld, wait)
		if !errors.Is(err, tc.want) || wait.sleeps != tc.sleeps || len(tc.results) != tc.left {
			t.Errorf("%s: %v after %d sleeps, %d left", tc.name, err, wait.sleeps, len(tc.results))
		}
	}
}
