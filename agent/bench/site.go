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

// took is what one command took.
type took struct {
	wall, cpu        time.Duration
	agent, connector resident
}

// memory is that of agent and connector together, in MiB; 0 if it is unknown.
func (t took) memory() float64 { return mib(t.agent.all + t.connector.all) }

// ownMemory is memory without mapped files.
func (t took) ownMemory() float64 { return mib(t.agent.own + t.connector.own) }

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// measure runs `usher arguments... --json` in processes of its own and reads the report
// that it prints.
func (s *site) measure(ctx context.Context, report any, arguments ...string) (took, error) {
	cmd := s.installation.Command(ctx, append(arguments, "--json")...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return took{}, err
	}
	memory := watchMemory(cmd.Process.Pid)
	err := cmd.Wait()
	t := took{wall: time.Since(began)}
	t.agent, t.connector = memory.peaks()
	if err != nil {
		return took{}, fmt.Errorf("usher %s: %w\n%s%s", arguments[0], err, stdout.String(), stderr.String())
	}
	t.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if err := json.Unmarshal(stdout.Bytes(), report); err != nil {
		return took{}, fmt.Errorf("read the report: %w", err)
	}
	return t, nil
}

// exported is what one export took.
type exported struct {
	took
	reading        time.Duration
	objects, links int64
}

func (e exported) speed() string {
	return fmt.Sprintf("%.0f objects/s, %.0f links/s", float64(e.objects)/e.wall.Seconds(), float64(e.links)/e.wall.Seconds())
}

// export makes an export; further arguments may ask for a complete one.
func (s *site) export(ctx context.Context, arguments ...string) (exported, error) {
	var report struct {
		Objects        int64   `json:"objects"`
		Links          int64   `json:"links"`
		ReadingSeconds float64 `json:"readingSeconds"`
	}
	t, err := s.measure(ctx, &report, append([]string{"export", trial.Connection}, arguments...)...)
	reading := time.Duration(report.ReadingSeconds * float64(time.Second))
	return exported{took: t, reading: reading, objects: report.Objects, links: report.Links}, err
}

// complete makes a complete export.
func (s *site) complete(ctx context.Context) (exported, error) { return s.export(ctx, "--complete") }

// counted are the requests to the tenant since the counters were reset, by path.
func (s *site) counted(ctx context.Context) (map[string]int, error) {
	var counters struct {
		Requests map[string]map[string]int `json:"requests"` // by path and status
	}
	if err := s.sandbox.Control(ctx, "GET", "/counters", nil, &counters); err != nil {
		return nil, err
	}
	requests := map[string]int{}
	for path, statuses := range counters.Requests {
		for _, n := range statuses {
			requests[path] += n
		}
	}
	return requests, nil
}

// countAnew resets the counters.
func (s *site) countAnew(ctx context.Context) error {
	return s.sandbox.Control(ctx, "DELETE", "/counters", nil, nil)
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
