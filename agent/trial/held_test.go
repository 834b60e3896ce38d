package trial_test

import (
	"encoding/json"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/usher-iga/usher/agent/export/publish"
	"github.com/usher-iga/usher/agent/trial"
)

// heldRun is a tenant, and an installation with a run that deletes too much.
type heldRun struct {
	sandbox      *trial.Sandbox
	installation *trial.Installation
	copied       copied
	run          string // that is held
}

// hold makes a run that is held.
func hold(t *testing.T) *heldRun {
	t.Helper()
	h := &heldRun{}
	h.sandbox, h.installation = start(t, "--users", "100", "--groups", "10", "--memberships", "200")
	h.installation.Complete = false
	h.limit(t, 3)
	h.copied.load(t, h.installation, mustExport(t, h.installation))
	control(t, h.sandbox, "POST", "/churn", json.RawMessage(`{"seed": 1, "users": {"create": 2, "softDelete": 6}, "members": {"add": 10, "remove": 10}}`))
	h.exceed(t)
	return h
}

// limit sets how many objects a run may delete.
func (h *heldRun) limit(t *testing.T, deletes int) {
	t.Helper()
	h.installation.Change = func(c map[string]any) {
		everything(c)
		c["MaximumDeletedLines"] = deletes
	}
	write(t, h.installation)
}

// exceed makes a run that is held.
func (h *heldRun) exceed(t *testing.T) {
	t.Helper()
	result := usher(t, h.installation, "export", trial.Connection, "--json")
	message, hint, code := failure(t, result)
	if result.Code != 3 || code != "held" || !strings.Contains(message, "it deletes 6 objects, and MaximumDeletedLines is 3") || !strings.Contains(hint, "usher runs release") {
		t.Fatalf("exit code %d, %s: %s. %s", result.Code, code, message, hint)
	}
	runs := h.runs(t)
	if runs[0].State != "held" {
		t.Fatalf("the last run is %v", runs[0])
	}
	h.run = runs[0].ID
}

// listed is a run as the command line lists it.
type listed struct{ ID, State, Mode string }

func (h *heldRun) runs(t *testing.T) []listed {
	t.Helper()
	var list struct{ Runs []listed }
	h.read(t, &list, "runs", "list", trial.Connection)
	return list.Runs
}

// read reads what a command says.
func (h *heldRun) read(t *testing.T, into any, arguments ...string) {
	t.Helper()
	result := usher(t, h.installation, append(arguments, "--json")...)
	if err := json.Unmarshal([]byte(result.Stdout), into); err != nil || result.Code != 0 {
		t.Fatalf("usher %v: exit code %d, %v\n%s%s", arguments, result.Code, err, result.Stdout, result.Stderr)
	}
}

// text is what a command tells a person.
func (h *heldRun) text(t *testing.T, arguments ...string) string {
	t.Helper()
	result := usher(t, h.installation, arguments...)
	if result.Code != 0 || result.Stderr != "" {
		t.Fatalf("usher %v: exit code %d\n%s%s", arguments, result.Code, result.Stdout, result.Stderr)
	}
	return result.Stdout
}

// folder is where the held files are.
func (h *heldRun) folder() string {
	return filepath.Join(h.installation.Output(), "."+trial.Connection, h.run+".held")
}

