// Package sandboxed gives tests of connectors to Entra ID a simulated tenant: usher-sandbox,
// run as a program, because it shares no code with the connectors. Only tests import it.
package sandboxed

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"
)

// source is the package of usher-sandbox.
const source = "github.com/usher-iga/usher/connectors/sandbox/usher-sandbox"

// poll is how often to look whether a sandbox is ready.
const poll = 5 * time.Millisecond

// A Program is usher-sandbox for the tests of one package, built once:
//
//	var program sandboxed.Program
//
//	func TestMain(m *testing.M) { os.Exit(program.Main(m)) }
type Program struct {
	folder string
	once   sync.Once
	path   string
	err    error
}

// Main runs the tests and returns their exit code.
func (p *Program) Main(m *testing.M) int {
	folder, err := os.MkdirTemp("", "sandboxed")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(folder) }()
	p.folder = folder
	return m.Run()
}

func (p *Program) build(t *testing.T) string {
	t.Helper()
	p.once.Do(func() {
		p.path = filepath.Join(p.folder, "usher-sandbox")
		if runtime.GOOS == "windows" {
			p.path += ".exe"
		}
		out, err := exec.CommandContext(t.Context(), "go", "build", "-o", p.path, source).CombinedOutput()
		if err != nil {
			p.err = fmt.Errorf("%w\n%s", err, out)
		}
	})
	if p.err != nil {
		t.Fatal(p.err)
	}
	return p.path
}

// Start runs a sandbox with flags of usher-sandbox serve until the test ends. In a short
// test it skips the test instead.
func (p *Program) Start(t *testing.T, flags ...string) *Sandbox {
	t.Helper()
	if testing.Short() {
		t.Skip("builds and runs usher-sandbox")
	}
	folder := t.TempDir()
	ready := filepath.Join(folder, "ready.json")
	var output bytes.Buffer
	cmd := exec.CommandContext(t.Context(), p.build(t), append([]string{
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
	sb := &Sandbox{}
	for timer := time.NewTicker(poll); ; {
		if text, err := os.ReadFile(ready); err == nil {
			timer.Stop()
			if err := json.Unmarshal(text, sb); err != nil {
				t.Fatal(err)
			}
			break
		}
		select {
		case <-exited:
			t.Fatalf("usher-sandbox ended: %s", output.String())
		case <-timer.C:
		}
	}
	sb.connect(t)
	return sb
}

func (sb *Sandbox) connect(t *testing.T) {
	t.Helper()
	var err error
	if sb.roots, err = os.ReadFile(sb.CAFile); err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(sb.roots)
	sb.client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}}
}
