package trial_test

import (
	"bytes"
	"fmt"
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

// Killed at any moment, agent or connector, the published set stays whole, the next
// run is right, and nothing piles up (E11).
func TestKill(t *testing.T) {
	t.Parallel()
	k := newKilling(t)
	random := rand.New(rand.NewPCG(1, 2))
	const kills = 50
	killed := 0
	for i := range kills {
		which := 1 - k.published // so that old and new differ
		stuck := i%2 == 0
		moment := time.Duration(float64(k.usual[which]) * (float64(i) + random.Float64()) / kills)
		if stuck {
			k.hang(t, random.IntN(30))
		}
		if died := k.kill(t, which, stuck, moment, i/2%2 == 1); died {
			killed++
		} else if stuck {
			t.Errorf("kill %d: the run ended though a request hung", i)
		}
		k.check(t, which)
		if i%10 == 9 {
			k.export(t, 1-k.published)
		}
	}
	t.Logf("%d of %d runs were killed, the others were faster", killed, kills)
	k.export(t, 1-k.published)
	k.sandbox.Stop()
	checkLeftovers(t, k.installation)
}

// killing exports one tenant with two mappings, which ask for different files with
// different contents.
type killing struct {
	sandbox      *trial.Sandbox
	installation *trial.Installation
	mappings     [2]map[string]any
	want         [2]map[string]string // sums of the files, by mapping
	usual        [2]time.Duration     // of an export, by mapping
	published    int                  // mapping of the published set
	run          string               // that published it
	hung         int                  // requests that hang or did
}

func newKilling(t *testing.T) *killing {
	t.Helper()
	k := &killing{mappings: [2]map[string]any{
		{"C0": "user group directoryRole", "Navigations": "members owners", "Properties": trial.Columns("id", "displayName", "proxyAddresses")},
		{"C0": "user group", "Navigations": "members manager", "Properties": trial.Columns("id", "userPrincipalName")},
	}}
	k.sandbox, k.installation = start(t, "--users", "1500", "--groups", "100", "--memberships", "6000")
	for which := range k.mappings {
		k.set(t, which)
		k.want[which] = sums(mustExport(t, k.installation))
		began := time.Now()
		k.export(t, which)
		k.usual[which] = time.Since(began)
	}
	return k
}

// set writes settings with a mapping.
func (k *killing) set(t *testing.T, which int) {
	t.Helper()
	k.installation.Change = func(c map[string]any) { c["EntityTypeMapping"] = k.mappings[which] }
	write(t, k.installation)
}

// export makes a whole run, after which the fixed names too are those of its set.
func (k *killing) export(t *testing.T, which int) {
	t.Helper()
	k.set(t, which)
	manifest := mustExport(t, k.installation)
	if got := sums(manifest); !maps.Equal(got, k.want[which]) {
		t.Fatalf("an export with mapping %d: %v, want %v", which, got, k.want[which])
	}
	k.published, k.run = which, manifest.Run
	var names []string
	for _, entry := range glob(t, filepath.Join(k.installation.Output(), "*.csv")) {
		names = append(names, filepath.Base(entry))
	}
	if len(names) != len(k.want[which]) {
		t.Errorf("the files are %v, want %v", names, k.want[which])
	}
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// hang lets a page of the next run hang, so that it cannot end.
func (k *killing) hang(t *testing.T, skip int) {
	t.Helper()
	once := map[string]any{"fault": "hang", "path": []string{"/users/delta", "/groups/delta"}[skip%2], "skip": skip}
	if err := k.sandbox.Control(t.Context(), "POST", "/faults/once", once, nil); err != nil {
		t.Fatal(err)
	}
	k.hung++
}

// kill starts a run and kills the agent, or its connector, when a request hangs or
// else after a while. It reports whether the run failed of that.
func (k *killing) kill(t *testing.T, which int, stuck bool, after time.Duration, connector bool) bool {
	t.Helper()
	k.set(t, which)
	cmd := k.installation.Command(t.Context(), "export", trial.Connection, "--json")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if stuck {
		await(t, "a request to hang", func() bool { return k.hanging(t) })
	} else {
		time.Sleep(after)
	}
	children := trial.Children(cmd.Process.Pid)
	victim := cmd.Process.Pid
	if connector && len(children) > 0 {
		victim = children[0]
	}
	process, err := os.FindProcess(victim)
	if err != nil {
		t.Fatal(err)
	}
	_ = process.Kill() // it may have ended by itself
	failed := cmd.Wait() != nil
	if strings.Contains(stderr.String(), "DATA RACE") {
		t.Errorf("data race:\n%s", stderr.String())
	}
	for _, pid := range children {
		await(t, fmt.Sprintf("connector %d to end", pid), func() bool { return !runs(pid) })
	}
	return failed
}

// hanging reports whether the last request that was to hang does.
func (k *killing) hanging(t *testing.T) bool {
	t.Helper()
	var counters struct{ Faults map[string]int }
	if err := k.sandbox.Control(t.Context(), "GET", "/counters", nil, &counters); err != nil {
		t.Fatal(err)
	}
	return counters.Faults["hang"] == k.hung
}

// check looks at what a killed run with a mapping left: the set of the run before,
// or its own.
func (k *killing) check(t *testing.T, which int) {
	t.Helper()
	manifest, err := publish.ReadManifest(filepath.Join(k.installation.Output(), trial.Connection+"_manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := publish.Verify(k.installation.Output(), manifest); err != nil {
		t.Fatal(err)
	}
	if manifest.Run != k.run {
		k.published, k.run = which, manifest.Run
	}
	if got := sums(manifest); !maps.Equal(got, k.want[k.published]) {
		t.Fatalf("run %s published %v, want %v", manifest.Run, got, k.want[k.published])
	}
}
