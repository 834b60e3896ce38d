package trial_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/usher-iga/usher/agent/trial"
)

// checkLeftovers looks for files that belong to no published set.
func checkLeftovers(t *testing.T, i *trial.Installation) {
	t.Helper()
	manifest := published(t, i)
	sets := map[string]bool{}
	err := filepath.WalkDir(i.Root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		relative, err := filepath.Rel(i.Root, path)
		if err != nil {
			return err
		}
		keeps := func(folder string) bool { return strings.HasPrefix(relative, folder+string(filepath.Separator)) }
		switch folder, name := filepath.Split(relative); {
		case folder == "", keeps("Runtime"), keeps(filepath.Join("Work", "locks")), keeps(filepath.Join("Work", "Store")):
		case relative == filepath.Join("Work", "Credentials", strings.ToLower(trial.Connection)+".json"):
		case folder == filepath.Join("Temp", "ExportOutput")+string(filepath.Separator) && strings.HasPrefix(name, trial.Connection+"_"):
		case strings.HasPrefix(folder, filepath.Join("Temp", "ExportOutput", filepath.Dir(filepath.FromSlash(manifest.Folder)))):
			sets[folder] = true
		default:
			t.Errorf("left over: %s", relative)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(sets) > 2 {
		t.Errorf("%d sets are kept, want the current and the one before: %v", len(sets), sets)
	}
}

// Cancelled, a run ends with its own exit code and leaves the published files alone.
func TestCancel(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Go sends no interrupts there")
	}
	t.Parallel()
	sandbox, installation := start(t)
	want := mustExport(t, installation)
	if err := sandbox.Control(t.Context(), "PUT", "/faults", map[string]any{"latency": "200ms"}, nil); err != nil {
		t.Fatal(err)
	}
	cmd := installation.Command(t.Context(), "export", trial.Connection)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, "the connector to start", func() bool { return len(trial.Children(cmd.Process.Pid)) > 0 })
	connectors := trial.Children(cmd.Process.Pid)
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // the code tells
	if code := cmd.ProcessState.ExitCode(); code != 130 || !strings.Contains(stderr.String(), "cancelled") {
		t.Errorf("exit code %d, want 130\n%s", code, stderr.String())
	}
	for _, pid := range connectors {
		await(t, "the connector to end", func() bool { return !runs(pid) })
	}
	if got := published(t, installation); got.Run != want.Run {
		t.Errorf("published is run %s, want %s", got.Run, want.Run)
	}
	checkLeftovers(t, installation)
}

// A second export of one connection is refused while the first goes on.
func TestSecondRun(t *testing.T) {
	t.Parallel()
	sandbox, installation := start(t)
	if err := sandbox.Control(t.Context(), "PUT", "/faults", map[string]any{"latency": "100ms"}, nil); err != nil {
		t.Fatal(err)
	}
	first := installation.Command(t.Context(), "export", trial.Connection, "--json")
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, "the first export to ask for pages", func() bool {
		var counters struct{ Requests map[string]map[string]int }
		err := sandbox.Control(t.Context(), "GET", "/counters", nil, &counters)
		return err == nil && len(counters.Requests) > 1
	})
	result := usher(t, installation, "export", strings.ToLower(trial.Connection), "--json")
	message, _, code := failure(t, result)
	if want := fmt.Sprintf("process %d", first.Process.Pid); result.Code != 1 || code != "conflict" || !strings.Contains(message, want) {
		t.Errorf("exit code %d, %s: %s; want 1, conflict and %q", result.Code, code, message, want)
	}
	if err := first.Wait(); err != nil {
		t.Errorf("the first export: %v", err)
	}
	published(t, installation)
}

// A full disk is told as such, and leaves the published files alone.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	_, installation := start(t, "--users", "1500", "--groups", "100", "--memberships", "6000")
	temp := filepath.Join(installation.Root, "Temp")
	if err := os.Mkdir(temp, 0o700); err != nil {
		t.Fatal(err)
	}
	mount(t, temp, "size=256k")
	result := usher(t, installation, "export", trial.Connection, "--json")
	message, hint, code := failure(t, result)
	if result.Code != 1 || code != "storage" || !strings.Contains(message+hint, "full") {
		t.Errorf("exit code %d, %s: %s. %s", result.Code, code, message, hint)
	}
	left, err := filepath.Glob(filepath.Join(temp, "*", "*", "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left over: %v %v", left, err)
	}
}

// A folder that cannot be written is told as such.
func TestReadOnlyFolder(t *testing.T) {
	t.Parallel()
	_, installation := start(t)
	mustExport(t, installation)
	want := published(t, installation)
	mountReadOnly(t, filepath.Join(installation.Root, "Temp"))
	result := usher(t, installation, "export", trial.Connection, "--json")
	message, hint, code := failure(t, result)
	if result.Code != 1 || code != "storage" || !strings.Contains(message, "Temp") || hint == "" {
		t.Errorf("exit code %d, %s: %s. %s", result.Code, code, message, hint)
	}
	if got := published(t, installation); got.Run != want.Run {
		t.Errorf("published is run %s, want %s", got.Run, want.Run)
	}
}

// mount puts a small file system of its own at a folder.
func mount(t *testing.T, folder, options string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "mount", "-t", "tmpfs", "-o", options, "tmpfs", folder).CombinedOutput(); err != nil {
		t.Skipf("this account cannot mount a small file system: %v %s", err, out)
	}
	t.Cleanup(func() { unmount(t, folder) })
}

// mountReadOnly makes a folder read-only, for root too.
func mountReadOnly(t *testing.T, folder string) {
	t.Helper()
	for _, arguments := range [][]string{{"--bind", folder, folder}, {"-o", "remount,bind,ro", folder}} {
		if out, err := exec.CommandContext(t.Context(), "mount", arguments...).CombinedOutput(); err != nil {
			t.Skipf("this account cannot mount a folder read-only: %v %s", err, out)
		}
		if arguments[0] == "--bind" {
			t.Cleanup(func() { unmount(t, folder) })
		}
	}
}

func unmount(t *testing.T, folder string) {
	t.Helper()
	if out, err := exec.Command("umount", folder).CombinedOutput(); err != nil {
		t.Errorf("umount %s: %v %s", folder, err, out)
	}
}

// await waits until something holds. It gives up only with the whole test run.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for !holds() {
		select {
		case <-t.Context().Done():
			t.Fatalf("waited in vain for %s", what)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// runs reports whether a process exists and is not a mere entry of its parent's.
func runs(pid int) bool {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	return err == nil && !bytes.Contains(status, []byte("State:\tZ"))
}
