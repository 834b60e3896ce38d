package publish_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/usher-iga/usher/agent/durable"
	"github.com/usher-iga/usher/agent/export/publish"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// withoutPower lets the test work on files as an ordinary account does, which rights
// hold back, and gives it a folder.
func withoutPower(t *testing.T) (folder string) {
	t.Helper()
	folder = t.TempDir()
	if os.Geteuid() != 0 {
		return folder
	}
	const nobody = 65534
	if err := os.Chown(folder, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(folder), 0o711); err != nil {
		t.Fatal(err)
	}
	runtime.LockOSThread()
	if err := syscall.Setfsuid(nobody); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Setfsuid(0); err != nil {
			return // the locked thread ends with the test
		}
		runtime.UnlockOSThread()
	})
	return folder
}

// Once the manifest has been replaced the set is published, though the folder could
// not be written: that is a warning.
func TestManifestIsUnsafe(t *testing.T) {
	for name, earlier := range map[string]map[string]string{"first run": nil, "second run": {"A_x.csv": "one"}} {
		t.Run(name, func(t *testing.T) {
			o := publish.Output{Folder: withoutPower(t), Connection: "A"}
			if _, err := os.Stat(o.Folder); err != nil {
				t.Skipf("an ordinary account cannot use the folder: %v", err)
			}
			if earlier != nil {
				publishRun(t, o, "1", earlier)
			}
			o.Cut = func(step string) error {
				if step == "commit" {
					return os.Chmod(o.Folder, 0o300) // names can be changed, but not synced
				}
				return nil
			}
			stage, err := o.Stage("2")
			if err != nil {
				t.Fatal(err)
			}
			if err := durable.WriteFile(stage.Path("A_x.csv"), []byte("two")); err != nil {
				t.Fatal(err)
			}
			warning, err := stage.Publish(publish.Manifest{Files: []publish.File{{Name: "A_x.csv"}}})
			if f := fault.Of(warning); err != nil || f == nil || f.Code != fault.Storage || !strings.Contains(f.Message, "a power cut might") {
				t.Errorf("warning %v, error %v", warning, err)
			}
			if err := stage.Discard(); err != nil {
				t.Error(err)
			}
			if err := os.Chmod(o.Folder, durable.FolderMode); err != nil {
				t.Fatal(err)
			}
			m, err := o.Current()
			if err != nil || m.Run != "2" {
				t.Fatalf("%+v, %v", m, err)
			}
			for _, folder := range []string{".", filepath.FromSlash(m.Folder)} {
				if got := read(t, filepath.Join(o.Folder, folder, "A_x.csv")); got != "two" {
					t.Errorf("in %s: %q", folder, got)
				}
			}
		})
	}
}
