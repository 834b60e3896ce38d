package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/hashicorp/go-hclog"

	"github.com/usher-iga/usher/connectors/entra/directory"
	"github.com/usher-iga/usher/connectors/entra/setting"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/record"
)

// Every attribute and link of the simulated tenant arrives as the tenant says it is,
// whatever fails on the way.
func TestExportOfTheSandbox(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and runs usher-sandbox")
	}
	sb := startSandbox(t, "--users", "700", "--groups", "40", "--memberships", "2500", "--fault-rate", "0.3")
	req := sdk.ExportRequest{Connection: sb.connection()}
	for _, e := range directory.Entities() {
		req.Collections = append(req.Collections, sdk.Collection{Entity: e.Name, Navigations: e.Navigations})
		for _, p := range e.Properties {
			attribute := sdk.Attribute{Path: p.Name, Entities: []string{e.Name}}
			if _, problems := directory.NewPlan(nil, []sdk.Attribute{attribute}); len(problems) == 0 {
				req.Attributes = append(req.Attributes, attribute)
			}
		}
	}
	found := newMerge(req)
	c := newConnector("test", hclog.NewNullLogger())
	c.clock = &hurry{now: time.Now()}
	if err := c.Export(t.Context(), req, found); err != nil {
		t.Fatal(err)
	}
	for i, c := range req.Collections {
		truth := sb.truth(t, c.Entity)
		if len(truth) == 0 || len(truth) != len(found.collections[i].objects) {
			t.Errorf("%d objects of %s, the tenant has %d", len(found.collections[i].objects), c.Entity, len(truth))
		}
		for _, want := range truth {
			got := found.collections[i].objects[want.ID]
			compareValues(t, c.Entity+" "+want.ID, req.Attributes, got, want.Properties)
			for n, navigation := range c.Navigations {
				targets := found.collections[i].targets(want.ID, n)
				slices.Sort(want.Links[navigation])
				if !slices.Equal(targets, want.Links[navigation]) {
					t.Errorf("%s of %s %s: got %d, want %d", navigation, c.Entity, want.ID, len(targets), len(want.Links[navigation]))
				}
			}
		}
	}
}

// compareValues compares an object with what the tenant says. Values that are null
// the tenant leaves out.
func compareValues(t *testing.T, name string, attributes []sdk.Attribute, got map[int][]string, want map[string]json.RawMessage) {
	t.Helper()
	if got == nil {
		t.Errorf("%s is missing", name)
		return
	}
	for attribute, texts := range got {
		if want := texted(t, want[attributes[attribute].Path]); !slices.Equal(texts, want) && attributes[attribute].Path != "id" {
			t.Errorf("%s of %s: got %q, want %q", attributes[attribute].Path, name, texts, want)
		}
	}
	delivered := map[string]bool{}
	for attribute := range got {
		delivered[attributes[attribute].Path] = true
	}
	for path := range want {
		asked := slices.ContainsFunc(attributes, func(a sdk.Attribute) bool { return a.Path == path })
		if asked && !delivered[path] {
			t.Errorf("%s of %s is missing", path, name)
		}
	}
}

// texted gives the texts of a column for a JSON value.
func texted(t *testing.T, value json.RawMessage) []string {
	t.Helper()
	var list []json.RawMessage
	if json.Unmarshal(value, &list) != nil {
		list = []json.RawMessage{value}
	}
	var texts []string
	for _, element := range list {
		var text string
		if len(element) == 0 || string(element) == "null" {
			continue
		}
		if json.Unmarshal(element, &text) != nil {
			compact, err := jsontext.AppendFormat(nil, element) // the tenant escapes as it likes
			if err != nil {
				t.Fatal(err)
			}
			text = string(compact)
		}
		texts = append(texts, text)
	}
	return texts
}

// merge is a sink that puts rows together as the agent does.
type merge struct {
	mu          sync.Mutex
	collections []*merged
}

type merged struct {
	objects map[string]map[int][]string
	links   map[[2]string]bool // owner with navigation, target
}

func newMerge(req sdk.ExportRequest) *merge {
	return &merge{collections: make([]*merged, len(req.Collections))}
}

