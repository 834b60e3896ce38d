package durable_test

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/usher-iga/usher/agent/durable"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

func names(t *testing.T, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func content(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestFile(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "a.json")
	if err := durable.WriteFile(path, []byte("old")); err != nil {
		t.Fatal(err)
	}
	f, err := durable.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("new")); err != nil {
		t.Fatal(err)
	}
	if got := content(t, path); got != "old" {
		t.Errorf("before Commit: %q", got)
	}
	if err := f.Commit(); err != nil {
		t.Fatal(err)
	}
	f.Discard()
	if got := content(t, path); got != "new" {
		t.Errorf("after Commit: %q", got)
	}
	discarded, err := durable.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	discarded.Discard()
	if got := names(t, folder); !slices.Equal(got, []string{"a.json"}) {
		t.Errorf("left: %v", got)
	}
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != durable.FileMode {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestMakeFolder(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "a", "b", "c")
	for range 2 {
		if err := durable.MakeFolder(path); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != durable.FolderMode {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	file := filepath.Join(folder, "file")
	if err := durable.WriteFile(file, nil); err != nil {
		t.Fatal(err)
	}
	for _, below := range []string{file, filepath.Join(file, "x")} {
		err := durable.MakeFolder(below)
		if f := fault.Of(err); f == nil || f.Code != fault.Storage || !strings.Contains(f.Hint, "a file, not a folder") {
			t.Errorf("%s: %v", below, err)
		}
	}
}

func TestLink(t *testing.T) {
	folder := t.TempDir()
	from, to := filepath.Join(folder, "from"), filepath.Join(folder, "to")
	for _, text := range []string{"1", "2"} {
		if err := os.Remove(from); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		if err := durable.WriteFile(from, []byte(text)); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := durable.Link(from, to); err != nil {
				t.Fatal(err)
			}
		}
		if got := content(t, to); got != text {
			t.Errorf("got %q, want %q", got, text)
		}
	}
	if err := durable.Copy(from, filepath.Join(folder, "copy")); err != nil || content(t, filepath.Join(folder, "copy")) != "2" {
		t.Error(err)
	}
	if got := names(t, folder); !slices.Equal(got, []string{"copy", "from", "to"}) {
		t.Errorf("left: %v", got)
	}
	if err := durable.Link(filepath.Join(folder, "none"), to); !fault.Is(err, fault.Storage) || content(t, to) != "2" {
		t.Errorf("got %v", err)
	}
}

func TestRemoveLeftovers(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{".a.csv.1234.tmp", ".a.csv.link.tmp", ".b.csv.1.tmp", "a.csv", ".a.csv", "a.csv.1.tmp", ".a.csv.tmp"} {
		if err := os.WriteFile(filepath.Join(folder, name), nil, durable.FileMode); err != nil {
			t.Fatal(err)
		}
	}
	if err := durable.RemoveLeftovers(folder, "x", "a.csv"); err != nil {
		t.Fatal(err)
	}
	if got := names(t, folder); !slices.Equal(got, []string{".a.csv", ".a.csv.tmp", ".b.csv.1.tmp", "a.csv", "a.csv.1.tmp"}) {
		t.Errorf("left: %v", got)
	}
	if err := durable.RemoveLeftovers(filepath.Join(folder, "none"), "a"); err != nil {
		t.Error(err)
	}
}

func TestRemove(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	if err := durable.WriteFile(path, nil); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := durable.Remove(path); err != nil {
			t.Error(err)
		}
	}
}
