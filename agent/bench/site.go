package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/usher-iga/usher/agent/trial"
)

// site is a running tenant and an installation that exports it.
type site struct {
	root         string
	sandbox      *trial.Sandbox
	installation *trial.Installation
}

func start(ctx context.Context, programs trial.Programs, flags []string) (*site, error) {
	root, err := os.MkdirTemp("", "usher-bench-")
	if err != nil {
		return nil, err
	}
	s := &site{root: root}
	if s.sandbox, err = trial.StartSandbox(ctx, programs, root, flags...); err != nil {
		_ = os.RemoveAll(root)
		return nil, err
	}
	s.installation = &trial.Installation{Root: root, Programs: programs, Tenant: s.sandbox.Tenant, Change: func(c map[string]any) {
		c["EntityTypeMapping"] = map[string]any{"Properties": trial.Columns(columns()...)}
	}}
	if err := s.installation.Write(); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

func (s *site) stop() {
	s.sandbox.Stop()
	_ = os.RemoveAll(s.root)
}

// exported is what one export took.
type exported struct {
	wall, reading, cpu     time.Duration
	objects, links         int64
	agentRSS, connectorRSS int64 // peaks, in bytes
}

// memory is that of agent and connector together, in MiB; 0 if it is unknown.
func (e exported) memory() float64 { return mib(e.agentRSS + e.connectorRSS) }

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }

func (e exported) speed() string {
	return fmt.Sprintf("%.0f objects/s, %.0f links/s", float64(e.objects)/e.wall.Seconds(), float64(e.links)/e.wall.Seconds())
}

// export makes a complete export.
func (s *site) export(ctx context.Context) (exported, error) { return s.measure(ctx, "--complete") }

// measure runs `usher export` with further arguments, in processes of its own.
func (s *site) measure(ctx context.Context, arguments ...string) (exported, error) {
	cmd := s.installation.Command(ctx, append([]string{"export", trial.Connection, "--json"}, arguments...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return exported{}, err
	}
	memory := watchMemory(cmd.Process.Pid)
	err := cmd.Wait()
	e := exported{wall: time.Since(began)}
	e.agentRSS, e.connectorRSS = memory.peaks()
	if err != nil {
		return exported{}, fmt.Errorf("usher export: %w\n%s%s", err, stdout.String(), stderr.String())
	}
	e.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	var report struct {
		Objects        int64   `json:"objects"`
		Links          int64   `json:"links"`
		ReadingSeconds float64 `json:"readingSeconds"`
	}
	if err := json.Unmarshal(stdout.Bytes(), &report); err != nil {
		return exported{}, fmt.Errorf("read the report: %w", err)
	}
	e.objects, e.links = report.Objects, report.Links
	e.reading = time.Duration(report.ReadingSeconds * float64(time.Second))
	return e, nil
}

// client returns a client that trusts the tenant, and an access token for it.
func (s *site) client(ctx context.Context) (*http.Client, string, error) {
	pem, err := os.ReadFile(s.sandbox.Tenant.CAFile)
	if err != nil {
		return nil, "", err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		MaxIdleConnsPerHost: 8,
		DisableCompression:  true,
	}}
	token, err := s.token(ctx, client)
	return client, token, err
}
