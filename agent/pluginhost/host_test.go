package pluginhost_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/usher-iga/usher/agent/pluginhost"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/clock"
	"github.com/usher-iga/usher/connectors/sdk/fault"
	"github.com/usher-iga/usher/connectors/sdk/record"
)

// The test binary plays the connector programs: started by the host under the name
// of a role it acts that role.
func TestMain(m *testing.M) {
	if os.Getenv(sdk.Handshake().MagicCookieKey) != "" {
		play(strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe"))
		return
	}
	os.Exit(m.Run())
}

func play(role string) {
	switch role {
	case "rubbish":
		fmt.Println("Good morning!")
		time.Sleep(time.Minute)
	case "dead":
		fmt.Fprintln(os.Stderr, "no such luck")
		os.Exit(3)
	case "sleeper":
		time.Sleep(time.Minute)
	case "parent": // its child keeps the output open
		child := exec.Command(os.Args[0])
		child.Args[0] = "sleeper"
		child.Stdout, child.Stderr = os.Stdout, os.Stderr
		if err := child.Start(); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		fmt.Fprintln(os.Stderr, "left a child behind")
	default:
		sdk.Serve(actor(role))
	}
}

// actor is a connector that behaves as its role says.
type actor string

func (a actor) Describe() sdk.Description {
	if a == "dumb" {
		time.Sleep(time.Minute)
	}
	return sdk.Description{Name: string(a), Entities: []sdk.Entity{{Name: "user"}}}
}

func (a actor) Check(context.Context, sdk.CheckRequest) (sdk.CheckReport, error) {
	return sdk.CheckReport{Findings: []sdk.Finding{{State: sdk.OK, Subject: "environment", Message: strings.Join(os.Environ(), "\n")}}}, nil
}

func (a actor) Export(ctx context.Context, _ sdk.ExportRequest, sink sdk.Sink) error {
	w, err := sink.Begin(0, true, "")
	if err != nil {
		return err
	}
	switch a {
	case "crash":
		go panic("the sky falls")
		select {}
	case "hang":
		<-make(chan struct{})
	case "waiter":
		if err := sink.Progress(sdk.Progress{WaitingMS: 60_000, Reason: "throttled"}); err != nil {
			return err
		}
		time.Sleep(700 * time.Millisecond)
	case "denied":
		return &fault.Error{Code: fault.Unauthorized, Message: "refused", Hint: "try again", Setting: "ApplicationKey",
			SystemCode: "AADSTS1", RequestID: "r", ClientRequestID: "c", Err: io.ErrUnexpectedEOF}
	case "liar":
		return nil
	case "patient":
		<-ctx.Done()
		return ctx.Err()
	}
	sdk.Logger().Warn("a word of warning", "role", string(a))
	var o record.Object
	o.SetID([]byte("1"))
	if err := w.Object(&o); err != nil {
		return err
	}
	return w.End("cookie")
}

// host returns a host whose folder holds the programs of these roles, trusted.
func host(t *testing.T, log io.Writer, roles ...string) *pluginhost.Host {
	t.Helper()
	h := &pluginhost.Host{
		Folder:       pluginhost.Folder{Path: t.TempDir()},
		StartTimeout: 20 * time.Second, CheckTimeout: 20 * time.Second, IdleTimeout: time.Minute,
		Clock:  clock.System,
		Logger: hclog.New(&hclog.LoggerOptions{Output: log, Level: hclog.Info}),
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, role := range roles {
		if runtime.GOOS == "windows" {
			role += ".exe"
		}
		copyFile(t, self, filepath.Join(h.Folder.Path, role))
	}
	if _, err := h.Folder.Trust(); err != nil {
		t.Fatal(err)
	}
	return h
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	if os.Link(from, to) == nil {
		return
	}
	content, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, content, 0o700); err != nil {
		t.Fatal(err)
	}
}

// sink notes what comes.
type sink struct {
	begun  chan struct{}
	events []string
}

func (s *sink) Begin(int, bool, string) (sdk.Writer, error) {
	s.events = append(s.events, "begin")
	if s.begun != nil {
		close(s.begun)
	}
	return s, nil
}

func (s *sink) Object(o *record.Object) error {
	s.events = append(s.events, "object "+string(o.ID()))
	return nil
}

func (s *sink) Links(*record.Links) error   { return nil }
func (s *sink) Progress(sdk.Progress) error { return nil }
func (s *sink) Warn(sdk.Warning) error      { return nil }

func (s *sink) End(cookie string) error {
	s.events = append(s.events, "end "+cookie)
	return nil
}

func request() sdk.ExportRequest {
	return sdk.ExportRequest{Collections: []sdk.Collection{{Entity: "user"}}}
}

func TestExport(t *testing.T) {
	t.Setenv("USHER_TEST_SECRET", "do not hand me on")
	var log lockedBuffer
	h := host(t, &log, "good")
	c, err := h.Launch(t.Context(), "good")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if c.Description.Name != "good" || !c.Can.Export {
		t.Errorf("described as %+v, can export: %t", c.Description, c.Can.Export)
	}
	var s sink
	if err := c.Export(t.Context(), request(), &s); err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(s.events), "[begin object 1 end cookie]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}

	report, err := c.Check(t.Context(), sdk.CheckRequest{})
	if err != nil || len(report.Findings) != 1 {
		t.Fatal(report, err)
	}
	if strings.Contains(report.Findings[0].Message, "do not hand me on") {
		t.Error("the connector has inherited the agent's environment")
	}
	c.Close()
	c.Close()
	if text := log.String(); !strings.Contains(text, "[WARN]") || !strings.Contains(text, "a word of warning") {
		t.Errorf("the connector's log is not in the agent's:\n%s", text)
	}
}

// Every way in which a connector can fail is a fault.Connector with a reason (P2).
func TestMisbehaviour(t *testing.T) {
	for _, tc := range []struct {
		role string
		code fault.Code
		want string
	}{
		{"rubbish", fault.Connector, "is not a connector program"},
		{"dead", fault.Connector, "ended at its start; it said: no such luck"},
		{"sleeper", fault.Connector, "did not start within"},
		{"parent", fault.Connector, "left a child behind"},
		{"dumb", fault.Connector, "did not describe itself within"},
		{"crash", fault.Connector, "crashed (exit status 2; it said: panic: the sky falls)"},
		{"hang", fault.Connector, "hangs: it gave no sign of life for 500ms"},
		{"liar", fault.Connector, `finished without the end of "user"`},
		{"denied", fault.Unauthorized, "refused: unexpected EOF (code AADSTS1, request-id r, client-request-id c)"},
		{"waiter", "", ""},
	} {
		t.Run(tc.role, func(t *testing.T) {
			t.Parallel()
			h := host(t, io.Discard, tc.role)
			switch tc.role {
			case "sleeper", "dumb", "parent":
				h.StartTimeout = 5 * time.Second
			case "hang", "waiter":
				h.IdleTimeout = 500 * time.Millisecond
			}
			c, err := h.Launch(t.Context(), tc.role)
			if err == nil {
				defer c.Close()
				err = c.Export(t.Context(), request(), new(sink))
			}
			if fault.CodeOf(err) != tc.code || (err != nil && !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("got %q %v, want %q %s", fault.CodeOf(err), err, tc.code, tc.want)
			}
			if tc.role == "denied" {
				if f := fault.Of(err); f.Hint != "try again" || f.Setting != "ApplicationKey" {
					t.Errorf("hint or setting is lost: %+v", f)
				}
			}
		})
	}
}

func TestCancel(t *testing.T) {
	h := host(t, io.Discard, "patient")
	c, err := h.Launch(t.Context(), "patient")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithCancel(t.Context())
	s := &sink{begun: make(chan struct{})}
	go func() {
		<-s.begun
		cancel()
	}()
	if err := c.Export(ctx, request(), s); !errors.Is(err, context.Canceled) || fault.CodeOf(err) != fault.Canceled {
		t.Errorf("got %v, want cancelled", err)
	}
}

// A connector that does not start must not keep a cancellation waiting.
func TestCancelStart(t *testing.T) {
	h := host(t, io.Discard, "sleeper")
	h.StartTimeout = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := h.Launch(ctx, "sleeper"); fault.CodeOf(err) != fault.Canceled {
		t.Errorf("got %v, want cancelled", err)
	}
}

// A socket's path has little room: a long one is told before the connector fails at it.
func TestLongTemporaryFolder(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("connectors speak TCP there")
	}
	h := host(t, io.Discard, "good")
	long := filepath.Join(t.TempDir(), strings.Repeat("x", 80))
	if err := os.Mkdir(long, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", long)
	if _, err := h.Launch(t.Context(), "good"); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "too long") {
		t.Errorf("got %v", err)
	}
}