// contents are the files of the output folder with their times, except those of the held
// run.
func (h *heldRun) contents(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(h.installation.Output(), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.Contains(path, ".held") {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		content, err := os.ReadFile(path)
		all[path] = info.ModTime().String() + string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// A run over a threshold changes nothing until somebody decides, and exports wait for
// that too (E13).
func TestHeld(t *testing.T) {
	t.Parallel()
	h := hold(t)
	files, err := os.ReadDir(h.folder())
	if want := len(published(t, h.installation).Files); err != nil || len(files) != want {
		t.Errorf("held are %v, %v", files, err)
	}
	cookies, before := h.text(t, "cookies", "list", trial.Connection), h.contents(t)
	if strings.Contains(cookies, h.run) {
		t.Errorf("the cookies are those of the held run: %s", cookies)
	}
	control(t, h.sandbox, "DELETE", "/counters")
	result := usher(t, h.installation, "export", trial.Connection, "--json")
	if message, hint, code := failure(t, result); result.Code != 3 || code != "held" || !strings.Contains(message, "while run "+h.run+" is held") || !strings.Contains(hint, "--complete") {
		t.Errorf("exit code %d, %s: %s. %s", result.Code, code, message, hint)
	}
	var counters struct{ Requests map[string]map[string]int }
	if err := h.sandbox.Control(t.Context(), "GET", "/counters", nil, &counters); err != nil || len(counters.Requests) > 1 { // this one
		t.Errorf("an export that is refused sent requests: %v, %v", counters.Requests, err)
	}
	if runs := h.runs(t); len(runs) != 2 || runs[1].State != "published" || runs[1].Mode != "complete" {
		t.Errorf("the runs are %v", runs)
	}
	show := h.text(t, "runs", "show", trial.Connection, h.run)
	for _, want := range []string{h.run + ": held, incremental", "MaximumDeletedLines is 3", "usher runs release", "delete  6 rows"} {
		if !strings.Contains(show, want) {
			t.Errorf("runs show does not tell %q:\n%s", want, show)
		}
	}
	if !maps.Equal(before, h.contents(t)) || cookies != h.text(t, "cookies", "list", trial.Connection) {
		t.Error("files or cookies have changed")
	}
}

func TestHeldIsReleased(t *testing.T) {
	t.Parallel()
	h := hold(t)
	if told := h.text(t, "runs", "release", trial.Connection, h.run); !strings.Contains(told, "is released") {
		t.Errorf("told %q", told)
	}
	manifest := published(t, h.installation)
	if manifest.Run != h.run {
		t.Errorf("published is run %s, want %s", manifest.Run, h.run)
	}
	h.copied.load(t, h.installation, manifest)
	h.copied.check(t, h.sandbox)
	h.copied.nothing(t, h.installation)
	if runs := h.runs(t); runs[1].State != "released" {
		t.Errorf("the runs are %v", runs)
	}
	checkLeftovers(t, h.installation)
}

func TestHeldIsDiscarded(t *testing.T) {
	t.Parallel()
	h := hold(t)
	if told := h.text(t, "runs", "discard", trial.Connection, h.run); !strings.Contains(told, "is discarded") {
		t.Errorf("told %q", told)
	}
	if _, err := os.Stat(h.folder()); !os.IsNotExist(err) {
		t.Errorf("the held files are there still: %v", err)
	}
	first := h.run
	h.exceed(t) // the same changes again
	h.text(t, "runs", "discard", trial.Connection, h.run)
	h.limit(t, 0)
	manifest := mustExport(t, h.installation)
	h.copied.load(t, h.installation, manifest)
	h.copied.check(t, h.sandbox)
	if runs := h.runs(t); runs[1].State != "discarded" || runs[2] != (listed{first, "discarded", "incremental"}) {
		t.Errorf("the runs are %v", runs)
	}
	checkLeftovers(t, h.installation)
}

func TestHeldIsReplaced(t *testing.T) {
	t.Parallel()
	h := hold(t)
	result := usher(t, h.installation, "export", trial.Connection, "--complete", "--json")
	if result.Code != 0 {
		t.Fatalf("exit code %d\n%s%s", result.Code, result.Stdout, result.Stderr)
	}
	h.copied.load(t, h.installation, published(t, h.installation))
	h.copied.check(t, h.sandbox)
	if runs := h.runs(t); runs[0].State != "published" || runs[1].State != "discarded" {
		t.Errorf("the runs are %v", runs)
	}
	checkLeftovers(t, h.installation)
}

// That the settings ask for everything is no decision on a held run, nor on what is too
// much; who types --complete decides.
func TestHeldWhileCookiesAreIgnored(t *testing.T) {
	t.Parallel()
	h := hold(t)
	h.installation.Change = func(c map[string]any) {
		everything(c)
		c["MaximumDeletedLines"], c["IgnoreCookieFile"] = 3, true
	}
	write(t, h.installation)
	if result := usher(t, h.installation, "export", trial.Connection); result.Code != 3 || !strings.Contains(result.Stderr, "while run "+h.run+" is held") {
		t.Errorf("exit code %d\n%s", result.Code, result.Stderr)
	}
	h.text(t, "runs", "discard", trial.Connection, h.run)
	h.exceed(t)
	if runs := h.runs(t); runs[0].Mode != "complete" {
		t.Errorf("the runs are %v", runs)
	}
	result := usher(t, h.installation, "export", trial.Connection, "--complete")
	if note := "note: run " + h.run + ", which was held, is discarded"; result.Code != 0 || !strings.Contains(result.Stderr, note) {
		t.Errorf("exit code %d\n%s", result.Code, result.Stderr)
	}
	h.copied.load(t, h.installation, published(t, h.installation))
	h.copied.check(t, h.sandbox)
	checkLeftovers(t, h.installation)
}

// A release that is killed at any moment can be made again.
func TestHeldReleaseIsKilled(t *testing.T) {
	t.Parallel()
	h := hold(t)
	random := rand.New(rand.NewPCG(3, 4))
	const most = 60
	moment := 5 * time.Millisecond
	for range most {
		cmd := h.installation.Command(t.Context(), "runs", "release", trial.Connection, h.run)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(moment)
		_ = cmd.Process.Kill() // it may have ended by itself
		if err := cmd.Wait(); err == nil {
			break
		}
		moment += time.Duration(random.IntN(int(10 * time.Millisecond))) // until it is fast enough
		manifest, err := publish.ReadManifest(filepath.Join(h.installation.Output(), trial.Connection+"_manifest.json"))
		if err != nil {
			t.Fatal(err)
		}
		if err := publish.Verify(h.installation.Output(), manifest); err != nil {
			t.Fatal(err)
		}
		if manifest.Run == h.run {
			break // it is for the next export to settle
		}
	}
	manifest, err := publish.ReadManifest(filepath.Join(h.installation.Output(), trial.Connection+"_manifest.json"))
	if err != nil || manifest.Run != h.run {
		t.Fatalf("run %s was not released: %v", h.run, err)
	}
	h.copied.load(t, h.installation, manifest)
	h.copied.check(t, h.sandbox)
	h.copied.nothing(t, h.installation)
	checkLeftovers(t, h.installation)
}
