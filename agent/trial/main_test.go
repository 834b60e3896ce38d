package trial_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/usher-iga/usher/agent/export/publish"
	"github.com/usher-iga/usher/agent/trial"
)

// programsVariable names the folder of programs that are built already, for a test
// that runs itself in a network of its own.
const programsVariable = "USHER_TRIAL_PROGRAMS"

var (
	buildFlags []string       // of the agent and the connectors
	programs   trial.Programs // built once for all tests
)

func TestMain(m *testing.M) {
	flag.Parse()
	// The tests wait for programs and for the simulated tenant most of their time: more of them
	// than there are processors may run side by side.
	if parallel := flag.Lookup("test.parallel"); parallel.Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) {
		_ = parallel.Value.Set("8") // a number it takes
	}
	if testing.Short() {
		fmt.Println("skipped: the end-to-end tests build and run the programs, which takes minutes")
		return
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	folder, err := os.MkdirTemp("", "usher-e2e-")
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer os.RemoveAll(folder)
	if built := os.Getenv(programsVariable); built != "" {
		programs, err = trial.FindPrograms(built)
	} else {
		programs, err = trial.Build(context.Background(), folder, buildFlags...)
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	return m.Run()
}

// start starts a tenant with small pages, so that everything has several, and an
// installation that exports it.
func start(t *testing.T, flags ...string) (*trial.Sandbox, *trial.Installation) {
	t.Helper()
	root := t.TempDir()
	flags = append([]string{"--quota", "0", "--page-size", "40", "--page-links", "60"}, flags...)
	sandbox, err := trial.StartSandbox(t.Context(), programs, root, flags...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sandbox.Stop)
	installation := &trial.Installation{Root: root, Programs: programs, Tenant: sandbox.Tenant, Complete: true}
	write(t, installation)
	return sandbox, installation
}

func write(t *testing.T, i *trial.Installation) {
	t.Helper()
	if err := i.Write(); err != nil {
		t.Fatal(err)
	}
}

func usher(t *testing.T, i *trial.Installation, arguments ...string) trial.Result {
	t.Helper()
	result, err := i.Run(t.Context(), arguments...)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(result.Stderr, "DATA RACE") {
		t.Errorf("data race:\n%s", result.Stderr)
	}
	return result
}

// mustExport exports and returns the manifest, after a look at every file.
func mustExport(t *testing.T, i *trial.Installation) *publish.Manifest {
	t.Helper()
	if result := usher(t, i, "export", trial.Connection, "--json"); result.Code != 0 {
		t.Fatalf("usher export: exit code %d\n%s%s", result.Code, result.Stdout, result.Stderr)
	}
	return published(t, i)
}

// published reads the manifest and checks the set that it names, in its own folder
// and under the fixed names.
func published(t *testing.T, i *trial.Installation) *publish.Manifest {
	t.Helper()
	return publishedAs(t, i, trial.Connection)
}

func publishedAs(t *testing.T, i *trial.Installation, connection string) *publish.Manifest {
	t.Helper()
	manifest, err := publish.ReadManifest(filepath.Join(i.Output(), connection+"_manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := publish.Verify(i.Output(), manifest); err != nil {
		t.Fatal(err)
	}
	fixed := *manifest
	fixed.Folder = "."
	if err := publish.Verify(i.Output(), &fixed); err != nil {
		t.Fatal(err)
	}
	return manifest
}

// sums gives the SHA-256 of each file.
func sums(m *publish.Manifest) map[string]string {
	all := map[string]string{}
	for _, f := range m.Files {
		all[f.Name] = f.SHA256
	}
	return all
}

// failure returns the only error that `usher ... --json` printed.
func failure(t *testing.T, result trial.Result) (message, hint, code string) {
	t.Helper()
	var out struct {
		Errors []struct{ Code, Message, Hint string }
	}
	if err := json.Unmarshal([]byte(result.Stdout), &out); err != nil || len(out.Errors) == 0 {
		t.Fatalf("exit code %d, no error in %q, standard error %q", result.Code, result.Stdout, result.Stderr)
	}
	return out.Errors[0].Message, out.Errors[0].Hint, out.Errors[0].Code
}
