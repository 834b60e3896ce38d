package publish_test

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-iga/usher/agent/durable"
	"github.com/usher-iga/usher/agent/export/publish"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// publishRun publishes files with a text each.
func publishRun(t *testing.T, o publish.Output, run string, files map[string]string) {
	t.Helper()
	if err := o.Recover(); err != nil {
		t.Fatal(err)
	}
	stage, err := o.Stage(run)
	if err != nil {
		t.Fatal(err)
	}
	m := publish.Manifest{Mode: publish.Complete, Started: time.Unix(1, 0).UTC(), Usher: "1.2.3"}
	for name, text := range files {
		if err := durable.WriteFile(stage.Path(name), []byte(text)); err != nil {
			t.Fatal(err)
		}
		m.Files = append(m.Files, publish.File{Name: name, Kind: publish.Objects, Bytes: uint64(len(text)), SHA256: fmt.Sprintf("%x", sha256.Sum256([]byte(text)))})
	}
	if warning, err := stage.Publish(m); warning != nil || err != nil {
		t.Fatal(warning, err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestManifestIsReadBack(t *testing.T) {
	o := publish.Output{Folder: t.TempDir(), Connection: "A"}
	if m, err := o.Current(); m != nil || err != nil {
		t.Errorf("at first: %v, %v", m, err)
	}
	publishRun(t, o, "1", map[string]string{"A_x.csv": "one"})
	publishRun(t, o, "2", map[string]string{"A_x.csv": "two"})
	m, err := o.Current()
	if err != nil {
		t.Fatal(err)
	}
	if m.Version != 1 || m.Run != "2" || m.Previous != "1" || m.Folder != ".A/2" || m.Connection != "A" || m.Usher != "1.2.3" || !m.Started.Equal(time.Unix(1, 0)) {
		t.Errorf("got %+v", m)
	}
	if err := publish.Verify(o.Folder, m); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(o.Folder, ".A", "2", "A_x.csv"), []byte("TWO"), durable.FileMode); err != nil {
		t.Fatal(err)
	}
	if err := publish.Verify(o.Folder, m); !fault.Is(err, fault.Storage) || !strings.Contains(err.Error(), "A_x.csv was changed") {
		t.Errorf("got %v", err)
	}
}

func TestReadManifestRefuses(t *testing.T) {
	for _, tc := range []struct{ content, want string }{
		{`{`, "is damaged"},
		{`{}`, "is damaged: it does not name its folder"},
		{`{"version": 1, "folder": "../../etc"}`, "does not name its folder"},
		{`{"version": 1, "folder": ".A/1", "files": [{"name": "../x"}]}`, "names a file that is none"},
		{`{"version": 2, "usher": "9.0"}`, "has version 2"},
	} {
		path := filepath.Join(t.TempDir(), "A_manifest.json")
		if err := os.WriteFile(path, []byte(tc.content), durable.FileMode); err != nil {
			t.Fatal(err)
		}
		_, err := publish.ReadManifest(path)
		if f := fault.Of(err); f == nil || f.Code != fault.Storage || !strings.Contains(f.Message, tc.want) || f.Hint == "" {
			t.Errorf("%s: %v", tc.content, err)
		}
		if err := (publish.Output{Folder: filepath.Dir(path), Connection: "A"}).Recover(); !fault.Is(err, fault.Storage) {
			t.Errorf("Recover with %s: %v", tc.content, err)
		}
	}
}

// Recover gives fixed names back that somebody deleted or replaced, keeps what is
// not its own, and leaves a connection alone whose name begins alike.
func TestRecover(t *testing.T) {
	folder := t.TempDir()
	a := publish.Output{Folder: folder, Connection: "A"}
	b := publish.Output{Folder: folder, Connection: "A_x"}
	publishRun(t, a, "1", map[string]string{"A_x.csv": "one", "A_y.csv": "same"})
	publishRun(t, b, "1", map[string]string{"A_x_y.csv": "same"})
	for name, change := range map[string]func(string) error{"A_x.csv": os.Remove, "A_y.csv": func(path string) error {
		return os.WriteFile(path+".new", []byte("other"), durable.FileMode)
	}} {
		if err := change(filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Rename(filepath.Join(folder, "A_y.csv.new"), filepath.Join(folder, "A_y.csv")); err != nil {
		t.Fatal(err)
	}
	stray := filepath.Join(folder, "A_z.csv")
	if err := os.WriteFile(stray, []byte("not ours"), durable.FileMode); err != nil {
		t.Fatal(err)
	}
	for useless, text := range map[string]string{"0.staging": "not ours", "7": "ours"} {
		path := filepath.Join(folder, ".A", useless)
		if err := durable.MakeFolder(path); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(path, "A_z.csv"), []byte(text), durable.FileMode); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Recover(); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"A_x.csv": "one", "A_y.csv": "same", "A_z.csv": "not ours", "A_x_y.csv": "same"} {
		if got := read(t, filepath.Join(folder, name)); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	sets, err := os.ReadDir(filepath.Join(folder, ".A"))
	if err != nil || len(sets) != 1 || sets[0].Name() != "1" {
		t.Errorf("sets: %v, %v", sets, err)
	}
}

// Without a manifest all that is published stays, whatever runs fail, until the next
// one that succeeds.
func TestLostManifest(t *testing.T) {
	o := publish.Output{Folder: t.TempDir(), Connection: "A"}
	publishRun(t, o, "1", map[string]string{"A_x.csv": "one", "A_y.csv": "y"})
	publishRun(t, o, "2", map[string]string{"A_x.csv": "two", "A_y.csv": "y"})
	for _, path := range []string{o.Manifest(), filepath.Join(o.Folder, "A_y.csv")} {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	copied := filepath.Join(o.Folder, "A_y.csv") // as on a disk without links
	unfinished := filepath.Join(o.Folder, ".A_manifest.json.1.tmp")
	for _, path := range []string{copied, unfinished} {
		if err := os.WriteFile(path, []byte("y"), durable.FileMode); err != nil {
			t.Fatal(err)
		}
	}
	for _, cut := range []string{"sync the set", "name the set", "commit"} {
		failing := o
		failing.Cut = func(step string) error {
			if step == cut {
				return fault.Errorf(fault.Storage, "no space")
			}
			return nil
		}
		if err := failing.Recover(); err != nil {
			t.Fatal(err)
		}
		stage, err := failing.Stage("3")
		if err != nil {
			t.Fatal(err)
		}
		if err := durable.WriteFile(stage.Path("A_y.csv"), []byte("y")); err != nil {
			t.Fatal(err)
		}
		if _, err := stage.Publish(publish.Manifest{Files: []publish.File{{Name: "A_y.csv"}}}); !fault.Is(err, fault.Storage) {
			t.Errorf("%s: %v", cut, err)
		}
		if err := stage.Discard(); err != nil {
			t.Error(err)
		}
		for path, want := range map[string]string{"A_x.csv": "two", "A_y.csv": "y", ".A/1/A_x.csv": "one", ".A/2/A_x.csv": "two"} {
			if got := read(t, filepath.Join(o.Folder, filepath.FromSlash(path))); got != want {
				t.Errorf("%s: %s is %q, want %q", cut, path, got, want)
			}
		}
		if sets, err := os.ReadDir(filepath.Join(o.Folder, ".A")); err != nil || len(sets) != 2 {
			t.Errorf("%s: sets: %v, %v", cut, sets, err)
		}
	}
	publishRun(t, o, "4", map[string]string{"A_x.csv": "four"})
	want := []string{".A/4/A_x.csv", "A_manifest.json", "A_x.csv"}
	if got := files(t, o.Folder); !slices.Equal(got, want) {
		t.Errorf("left: %v, want %v", got, want)
	}
	if got := read(t, filepath.Join(o.Folder, "A_x.csv")); got != "four" {
		t.Errorf("A_x.csv is %q", got)
	}
}

// files lists all files in a folder.
func files(t *testing.T, folder string) []string {
	t.Helper()
	var names []string
	err := fs.WalkDir(os.DirFS(folder), ".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestStageOfAPublishedRun(t *testing.T) {
	o := publish.Output{Folder: t.TempDir(), Connection: "A"}
	publishRun(t, o, "1", map[string]string{"A_x.csv": "one"})
	if _, err := o.Stage("1"); !fault.Is(err, fault.Conflict) {
		t.Errorf("got %v", err)
	}
}

func TestIsPlainName(t *testing.T) {
	for name, want := range map[string]bool{
		"a.csv": true, "Ü ber": true, ".a": true,
		"": false, ".": false, "..": false, "a/b": false, `a\b`: false, "C:a": false, "/a": false,
	} {
		if got := publish.IsPlainName(name); got != want {
			t.Errorf("%q: %t", name, got)
		}
	}
}
