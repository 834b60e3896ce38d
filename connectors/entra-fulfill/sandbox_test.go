package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/usher-iga/usher/connectors/entra/change/permit"
	"github.com/usher-iga/usher/connectors/entra/setting"
	"github.com/usher-iga/usher/connectors/sdk"
)

var programs string // folder of what tests build

func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "entra-fulfill")
	if err != nil {
		panic(err)
	}
	programs = folder
	code := m.Run()
	_ = os.RemoveAll(folder)
	os.Exit(code)
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

// roles are what orders need, and what reads the directory.
func roles() []string {
	names := []string{"Directory.Read.All", "LicenseAssignment.Read.All"}
	for _, n := range permit.All() {
		names = append(names, n.Permission.Name)
	}
	return names
}

func startSandbox(t *testing.T, flags ...string) *sandbox {
	t.Helper()
	if testing.Short() {
		t.Skip("builds and runs usher-sandbox")
	}
	folder := t.TempDir()
	program, err := sandboxProgram()
	if err != nil {
		t.Fatal(err)
	}
	ready := filepath.Join(folder, "ready.json")
	var output bytes.Buffer
	cmd := exec.CommandContext(t.Context(), program, append([]string{
		"serve", "--role", strings.Join(roles(), ","), "--listen", "127.0.0.1:0", "--ca-file", filepath.Join(folder, "ca.pem"), "--ready-file", ready,
		"--domain", "contoso.com", "--users", "300", "--groups", "60", "--memberships", "600",
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

// control asks the control API.
func (sb *sandbox) control(t *testing.T, method, path, body string) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, sb.Control+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := sb.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode/100 != 2 {
		t.Fatalf("%s %s: %s %v: %s", method, path, resp.Status, err, text)
	}
	return text
}

// truth is one object as it is.
type truth struct {
	ID         string
	Properties map[string]json.RawMessage
	Links      map[string][]string
}

func (sb *sandbox) truth(t *testing.T, set string) map[string]truth {
	t.Helper()
	all := map[string]truth{}
	d := json.NewDecoder(bytes.NewReader(sb.control(t, http.MethodGet, "/snapshot/"+set, "")))
	for {
		var one truth
		if err := d.Decode(&one); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all[one.ID] = one
	}
}

// some returns n ids of a set.
func (sb *sandbox) some(t *testing.T, set string, n int, fits func(truth) bool) (ids []string) {
	t.Helper()
	for _, id := range sorted(sb.truth(t, set)) {
		if fits == nil || fits(sb.truth(t, set)[id]) {
			ids = append(ids, id)
		}
		if len(ids) == n {
			return ids
		}
	}
	t.Fatalf("the sandbox has %d %s, not %d", len(ids), set, n)
	return nil
}

// hasty is a clock that waits a hundredth of the time.
type hasty struct{}

func (hasty) Now() time.Time { return time.Now() }

func (hasty) Sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d / 100):
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (sb *sandbox) connector() *connector {
	c := newConnector("test", hclog.NewNullLogger())
	c.clock = hasty{}
	return c
}

// fulfill carries orders out and returns the outcomes by order.
func (sb *sandbox) fulfill(t *testing.T, orders ...sdk.Order) map[string]sdk.Outcome {
	t.Helper()
	sink := &sink{outcomes: map[string]sdk.Outcome{}}
	if err := sb.connector().Fulfill(t.Context(), sb.connection(), &source{orders: orders}, sink); err != nil {
		t.Fatal(err)
	}
	for _, o := range orders {
		if _, ok := sink.outcomes[o.ID]; !ok {
			t.Errorf("the order %s has no outcome", o.ID)
		}
	}
	return sink.outcomes
}

// source gives orders one by one.
type source struct {
	orders []sdk.Order
	next   int
}

func (s *source) Next(context.Context) (sdk.Order, error) {
	if s.next == len(s.orders) {
		return sdk.Order{}, io.EOF
	}
	s.next++
	return s.orders[s.next-1], nil
}

type sink struct {
	mu       sync.Mutex
	outcomes map[string]sdk.Outcome
	twice    []string
	progress sdk.OrderProgress
}

func (s *sink) Done(o sdk.Outcome) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.outcomes[o.Order]; ok {
		s.twice = append(s.twice, o.Order)
	}
	s.outcomes[o.Order] = o
	return nil
}

func (s *sink) Progress(p sdk.OrderProgress) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.progress = p
	return nil
}
