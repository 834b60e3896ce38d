package publish_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/usher-iga/usher/agent/durable"
	"github.com/usher-iga/usher/agent/export/publish"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// holdRun holds a set of one file.
func holdRun(t *testing.T, o publish.Output, run, text string) publish.Manifest {
	t.Helper()
	stage, err := o.Stage(run)
	if err != nil {
		t.Fatal(err)
	}
	if err := durable.WriteFile(stage.Path("A_x.csv"), []byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := stage.Hold(func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	if err := stage.Discard(); err != nil {
		t.Fatal(err)
	}
	return publish.Manifest{Files: []publish.File{
		{Name: "A_x.csv", Kind: publish.Objects, Bytes: uint64(len(text)), SHA256: fmt.Sprintf("%x", sha256.Sum256([]byte(text)))},
	}}
}

// A held set that could not be published is held still, and can be published again; also
// where there is no manifest, and so nothing tells that what was left is of no use.
func TestRestage(t *testing.T) {
	cut := errors.New("cut")
	for _, first := range []bool{true, false} {
		o := publish.Output{Folder: t.TempDir(), Connection: "A"}
		if !first {
			publishRun(t, o, "1", map[string]string{"A_x.csv": "one"})
		}
		m := holdRun(t, o, "2", "two")
		failing := o
		failing.Cut = func(step string) error {
			if step == "commit" {
				panic(cut) // as if the program were killed
			}
			return nil
		}
		func() {
			defer func() {
				if recover() != cut { //nolint:errorlint // it is the very one
					t.Error("it was not cut")
				}
			}()
			stage, err := failing.Restage(t.Context(), "2", m.Files)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = stage.Publish(m)
		}()
		if err := o.Recover(); err != nil {
			t.Fatal(err)
		}
		stage, err := o.Restage(t.Context(), "2", m.Files)
		if err != nil {
			t.Fatal(err)
		}
		if warning, err := stage.Publish(m); warning != nil || err != nil {
			t.Fatal(warning, err)
		}
		if got := read(t, filepath.Join(o.Folder, "A_x.csv")); got != "two" {
			t.Errorf("published is %q", got)
		}
		if err := o.DiscardHeld(""); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(filepath.Join(o.Folder, ".A", "2.held")); !os.IsNotExist(err) {
			t.Errorf("it is held still: %v", err)
		}
	}
}

// A set whose files are not what was held is refused.
func TestRestageOfChangedFiles(t *testing.T) {
	o := publish.Output{Folder: t.TempDir(), Connection: "A"}
	m := holdRun(t, o, "2", "two")
	path := filepath.Join(o.Folder, ".A", "2.held", "A_x.csv")
	for _, change := range []func() error{
		func() error { return os.WriteFile(path, []byte("TWO"), 0o600) },
		func() error { return os.Remove(path) },
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		if _, err := o.Restage(t.Context(), "2", m.Files); !fault.Is(err, fault.Storage) {
			t.Errorf("got %v", err)
		}
		if left, err := os.ReadDir(filepath.Join(o.Folder, ".A")); err != nil || len(left) != 1 {
			t.Errorf("left are %v, %v", left, err)
		}
	}
}
