package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/usher-iga/usher/connectors/entra/sandboxed"
	"github.com/usher-iga/usher/connectors/entra/setting"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

func startSmallSandbox(t *testing.T, flags ...string) *sandboxed.Sandbox {
	t.Helper()
	return program.Start(t, append([]string{"--users", "20", "--groups", "5", "--memberships", "20"}, flags...)...)
}

func newRealConnector() connector {
	c := newConnector("test", hclog.NewNullLogger())
	c.Clock = &hurry{now: time.Now()}
	return c
}

// fullCheck examines a connection as usher check does.
func fullCheck(t *testing.T, connection sdk.Connection) (sdk.CheckReport, map[string]sdk.Finding) {
	t.Helper()
	report, err := newRealConnector().Check(t.Context(), sdk.CheckRequest{
		Connection: connection, Extent: sdk.Full, Attributes: []sdk.Attribute{{Path: "displayName"}},
		Collections: []sdk.Collection{{Entity: "user"}, {Entity: "group", Navigations: []string{"members"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	findings := map[string]sdk.Finding{}
	for _, f := range report.Findings {
		findings[f.Subject] = f
	}
	return report, findings
}

// exportUsers exports users alone and returns how many there were.
func exportUsers(t *testing.T, connection sdk.Connection) (int, error) {
	t.Helper()
	s := newSink(1)
	err := newRealConnector().Export(t.Context(), sdk.ExportRequest{
		Connection: connection, Collections: []sdk.Collection{{Entity: "user"}}, Attributes: []sdk.Attribute{{Path: "displayName"}},
	}, s)
	if s.rows[0] == nil {
		return 0, err
	}
	return strings.Count(s.rows[0].String(), "\n") - 1, err
}

// Each way to sign in works with the real azidentity and real TLS, and a full check finds nothing wrong.
func TestWaysToSignInToTheSandbox(t *testing.T) {
	folder := t.TempDir()
	sb := startSmallSandbox(t, "--client-certificate", filepath.Join(folder, "client.pem"),
		"--federated-token", filepath.Join(folder, "token"), "--imds-listen", "127.0.0.1:0")
	// The form of Azure's containers: the address of a virtual machine's service cannot be moved.
	t.Setenv("IDENTITY_ENDPOINT", sb.IMDS+"/msi/token")
	t.Setenv("IDENTITY_HEADER", sb.IdentityHeader)
	content, err := os.ReadFile(sb.CertificateFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name     string
		change   func(sdk.Connection)
		findings []string // of the credential: subjects
	}{
		{"client secret", func(c sdk.Connection) { c.Secrets[setting.ApplicationKey] = sb.ClientSecret }, []string{"client secret"}},
		{"certificate file", func(c sdk.Connection) { c.Settings[setting.CertificateFile] = sb.CertificateFile }, []string{"certificate"}},
		{"certificate as text", func(c sdk.Connection) { c.Secrets[setting.Certificate] = string(content) }, []string{"certificate"}},
		{"federated token", func(c sdk.Connection) { c.Settings[setting.FederatedTokenFile] = sb.FederatedTokenFile }, nil},
		{"managed identity of the machine", func(c sdk.Connection) {
			c.Settings[setting.ManagedIdentity] = "true"
			delete(c.Settings, setting.ApplicationID)
		}, []string{"credentials"}},
		{"user-assigned identity", func(c sdk.Connection) {
			c.Settings[setting.ManagedIdentity], c.Settings[setting.ApplicationID] = "true", sb.ManagedClientID
		}, []string{"credentials"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			connection := sb.Connection()
			delete(connection.Secrets, setting.ApplicationKey)
			tc.change(connection)
			report, findings := fullCheck(t, connection)
			for _, f := range report.Findings {
				if f.State != sdk.OK {
					t.Errorf("%+v", f)
				}
			}
			for _, subject := range append(tc.findings, "sign-in", "tenant", "clock", "read user", "read group") {
				if findings[subject].State != sdk.OK {
					t.Errorf("nothing of %s in %+v", subject, report.Findings)
				}
			}
			if ends := findings["client secret"].Ends; tc.name == "client secret" && ends.IsZero() {
				t.Errorf("no end in %+v", findings["client secret"])
			}
			for _, p := range report.Permissions {
				if p.Grant != sdk.Granted {
					t.Errorf("%+v", p)
				}
			}
			if users, err := exportUsers(t, connection); users < 20 || err != nil {
				t.Errorf("%d users, %v", users, err)
			}
		})
	}
}

// A secret that was replaced costs no run: the settings are resolved anew.
func TestRotatedSecretOfTheSandbox(t *testing.T) {
	sb := startSmallSandbox(t)
	old := sb.Connection()
	var added struct{ SecretText string }
	if err := json.Unmarshal(sb.Ask(t, http.MethodPost, "/application/secrets", `{"displayName":"new"}`), &added); err != nil || added.SecretText == "" {
		t.Fatalf("%+v, %v", added, err)
	}
	sb.Ask(t, http.MethodDelete, "/application/secrets/"+sb.SecretID, "")

	if _, err := exportUsers(t, old); !fault.Is(err, fault.Unauthorized) || fault.Of(err).SystemCode != "AADSTS7000215" {
		t.Errorf("got %v", err)
	}
	old.Renew = func(context.Context) (sdk.Connection, error) { return old, nil }
	if _, err := exportUsers(t, old); !fault.Is(err, fault.Unauthorized) || !strings.Contains(err.Error(), "hold the same client secret") {
		t.Errorf("got %v", err)
	}
	old.Renew = func(context.Context) (sdk.Connection, error) {
		renewed := sb.Connection()
		renewed.Secrets[setting.ApplicationKey] = added.SecretText
		return renewed, nil
	}
	if users, err := exportUsers(t, old); users < 20 || err != nil {
		t.Errorf("%d users, %v", users, err)
	}
}

// What the sandbox finds wrong is told with what to do next.
func TestCheckOfAFaultySandbox(t *testing.T) {
	folder := t.TempDir()
	sb := startSmallSandbox(t, "--client-certificate", filepath.Join(folder, "client.pem"), "--federated-token", filepath.Join(folder, "token"))
	byToken := func(c sdk.Connection) {
		delete(c.Secrets, setting.ApplicationKey)
		c.Settings[setting.FederatedTokenFile] = sb.FederatedTokenFile
	}
	token := func(body string) {
		body = strings.Replace(body, "{", `{"file":`+string(must(json.Marshal(sb.FederatedTokenFile)))+",", 1)
		sb.Ask(t, http.MethodPost, "/federated-token", body)
	}
	for _, tc := range []struct {
		name    string
		prepare func()
		change  func(sdk.Connection)
		subject string
		state   sdk.FindingState
		message string // part of it
		setting string
	}{
		{"secret soon over", func() {
			body, _ := json.Marshal(map[string]any{"secrets": []map[string]any{{"value": sb.ClientSecret, "displayName": "Agent", "endDateTime": time.Now().Add(9 * 24 * time.Hour)}}})
			sb.Ask(t, http.MethodPut, "/application", string(body))
		}, nil, "client secret", sdk.Warned, `The client secret "Agent" ends on`, setting.ApplicationKey},
		{"disabled", func() { sb.Ask(t, http.MethodPut, "/sign-in", `{"refuse":7000112,"times":1}`) }, nil, "sign-in", sdk.Failed, "is disabled", setting.ApplicationID},
		{"conditional access", func() { sb.Ask(t, http.MethodPut, "/sign-in", `{"refuse":53003,"times":1}`) }, nil, "sign-in", sdk.Failed, "Conditional Access", setting.ApplicationID},
		{"token of another subject", func() { token(`{"subject":"nobody"}`) }, byToken, "sign-in", sdk.Failed, "this subject", setting.FederatedTokenFile},
		{"token for another audience", func() { token(`{"audience":"api://other"}`) }, byToken, "sign-in", sdk.Failed, "this audience", setting.FederatedTokenFile},
		{"token of another issuer", func() { token(`{"issuer":"https://other.example"}`) }, byToken, "sign-in", sdk.Failed, "this issuer", setting.FederatedTokenFile},
		{"token over", func() { token(`{"life":"-1h"}`) }, byToken, "sign-in", sdk.Failed, "has expired", setting.FederatedTokenFile},
		{"forged token", func() { token(`{"forged":true}`) }, byToken, "sign-in", sdk.Failed, "not signed by its issuer", setting.FederatedTokenFile},
		{"permission missing", func() { sb.Ask(t, http.MethodPut, "/application", `{"roles":["User.Read.All"]}`) }, nil, "read group", sdk.Failed, "GroupMember.Read.All", ""},
		{"clock", func() { sb.Ask(t, http.MethodPut, "/clock", `{"offset":"1h"}`) }, func(c sdk.Connection) {
			delete(c.Secrets, setting.ApplicationKey)
			c.Settings[setting.CertificateFile] = sb.CertificateFile
		}, "clock", sdk.Failed, "behind that of", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.prepare()
			connection := sb.Connection()
			if tc.change != nil {
				tc.change(connection)
			}
			report, findings := fullCheck(t, connection)
			f := findings[tc.subject]
			if f.State != tc.state || !strings.Contains(f.Message, tc.message) || f.Setting != tc.setting || f.Hint == "" {
				t.Errorf("got %+v", f)
			}
			if missing := slices.IndexFunc(report.Permissions, func(p sdk.Permission) bool { return p.Grant == sdk.Missing }); tc.name == "permission missing" &&
				(missing != 1 || !strings.Contains(f.Hint, "GroupMember.Read.All")) {
				t.Errorf("%+v, %+v", report.Permissions, f)
			}
			if tc.name == "clock" && !strings.Contains(findings["sign-in"].Message, "outside of its time") {
				t.Errorf("got %+v", findings["sign-in"])
			}
		})
	}
}

// In each cloud the real names are asked for, here through a proxy that wants a password.
func TestCloudsOfTheSandbox(t *testing.T) {
	for _, cloud := range []string{"Global", "USGov", "USGovDoD", "China"} {
		t.Run(cloud, func(t *testing.T) {
			sb := startSmallSandbox(t, "--cloud", cloud)
			connection := sb.Connection()
			delete(connection.Settings, setting.AuthorityPath)
			delete(connection.Settings, setting.BaseURL)
			connection.Settings[setting.Cloud] = cloud
			proxy := startProxy(t, sb)
			connection.Network.Proxy = "http://usher:pass@" + proxy
			report, findings := fullCheck(t, connection)
			for _, f := range report.Findings {
				if f.State != sdk.OK {
					t.Errorf("%+v", f)
				}
			}
			for _, host := range []string{sb.CloudAuthority, sb.CloudGraph} {
				if reached := findings["reach "+strings.TrimPrefix(host, "https://")]; !strings.Contains(reached.Message, "through the proxy "+proxy) {
					t.Errorf("%s: %+v", host, report.Findings)
				}
			}
			connection.Network.Proxy = "http://" + proxy
			if _, findings := fullCheck(t, connection); findings["sign-in"].Setting != "Proxy" {
				t.Errorf("got %+v", findings["sign-in"])
			}
		})
	}
}

// startProxy runs a proxy that leads to the sandbox, whatever host is asked for.
func startProxy(t *testing.T, sb *sandboxed.Sandbox) (address string) {
	t.Helper()
	target := strings.TrimPrefix(sb.URL, "https://")
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	allowed := "Basic " + base64.StdEncoding.EncodeToString([]byte("usher:pass"))
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go tunnel(conn, target, allowed)
		}
	}()
	return listener.Addr().String()
}

func tunnel(conn net.Conn, target, allowed string) {
	defer conn.Close()
	reader := bufio.NewReader(conn)
	req, err := http.ReadRequest(reader)
	if err != nil || req.Method != http.MethodConnect {
		return
	}
	if req.Header.Get("Proxy-Authorization") != allowed {
		_, _ = io.WriteString(conn, "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n")
		return
	}
	onward, err := (&net.Dialer{}).DialContext(req.Context(), "tcp", target)
	if err != nil {
		return
	}
	defer onward.Close()
	_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
	go func() { _, _ = io.Copy(onward, reader) }()
	_, _ = io.Copy(conn, onward)
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
