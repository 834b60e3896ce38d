package trial_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-iga/usher/agent/export/publish"
	"github.com/usher-iga/usher/agent/trial"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Whatever happens to a tenant, to the network, to cookies and to the programs:
// whoever loads the published sets one after the other has the tenant (E4, E5, E11).
func TestHistories(t *testing.T) {
	t.Parallel()
	for seed := range uint64(5) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			runHistory(t, seed)
		})
	}
}

// TestSoakHistories goes on with other histories for the duration in USHER_SOAK. Each is
// one of programs and a tenant and takes seconds; the 2,000 that are to be shown are those
// of TestSoakConsumer in agent/export, which run in this process.
func TestSoakHistories(t *testing.T) {
	duration := soakTime(t)
	first := rand.Uint64()
	began, seed := time.Now(), first
	for time.Since(began) < duration && !t.Failed() {
		t.Run("at once", func(t *testing.T) {
			for range 2 * runtime.NumCPU() {
				seed++
				t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
					t.Parallel()
					runHistory(t, seed)
				})
			}
		})
	}
	t.Logf("%d histories", seed-first)
}

// soakTime is how long make soak wants a test to run. Without it the test is skipped.
func soakTime(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("USHER_SOAK")
	if text == "" {
		t.Skip("runs for the duration in USHER_SOAK, which is not set")
	}
	duration, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("USHER_SOAK: %v", err)
	}
	return duration
}

// collections are those of the tenant, with the entities that their objects are.
func collections() map[string]string {
	return map[string]string{
		"users": "user", "groups": "group", "directoryRoles": "directoryRole", "servicePrincipals": "servicePrincipal",
		"applications": "application", "devices": "device", "contacts": "orgContact",
		"administrativeUnits": "administrativeUnit", "oauth2PermissionGrants": "oAuth2PermissionGrant",
	}
}

// history is a random course of changes to a tenant and of its exports.
type history struct {
	sandbox      *trial.Sandbox
	installation *trial.Installation
	random       *rand.Rand
	copied       copied
	usual        time.Duration // of an export
	steps        []string
}

// runHistory makes the history of a seed. It is the same each time but for the
// moments at which programs are killed.
func runHistory(t *testing.T, seed uint64) {
	t.Helper()
	h := newHistory(t, seed)
	for range 6 {
		h.churn(t)
		h.step(t)
		if t.Failed() {
			return
		}
	}
	h.rest(t)
}

// newHistory starts a tenant and an installation that exports its changes.
func newHistory(t *testing.T, seed uint64) *history {
	t.Helper()
	h := &history{random: rand.New(rand.NewPCG(seed, 0)), usual: 500 * time.Millisecond}
	h.sandbox, h.installation = start(t, "--seed", fmt.Sprint(seed%1000), "--users", "60", "--groups", "12", "--memberships", "200")
	h.installation.Complete, h.installation.Change = false, everything
	write(t, h.installation)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("seed %d:\n%s", seed, strings.Join(h.steps, "\n"))
		}
	})
	return h
}

func (h *history) note(format string, args ...any) {
	h.steps = append(h.steps, fmt.Sprintf(format, args...))
}

func (h *history) control(t *testing.T, method, path string, body any) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	h.note("%s %s %s", method, path, text)
	if err := h.sandbox.Control(t.Context(), method, path, body, nil); err != nil {
		t.Fatal(err)
	}
}

// upTo draws a count, which is often 0.
func (h *history) upTo(most int) int { return max(0, h.random.IntN(2*most+1)-most) }

// churn changes the tenant, or not.
func (h *history) churn(t *testing.T) {
	t.Helper()
	for range h.random.IntN(4) {
		objects := func(most int) map[string]any {
			return map[string]any{
				"create": h.upTo(most), "update": h.upTo(2 * most), "softDelete": h.upTo(most),
				"restore": h.upTo(most), "purge": h.upTo(most / 2),
			}
		}
		links := func(most int) map[string]any {
			return map[string]any{"add": h.upTo(most), "remove": h.upTo(most)}
		}
		h.control(t, "POST", "/churn", map[string]any{
			"seed":  h.random.Uint32(),
			"users": objects(6), "groups": objects(3), "servicePrincipals": objects(2), "applications": objects(2), "administrativeUnits": objects(2),
			"devices": map[string]any{"purge": 1}, "oauth2PermissionGrants": map[string]any{"purge": h.upTo(1)},
			"members": links(20), "owners": links(3), "directoryRoleMembers": links(2), "administrativeUnitMembers": links(3),
			"servicePrincipalOwners": links(2), "applicationOwners": links(2),
			"managers": map[string]any{"set": h.upTo(4), "clear": h.upTo(4)},
		})
	}
}

