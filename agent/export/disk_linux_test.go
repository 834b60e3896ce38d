package export_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/usher-iga/usher/agent/export"
	"github.com/usher-iga/usher/agent/export/publish"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
	"github.com/usher-iga/usher/connectors/sdk/record"
)

// disk mounts a small disk for a test.
func disk(t *testing.T, size string) string {
	t.Helper()
	folder := t.TempDir()
	if err := syscall.Mount("usher-test", folder, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("a small disk needs the right to mount one: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(folder, 0); err != nil {
			t.Error(err)
		}
	})
	return folder
}

// large finds more than a small disk holds.
func large(objects int) sourceFunc {
	return func(_ context.Context, _ sdk.ExportRequest, s sdk.Sink) error {
		for i := range 2 {
			w, err := s.Begin(i, true, "")
			if err != nil {
				return err
			}
			var o record.Object
			text := make([]byte, 500)
			for n := range objects {
				_, _ = rand.Read(text)
				o.Reset()
				o.SetID(fmt.Appendf(nil, "%d-%d", i, n))
				o.Text(0, []byte(hex.EncodeToString(text)))
				if err := w.Object(&o); err != nil {
					return err
				}
			}
			if err := w.End(""); err != nil {
				return err
			}
		}
		return nil
	}
}

// A full disk is told with the path and the way out, wherever it fills up: in the
// spool, in the files, or with the very last of them.
func TestDiskFull(t *testing.T) {
	folder := disk(t, "2m")
	if _, err := export.Run(context.Background(), options(folder, "1", small())); err != nil {
		t.Fatal(err)
	}
	failed := 0
	for objects := 100; objects < 1200; objects += 100 {
		o := options(folder, fmt.Sprint(objects), small())
		o.Source = large(objects)
		o.Spool.Memory, o.Spool.Block, o.Spool.FanIn = 64<<10, 4<<10, 32
		before := published(t, folder)
		_, err := export.Run(context.Background(), o)
		if err == nil {
			continue
		}
		failed++
		f := fault.Of(err)
		if f == nil || f.Code != fault.Storage || !strings.Contains(f.Message, folder) || !strings.Contains(f.Hint, "is full; free space") {
			t.Errorf("%d objects: %v", objects, err)
		}
		if !maps.Equal(published(t, folder), before) {
			t.Errorf("%d objects: the published files have changed", objects)
		}
		current, err := publish.ReadManifest(filepath.Join(output(folder), "Contoso_manifest.json"))
		if err != nil {
			t.Fatal(err)
		}
		isTidy(t, folder, current)
	}
	if failed < 3 {
		t.Errorf("%d runs found the disk full", failed)
	}
}

func TestReadOnlyDisk(t *testing.T) {
	folder := disk(t, "2m")
	if _, err := export.Run(context.Background(), options(folder, "1", small())); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("", folder, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, "size=2m"); err != nil {
		t.Skipf("cannot make the disk read-only: %v", err)
	}
	_, err := export.Run(context.Background(), options(folder, "2", other()))
	if f := fault.Of(err); f == nil || f.Code != fault.Storage || !strings.Contains(f.Hint, "read-only") {
		t.Errorf("got %v", err)
	}
	if got := published(t, folder); len(got) != 4 {
		t.Errorf("published: %v", got)
	}
}

func TestFolderWithoutRights(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("the administrator may write everywhere")
	}
	folder := t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, "Temp"), 0o500); err != nil {
		t.Fatal(err)
	}
	_, err := export.Run(context.Background(), options(folder, "1", small()))
	if f := fault.Of(err); f == nil || f.Code != fault.Storage || !strings.Contains(f.Hint, "Give the account") {
		t.Errorf("got %v", err)
	}
}
