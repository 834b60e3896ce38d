package publish_test

import (
	"crypto/sha256"
	"fmt"
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
	if err := stage.Publish(m); err != nil {
		t.Fatal(err)
	}
	if err := o.Recover(); err != nil {
		t.Fatal(err)
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
	for _, useless := range []string{"0.staging", "7"} {
		path := filepath.Join(folder, ".A", useless)
		if err := durable.MakeFolder(path); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(path, "A_z.csv"), []byte("ours"), durable.FileMode); err != nil {
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

// Names of a first run that was never committed disappear, also where they are
// copies and not links.
func TestRecoverFirstRun(t *testing.T) {
	folder := t.TempDir()
	o := publish.Output{Folder: folder, Connection: "A"}
	set := filepath.Join(folder, ".A", "1")
	if err := durable.MakeFolder(set); err != nil {
		t.Fatal(err)
	}
	text := strings.Repeat("x", 200_000)
	for _, path := range []string{
		filepath.Join(set, "A_link.csv"), filepath.Join(set, "A_copy.csv"), filepath.Join(folder, "A_copy.csv"),
		filepath.Join(set, "A_other.csv"), filepath.Join(folder, ".A_manifest.json.1.tmp"),
	} {
		if err := os.WriteFile(path, []byte(text), durable.FileMode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Link(filepath.Join(set, "A_link.csv"), filepath.Join(folder, "A_link.csv")); err != nil {
		t.Skipf("the disk has no links: %v", err)
	}
	if err := os.WriteFile(filepath.Join(folder, "A_other.csv"), []byte(text[1:]+"y"), durable.FileMode); err != nil {
		t.Fatal(err)
	}
	if err := o.Recover(); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if !slices.Equal(names, []string{"A_other.csv"}) {
		t.Errorf("left: %v", names)
	}
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