// step exports in some weather. Where nothing is read late, what was loaded must be
// the tenant when the export ends well.
func (h *history) step(t *testing.T) {
	t.Helper()
	settings := map[string]any{"retryAfter": []string{"0.01", "0.02"}, "purgeTellsLinks": h.random.IntN(2) == 0}
	if h.random.IntN(3) == 0 {
		rate, rates := 0.1+0.2*h.random.Float64(), map[string]float64{}
		for _, f := range []string{"throttle", "unavailable", "stickyUnavailable", "gatewayTimeout", "reset", "truncate", "truncateChunked"} {
			rates[f] = rate / 7
		}
		settings["rates"] = rates
	}
	if h.random.IntN(3) == 0 {
		settings["replays"], settings["duplicates"] = h.random.IntN(30), h.random.Float64()
	}
	if h.random.IntN(3) == 0 {
		settings["minimal"] = h.random.Float64() / 2
	}
	late := h.random.IntN(6) == 0
	if late {
		settings["replicationCalls"] = 1 + h.random.IntN(5)
	}
	h.control(t, "PUT", "/faults", settings)
	for _, collection := range slices.Sorted(maps.Keys(collections())) {
		switch h.random.IntN(8) {
		case 0:
			form := []string{"gone", "syncStateNotFound", "resyncRequired", "deltaLink"}[h.random.IntN(4)]
			h.control(t, "POST", "/faults/once", map[string]any{"fault": "expireDelta", "entity": collection, "form": form})
		case 1:
			h.control(t, "POST", "/faults/once", map[string]any{"fault": "expirePage", "entity": collection, "skip": h.random.IntN(2)})
		}
	}
	arguments := []string{"export", trial.Connection, "--json"}
	if h.random.IntN(6) == 0 {
		arguments = append(arguments, "--complete")
	}
	if h.random.IntN(3) == 0 {
		h.kill(t, arguments)
		return
	}
	h.export(t, arguments)
	if !late {
		h.copied.check(t, h.sandbox)
	}
}

func (h *history) export(t *testing.T, arguments []string) {
	t.Helper()
	began := time.Now()
	result := usher(t, h.installation, arguments...)
	h.note("usher %v: exit code %d", arguments, result.Code)
	if result.Code != 0 {
		t.Fatalf("usher %v: exit code %d\n%s%s", arguments, result.Code, result.Stdout, result.Stderr)
	}
	h.usual = time.Since(began)
	if !h.load(t) {
		t.Error("nothing was published")
	}
}

// kill starts an export and kills it, or its connector, at some moment.
func (h *history) kill(t *testing.T, arguments []string) {
	t.Helper()
	cmd := h.installation.Command(t.Context(), arguments...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	moment := time.Duration(float64(h.usual) * h.random.Float64())
	time.Sleep(moment)
	children := trial.Children(cmd.Process.Pid)
	victim := cmd.Process.Pid
	if h.random.IntN(3) == 0 && len(children) > 0 {
		victim = children[0]
	}
	process, err := os.FindProcess(victim)
	if err != nil {
		t.Fatal(err)
	}
	_ = process.Kill() // it may have ended by itself
	err = cmd.Wait()
	if strings.Contains(stderr.String(), "DATA RACE") {
		t.Errorf("data race:\n%s", stderr.String())
	}
	for _, pid := range children {
		if orphan, err := os.FindProcess(pid); err == nil {
			_ = orphan.Kill() // one that its agent did not come to speak to waits for it a minute
		}
		await(t, fmt.Sprintf("connector %d to end", pid), func() bool { return !runs(pid) })
	}
	h.note("usher %v, killed (agent: %t) after %v: %v", arguments, victim == cmd.Process.Pid, moment, err)
	if published := h.load(t); err == nil && !published {
		t.Error("the export ended well and nothing was published")
	}
}

// rest brings back what can be restored, after which no link is in doubt, and exports
// without disturbance.
func (h *history) rest(t *testing.T) {
	t.Helper()
	const all = 1000
	restore := map[string]any{"seed": 1}
	for _, collection := range []string{"users", "groups", "servicePrincipals", "applications", "administrativeUnits"} {
		restore[collection] = map[string]any{"restore": all}
	}
	h.control(t, "DELETE", "/faults", nil)
	h.export(t, []string{"export", trial.Connection, "--json"})
	h.copied.check(t, h.sandbox)
	h.control(t, "POST", "/churn", restore)
	h.export(t, []string{"export", trial.Connection, "--json"})
	h.copied.check(t, h.sandbox)
}

// load loads what was published since the last time, if anything.
func (h *history) load(t *testing.T) bool {
	t.Helper()
	manifest, err := publish.ReadManifest(filepath.Join(h.installation.Output(), trial.Connection+"_manifest.json"))
	if fault.Is(err, fault.NotFound) {
		return false
	}
	if err != nil {
		t.Fatal(err)
	}
	if manifest.Run == h.copied.run {
		return false
	}
	if err := publish.Verify(h.installation.Output(), manifest); err != nil {
		t.Fatal(err)
	}
	h.note("run %s published a set, %s", manifest.Run, manifest.Mode)
	h.copied.load(t, h.installation, manifest)
	return true
}
