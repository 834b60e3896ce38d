package durable

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

func TestCheckPrivate(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "in")
	if err := MakeFolder(folder); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "key")
	if err := WriteFile(path, []byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := CheckPrivate(path); err != nil {
		t.Errorf("what this package creates is not private: %v", err)
	}
	inherits := filepath.Join(folder, "other")
	if err := os.WriteFile(inherits, nil, FileMode); err != nil {
		t.Fatal(err)
	}
	if err := CheckPrivate(inherits); err != nil {
		t.Errorf("what is created in its folders is not private: %v", err)
	}
	icacls := func(args ...string) {
		t.Helper()
		if out, err := exec.CommandContext(t.Context(), "icacls", args...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	icacls(path, "/grant", "*S-1-5-32-545:R")
	if err := CheckPrivate(path); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "the group Users") || !strings.Contains(fault.Of(err).Hint, "icacls") {
		t.Errorf("got %v", err)
	}
	icacls(folder, "/grant", "*S-1-1-0:F")
	if err := CheckPrivate(path); !fault.Is(err, fault.Invalid) {
		t.Errorf("got %v", err)
	}
}