func TestTrust(t *testing.T) {
	h := host(t, io.Discard, "good")
	path := h.Folder.Path
	if _, err := h.Launch(t.Context(), "godo"); !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Of(err).Hint, "It holds good") {
		t.Errorf("unknown name: %v", err)
	}

	manifest := filepath.Join(path, pluginhost.ManifestName)
	if err := os.Remove(manifest); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Launch(t.Context(), "good"); !fault.Is(err, fault.Connector) || !strings.Contains(err.Error(), "no known checksum") {
		t.Errorf("without a checksum: %v", err)
	}

	h.Folder.Checksums = map[string]string{"GOOD": strings.Repeat("00", 32)}
	if _, err := h.Launch(t.Context(), "good"); !fault.Is(err, fault.Connector) || !strings.Contains(err.Error(), "is not the one that was installed") {
		t.Errorf("with a wrong checksum: %v", err)
	}

	programs, err := h.Folder.Programs()
	if err != nil || len(programs) != 1 {
		t.Fatal(programs, err)
	}
	h.Folder.Checksums["GOOD"] = programs[0].Checksum
	c, err := h.Launch(t.Context(), "good")
	if err != nil {
		t.Fatalf("with the checksum in the settings: %v", err)
	}
	c.Close()

	h.Folder.Path = filepath.Join(path, "nowhere")
	if _, err := h.Launch(t.Context(), "good"); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("without a folder: %v", err)
	}
}

// lockedBuffer is a log that several goroutines write.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
