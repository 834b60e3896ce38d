package trial_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A managed identity signs in (C4): the service that has it answers at an address that
// no setting can change, so the test makes itself a network in which it stands.
func TestManagedIdentity(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("skipped: only root can give a network of its own the address 169.254.169.254")
	}
	for _, program := range []string{"unshare", "ip"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("skipped: there is no program %s to make a network with", program)
		}
	}
	const network = "ip link set lo up && ip address add 169.254.169.254/32 dev lo"
	if out, err := exec.CommandContext(t.Context(), "unshare", "--net", "sh", "-c", network).CombinedOutput(); err != nil {
		t.Skipf("skipped: this machine gives no network of its own: %v: %s", err, out)
	}
	cmd := exec.CommandContext(t.Context(), "unshare", "--net", "sh", "-c", network+` && exec "$0" "$@"`,
		os.Args[0], "-test.run=^TestInsideManagedIdentity$", "-test.v")
	cmd.Env = append(os.Environ(), programsVariable+"="+filepath.Dir(programs.Usher))
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestInsideManagedIdentity") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestInsideManagedIdentity is the part of TestManagedIdentity in its network.
func TestInsideManagedIdentity(t *testing.T) {
	if os.Getenv(programsVariable) == "" {
		t.Skip("skipped: TestManagedIdentity runs it")
	}
	sandbox, installation := start(t, "--users", "50", "--imds-listen", "169.254.169.254:80")
	want := sums(mustExport(t, installation))
	tenant := installation.Tenant
	for name, id := range map[string]string{"of the machine": "", "assigned by a user": tenant.ManagedClientID} {
		installation.Change = func(c map[string]any) {
			without(c, "ApplicationKey", "ApplicationId")
			c["ManagedIdentity"] = true
			if id != "" {
				c["ApplicationId"] = id
			}
		}
		write(t, installation)
		if got := sums(mustExport(t, installation)); !maps.Equal(got, want) {
			t.Errorf("%s: exported %v, want %v", name, got, want)
		}
	}

	// The vault by the machine's identity, and the tenant by what it holds.
	control(t, sandbox, "PUT", "/vault/secrets/Connections--Contoso--ApplicationKey", map[string]any{"value": tenant.ClientSecret})
	installation.Change = func(c map[string]any) { without(c, "ApplicationKey") }
	installation.ChangeRoot = func(r map[string]any) {
		r["AzureKeyVault"] = map[string]any{"Vault": tenant.Vault, "ManagedIdentity": true}
	}
	write(t, installation)
	if got := sums(mustExport(t, installation)); !maps.Equal(got, want) {
		t.Errorf("by the vault: exported %v, want %v", got, want)
	}
}