func (m *merge) Begin(i int, _ bool, _ string) (sdk.Writer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.collections[i] = &merged{objects: map[string]map[int][]string{}, links: map[[2]string]bool{}}
	return m.collections[i], nil
}

func (m *merge) Progress(sdk.Progress) error { return nil }
func (m *merge) Warn(sdk.Warning) error      { return nil }

func (m *merged) Object(o *record.Object) error {
	id := string(o.ID())
	if o.State() != record.Present {
		delete(m.objects, id)
		return nil
	}
	if m.objects[id] == nil {
		m.objects[id] = map[int][]string{}
	}
	for v := range o.Values() {
		texts := []string{}
		for text := range v.Texts() {
			texts = append(texts, string(text))
		}
		m.objects[id][v.Attribute] = texts
	}
	return nil
}

func (m *merged) Links(l *record.Links) error {
	owner := fmt.Sprintf("%s/%d", l.Owner(), l.Navigation())
	for target, removed := range l.All() {
		m.links[[2]string{owner, string(target)}] = !removed
	}
	return nil
}

func (m *merged) End(string) error { return nil }

func (m *merged) targets(owner string, navigation int) []string {
	var targets []string
	for link, there := range m.links {
		if there && link[0] == fmt.Sprintf("%s/%d", owner, navigation) {
			targets = append(targets, link[1])
		}
	}
	slices.Sort(targets)
	return targets
}

// sandbox is a running usher-sandbox, known by what it writes when it is ready.
type sandbox struct {
	URL          string
	Authority    string
	Control      string
	CAFile       string
	TenantID     string
	ClientID     string
	ClientSecret string
	SecretID     string

	CertificateFile    string // given by a flag, as are the next ones
	FederatedTokenFile string
	IMDS               string
	IdentityHeader     string
	ManagedClientID    string

	CloudAuthority string
	CloudGraph     string

	roots  []byte
	client *http.Client
}

// sandboxProgram builds usher-sandbox, once for all tests.
var sandboxProgram = sync.OnceValues(func() (string, error) {
	program := filepath.Join(programs, "usher-sandbox")
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	out, err := exec.Command("go", "build", "-o", program, "../sandbox/usher-sandbox").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, out)
	}
	return program, err
})

func startSandbox(t *testing.T, flags ...string) *sandbox {
	t.Helper()
	folder := t.TempDir()
	program, err := sandboxProgram()
	if err != nil {
		t.Fatal(err)
	}
	ready := filepath.Join(folder, "ready.json")
	var output bytes.Buffer
	cmd := exec.CommandContext(t.Context(), program, append([]string{
		"serve", "--listen", "127.0.0.1:0", "--ca-file", filepath.Join(folder, "ca.pem"), "--ready-file", ready,
	}, flags...)...)
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		_ = cmd.Wait() // killed at the end
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		<-exited
	})
	sb := &sandbox{}
	for {
		if text, err := os.ReadFile(ready); err == nil {
			if err := json.Unmarshal(text, sb); err != nil {
				t.Fatal(err)
			}
			break
		}
		select {
		case <-exited:
			t.Fatalf("usher-sandbox ended: %s", output.String())
		case <-time.After(5 * time.Millisecond):
		}
	}
	if sb.roots, err = os.ReadFile(sb.CAFile); err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(sb.roots)
	sb.client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}}
	return sb
}

func (sb *sandbox) connection() sdk.Connection {
	return sdk.Connection{
		ID: "Sandbox",
		Settings: map[string]string{
			setting.TenantID: sb.TenantID, setting.ApplicationID: sb.ClientID, setting.AuthorityPath: sb.Authority, setting.BaseURL: sb.URL + "/v1.0/",
		},
		Secrets: map[string]string{setting.ApplicationKey: sb.ClientSecret},
		Network: sdk.Network{TrustedCertificates: sb.roots},
	}
}

// truth is one object as it is.
type truth struct {
	ID         string
	Properties map[string]json.RawMessage
	Links      map[string][]string
}

func (sb *sandbox) truth(t *testing.T, entity string) []truth {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, sb.Control+"/snapshot/"+entity, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := sb.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var all []truth
	for d := json.NewDecoder(resp.Body); ; {
		var one truth
		if err := d.Decode(&one); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, one)
	}
}
