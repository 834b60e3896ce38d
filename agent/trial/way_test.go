package trial_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/usher-iga/usher/agent/export/publish"
	"github.com/usher-iga/usher/agent/trial"
)

// Sign-in by certificate, from a PEM file and from a PFX file (C4).
func TestCertificate(t *testing.T) {
	t.Parallel()
	certificate := filepath.Join(t.TempDir(), "usher.pem")
	_, installation := start(t, "--client-certificate", certificate)
	want := sums(mustExport(t, installation))

	pfx := filepath.Join(t.TempDir(), "usher.pfx")
	writePFX(t, certificate, pfx, "opens it")
	for name, keys := range map[string]map[string]any{
		"PEM": {"ApplicationCertificateFile": certificate},
		"PFX": {"ApplicationCertificateFile": pfx, "ApplicationCertificatePassword": "opens it"},
	} {
		installation.Change = func(c map[string]any) {
			delete(c, "ApplicationKey")
			maps.Copy(c, keys)
		}
		write(t, installation)
		if got := sums(mustExport(t, installation)); !maps.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}

	installation.Change = func(c map[string]any) {
		delete(c, "ApplicationKey")
		c["ApplicationCertificateFile"], c["ApplicationCertificatePassword"] = pfx, "wr0ng-canary"
	}
	write(t, installation)
	result := usher(t, installation, "export", trial.Connection, "--json")
	message, _, code := failure(t, result)
	if result.Code != 2 || code != "invalid" || !strings.Contains(message, "appsettings.agent.json:") || strings.Contains(result.Stdout, "wr0ng-canary") {
		t.Errorf("wrong password: exit code %d, %s: %s", result.Code, code, message)
	}
}

func writePFX(t *testing.T, from, to, password string) {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(from, from)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	content, err := pkcs12.Modern.Encode(pair.PrivateKey, leaf, nil, password)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// Everything goes through a proxy that asks for a password (S8).
func TestProxy(t *testing.T) {
	t.Parallel()
	// A name that only the proxy can resolve: what is on this machine is reached directly.
	const name = "graph.contoso.example"
	_, installation := start(t, "--host", name)
	there, err := url.Parse(installation.Tenant.URL)
	if err != nil {
		t.Fatal(err)
	}
	installation.Tenant.URL = "https://" + net.JoinHostPort(name, there.Port())
	installation.Tenant.Authority = installation.Tenant.URL
	var tunnels atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		want := "Basic " + base64.StdEncoding.EncodeToString([]byte("usher:op3n sesame"))
		if r.Header.Get("Proxy-Authorization") != want {
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		tunnels.Add(1)
		tunnel(w, r, there.Host)
	}))
	defer proxy.Close()

	password := "op3n sesame"
	installation.ChangeRoot = func(r map[string]any) {
		r["Proxy"] = map[string]any{"Address": proxy.URL, "Username": "usher", "Password": password}
	}
	write(t, installation)
	mustExport(t, installation)
	if tunnels.Load() == 0 {
		t.Error("nothing came through the proxy")
	}

	password = "wr0ng-canary"
	write(t, installation)
	result := usher(t, installation, "export", trial.Connection, "--json", "--log-level", "trace")
	message, hint, code := failure(t, result)
	if result.Code != 1 || code != "unavailable" || !strings.Contains(message+hint, "roxy") {
		t.Errorf("wrong password: exit code %d, %s: %s. %s", result.Code, code, message, hint)
	}
	if strings.Contains(result.Stdout+result.Stderr, password) {
		t.Error("the proxy's password is shown")
	}
}

// Two tenants are exported side by side from one folder of settings (E10).
func TestTwoTenants(t *testing.T) {
	t.Parallel()
	first, installation := start(t, "--seed", "1", "--users", "300")
	second, alone := start(t, "--seed", "2", "--users", "300")
	want := map[string]map[string]string{"Contoso": sums(mustExport(t, installation)), "Fabrikam": sums(mustExport(t, alone))}
	if maps.Equal(want["Contoso"], want["Fabrikam"]) {
		t.Fatal("the tenants are the same: nothing is tested")
	}

	installation.ChangeRoot = func(r map[string]any) {
		r["TrustedCertificates"] = []string{first.Tenant.CAFile, second.Tenant.CAFile}
		r["Connections"].(map[string]any)["Fabrikam"] = alone.ConnectionSettings()
	}
	write(t, installation)
	for _, sandbox := range []*trial.Sandbox{first, second} { // slow enough to meet
		if err := sandbox.Control(t.Context(), "PUT", "/faults", map[string]any{"latency": "50ms"}, nil); err != nil {
			t.Fatal(err)
		}
	}
	var group sync.WaitGroup
	for connection := range want {
		group.Go(func() {
			result, err := installation.Run(t.Context(), "export", connection, "--json")
			if err != nil || result.Code != 0 || strings.Contains(result.Stderr, "DATA RACE") {
				t.Errorf("%s: %v, exit code %d\n%s%s", connection, err, result.Code, result.Stdout, result.Stderr)
			}
		})
	}
	group.Wait()
	var runs []*publish.Manifest
	for connection, want := range want {
		manifest := publishedAs(t, installation, connection)
		got := map[string]string{}
		for name, sum := range sums(manifest) {
			got[trial.Connection+strings.TrimPrefix(name, connection)] = sum
		}
		if !maps.Equal(got, want) {
			t.Errorf("%s: %v, want %v", connection, got, want)
		}
		runs = append(runs, manifest)
	}
	if runs[0].Finished.Before(runs[1].Started) || runs[1].Finished.Before(runs[0].Started) {
		t.Error("the exports did not run at the same time")
	}
}

// tunnel connects the client of a CONNECT request with an address.
func tunnel(w http.ResponseWriter, r *http.Request, address string) {
	target, err := (&net.Dialer{}).DialContext(r.Context(), "tcp", address)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	client, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		_ = target.Close()
		return
	}
	_, _ = io.WriteString(client, "HTTP/1.1 200 Connection established\r\n\r\n")
	go func() {
		_, _ = io.Copy(target, client)
		_ = target.Close()
	}()
	_, _ = io.Copy(client, target)
	_ = client.Close()
}
