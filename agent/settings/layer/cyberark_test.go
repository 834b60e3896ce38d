package layer

import (
	"context"
	"testing"

	"github.com/usher-iga/usher/agent/secret"
	"github.com/usher-iga/usher/agent/secret/cyberark"
	"github.com/usher-iga/usher/agent/settings/tree"
	"github.com/usher-iga/usher/connectors/sdk/transport"
)

// read makes a section of a JSON text.
func read(t *testing.T, text string) tree.Section {
	t.Helper()
	r := new(tree.Report)
	root := tree.ReadJSON(tree.NewFile("f", "f", []byte(text), r), r)
	if root == nil {
		t.Fatal(r.Err())
	}
	return tree.Section{Report: r, Node: root, Dir: t.TempDir()}
}

// fakeAccounts counts what is asked of it.
type fakeAccounts struct{ asked, refreshed int }

func (f *fakeAccounts) Get(context.Context, []string) (map[string]cyberark.Account, []error, error) {
	f.asked++
	return map[string]cyberark.Account{"O": {Content: secret.New("s3cr3t")}}, nil, nil
}

func (f *fakeAccounts) Refresh() { f.refreshed++ }

// TestCyberArkIsKept loads with settings that change, and looks at what was opened for them.
func TestCyberArkIsKept(t *testing.T) {
	var opened []string
	accounts := &fakeAccounts{}
	c := &CyberArk{Open: func(central cyberark.Central, local cyberark.Local, _ *transport.Transport) (Accounts, error) {
		if central.Server != "" {
			opened = append(opened, central.Server+" "+central.AppID+" "+central.Safe)
		} else {
			opened = append(opened, local.AppID+" "+local.Safe)
		}
		return accounts, nil
	}}
	defer c.Close()
	mapping := read(t, `{"Connections": {"A": {"Password": "O"}}}`).Node
	const local = `{"CyberArk": {"UseCyberArkSetting": true, "SafeName": "S", "ApplicationId": "A"}}`
	const central = `{"CyberArk": {"UseCyberArkSetting": true, "SafeName": "S", "ApplicationId": "A", "Server": "https://c"}}`
	for _, step := range []struct {
		settings, address string
		way               Network
		opened, refreshed int
	}{
		{local, "Credential Provider of this machine", Network{}, 1, 0},
		{local, "Credential Provider of this machine", Network{}, 1, 1},
		{central, "https://c", Network{}, 2, 1},
		{central, "https://c", Network{NoProxy: []string{"c"}}, 3, 1},
		{central, "https://c", Network{NoProxy: []string{"c"}}, 3, 2},
	} {
		root := read(t, step.settings)
		found, state := c.Load(t.Context(), root, step.way, mapping)
		if err := root.Err(); err != nil {
			t.Fatal(err)
		}
		n := found.Find("Connections", "A", "Password")
		if n.Text() != "s3cr3t" || !n.Origin.Protected || n.Origin.String() != "CyberArk object O (safe S), mapped in f:1" {
			t.Errorf("got %+v", n)
		}
		if state.Address != step.address || len(opened) != step.opened || accounts.refreshed != step.refreshed {
			t.Errorf("%+v: %+v, opened %q, refreshed %d times", step, state, opened, accounts.refreshed)
		}
	}
	if opened[0] != "A S" || opened[1] != "https://c A S" {
		t.Errorf("opened %q", opened)
	}
}
