package trial

import (
	"bufio"
	"bytes"
	"context"
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
	"strings"
	"time"
)

// Tenant is how to reach a simulated tenant, from the file that usher-sandbox
// writes when it is ready.
type Tenant struct {
	URL             string `json:"url"` // of Graph, without a version
	Authority       string `json:"authority"`
	Control         string `json:"control"`
	CAFile          string `json:"caFile"`
	TenantID        string `json:"tenantId"`
	ClientID        string `json:"clientId"`
	ClientSecret    string `json:"clientSecret"`
	ExpiredSecret   string `json:"expiredSecret"`
	CertificateFile string `json:"certificateFile"`
	CloudVault      string `json:"cloudVault"` // by the cloud's own name
	Vault           string `json:"vault"`      // by the sandbox's address
	CCP             string `json:"ccp"`        // of CyberArk's Central Credential Provider
	ManagedClientID string `json:"managedClientId"`
}

// Sandbox is a running simulated tenant.
type Sandbox struct {
	Tenant Tenant
	cmd    *exec.Cmd
	client *http.Client
	output bytes.Buffer
	exited chan struct{} // closed at its end
}

// StartSandbox starts usher-sandbox with the given flags, keeping its files in
// folder. Stop it.
func StartSandbox(ctx context.Context, programs Programs, folder string, flags ...string) (*Sandbox, error) {
	ready := filepath.Join(folder, "ready.json")
	_ = os.Remove(ready) // of an earlier sandbox in this folder
	arguments := append([]string{"serve", "--listen", "127.0.0.1:0", "--ca-file", filepath.Join(folder, "ca.pem"), "--ready-file", ready}, flags...)
	s := &Sandbox{cmd: exec.Command(programs.Sandbox, arguments...), exited: make(chan struct{})} //nolint:noctx // ended by Stop
	s.cmd.Stdout, s.cmd.Stderr = &s.output, &s.output
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = s.cmd.Wait() // ProcessState tells how it ended
		close(s.exited)
	}()
	if err := s.await(ctx, ready); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

// await waits for the ready file and reads it.
func (s *Sandbox) await(ctx context.Context, ready string) error {
	for {
		if text, err := os.ReadFile(ready); err == nil {
			if err := json.Unmarshal(text, &s.Tenant); err != nil {
				return fmt.Errorf("read %s: %w", ready, err)
			}
			return s.trust()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.exited:
			return fmt.Errorf("usher-sandbox ended: %s\n%s", s.cmd.ProcessState, s.output.String())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (s *Sandbox) trust() error {
	pem, err := os.ReadFile(s.Tenant.CAFile)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return fmt.Errorf("%s holds no certificate", s.Tenant.CAFile)
	}
	s.client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}}
	return nil
}

// PID is the process id.
func (s *Sandbox) PID() int { return s.cmd.Process.Pid }

// Stop ends the sandbox, which has nothing to save, and returns when it has ended.
// It may be called twice.
func (s *Sandbox) Stop() {
	_ = s.cmd.Process.Kill() // it may have ended by itself
	<-s.exited
}

// Control calls the control API: body, if not nil, is sent as JSON; answer, if not
// nil, is filled from the answer.
func (s *Sandbox) Control(ctx context.Context, method, path string, body, answer any) error {
	var in io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		in = bytes.NewReader(text)
	}
	resp, err := s.request(ctx, method, path, in)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if answer == nil {
		_, err = io.Copy(io.Discard, resp.Body)
		return err
	}
	return json.NewDecoder(resp.Body).Decode(answer)
}

func (s *Sandbox) request(ctx context.Context, method, path string, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(s.Tenant.Control, "/")+path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode >= 300 {
		defer resp.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
		return nil, fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, text)
	}
	return resp, nil
}

// Object is one object as the tenant truly is.
type Object struct {
	Type       string              `json:"type"`
	ID         string              `json:"id"`
	Properties map[string]any      `json:"properties"`
	Links      map[string][]string `json:"links"`
	Suspended  map[string][]string `json:"suspended"` // links to objects that can be restored
}

// Snapshot calls f with every object of an entity, in order of ids.
func (s *Sandbox) Snapshot(ctx context.Context, entity string, f func(Object) error) error {
	return s.Lines(ctx, "/snapshot/"+entity, func(line json.RawMessage) error {
		var o Object
		if err := json.Unmarshal(line, &o); err != nil {
			return err
		}
		return f(o)
	})
}

// Lines reads what the control API answers as one JSON value a line, and calls f with each.
func (s *Sandbox) Lines(ctx context.Context, path string, f func(line json.RawMessage) error) error {
	resp, err := s.request(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	decoder := json.NewDecoder(bufio.NewReader(resp.Body))
	for {
		var line json.RawMessage
		switch err := decoder.Decode(&line); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if err := f(line); err != nil {
			return err
		}
	}
}
