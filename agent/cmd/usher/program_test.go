package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/usher-iga/usher/agent/settings"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// invoke runs usher in this process.
func invoke(t *testing.T, arguments ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	p := &program{args: arguments, stdout: &out, stderr: &err}
	code = p.run(t.Context())
	return code, out.String(), err.String()
}

func TestUsageErrors(t *testing.T) {
	for _, tc := range []struct{ arguments, want string }{
		{"exprot Contoso", `there is no command "usher exprot", did you mean export?`},
		{"settings valdate", `there is no command "usher settings valdate", did you mean validate?`},
		{"connectors nonsense", `there is no command "usher connectors nonsense"`},
		{"export", "'usher export' lacks CONNECTION"},
		{"version now", `unknown command "now" for "usher version"`},
		{"export X --nonsense", "unknown flag: --nonsense"},
	} {
		code, stdout, stderr := invoke(t, strings.Fields(tc.arguments)...)
		if code != exitUsage || stdout != "" || !strings.HasPrefix(stderr, "usher: "+tc.want) || !strings.HasSuffix(stderr, "--help'.\n") {
			t.Errorf("usher %s: exit code %d, %q, %q", tc.arguments, code, stdout, stderr)
		}
		code, stdout, stderr = invoke(t, append(strings.Fields(tc.arguments), "--json")...)
		var result struct{ Errors []failure }
		if err := json.Unmarshal([]byte(stdout), &result); err != nil || code != exitUsage || stderr != "" || !strings.HasPrefix(result.Errors[0].Message, tc.want) {
			t.Errorf("usher %s --json: exit code %d, %q, %q (%v)", tc.arguments, code, stdout, stderr, err)
		}
	}
}

func TestExitCodes(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want int
	}{
		{nil, exitDone},
		{errors.New("a bug"), exitFailed},
		{usageError{errors.New("what?")}, exitUsage},
		{fault.Errorf(fault.Invalid, "wrong"), exitUsage},
		{fmt.Errorf("around: %w", fault.Errorf(fault.Held, "wait")), exitHeld},
		{fault.Errorf(fault.Canceled, "stop"), exitCancelled},
		{fault.Errorf(fault.Refused, "no"), exitFailed},
		{fault.Errorf(fault.Storage, "full"), exitFailed},
	} {
		if got := exitCode(tc.err); got != tc.want {
			t.Errorf("%v: exit code %d, want %d", tc.err, got, tc.want)
		}
	}
}

// Each thing that is wrong is told, wherever it stands in the error.
func TestFailures(t *testing.T) {
	first := &fault.Error{Code: fault.Invalid, Message: "one", Hint: "do", Setting: "S"}
	third := &fault.Error{Code: fault.Forbidden, Message: "three", SystemCode: "X", RequestID: "r", ClientRequestID: "c"}
	got := failures(errors.Join(settings.Problems{first, fault.Errorf(fault.Invalid, "two")}, third, io.EOF))
	want := []failure{
		{Code: "invalid", Message: "one", Hint: "do", Setting: "S"},
		{Code: "invalid", Message: "two"},
		{Code: "forbidden", Message: "three (code X, request-id r, client-request-id c)", SystemCode: "X", RequestID: "r", ClientRequestID: "c"},
		{Code: "internal", Message: "EOF", Hint: "This should not happen; please report it with the log"},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

// A result that cannot be written is a failure: nobody has it.
func TestLostResult(t *testing.T) {
	p := &program{args: []string{"version", "--json"}, stdout: full{}, stderr: io.Discard}
	if code := p.run(t.Context()); code != exitFailed {
		t.Errorf("exit code %d, want %d", code, exitFailed)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }
