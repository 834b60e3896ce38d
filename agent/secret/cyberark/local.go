package cyberark

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/usher-iga/usher/agent/family"
	"github.com/usher-iga/usher/agent/secret"
	"github.com/usher-iga/usher/connectors/sdk/clock"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

const programSetting = "CyberArk:Program"

// Local says what is asked of the Credential Provider of this machine.
type Local struct {
	Program string // clipasswordsdk; where CyberArk installs it if empty
	AppID   string // of the application as CyberArk knows it; no secret
	Safe    string
}

// NewLocal makes a Provider that runs CyberArk's program. Errors are [fault.Invalid]; nothing is
// run yet.
func NewLocal(l Local, k clock.Clock) (Provider, error) {
	if l.Program == "" {
		l.Program = usualProgram
	}
	if !filepath.IsAbs(l.Program) {
		return nil, fault.Errorf(fault.Invalid, "%q is not the whole path of CyberArk's program", l.Program).
			WithSetting(programSetting).WithHint("Give a path such as %s", usualProgram)
	}
	if err := checkNames(l.AppID, l.Safe); err != nil {
		return nil, err
	}
	return &local{Local: l, clock: k}, nil
}

// local runs the program for each account. Source: CyberArk, Credential Provider, "CLI Application
// Password SDK".
type local struct {
	Local
	clock clock.Clock
}

const (
	// separator parts the values of the output. A password with this in it is refused.
	separator = "#@usher@#"
	// runTime is more than the provider waits for its vault.
	runTime = time.Minute
	// pipeTime is how long a program that was ended may hold its output open.
	pipeTime = 2 * time.Second
	// maxOutput bounds what is kept of the output.
	maxOutput = 64 << 10
)

// Account is that of [Provider].
func (l *local) Account(ctx context.Context, object string) (Account, error) {
	if err := checkName("CyberArk object", object, ""); err != nil {
		return Account{}, err
	}
	return patiently(ctx, l.clock, object, func(ctx context.Context) (Account, error) { return l.ask(ctx, object) })
}

func (l *local) ask(ctx context.Context, object string) (Account, error) {
	limited, cancel := context.WithTimeout(ctx, runTime)
	defer cancel()
	stdout, stderr, err := l.run(limited,
		"GetPassword",
		"-p", "AppDescs.AppID="+l.AppID,
		"-p", "Query=Safe="+l.Safe+";Object="+object,
		"-p", "RequiredProps=UserName,Address",
		"-o", "Password,PassProps.UserName,PassProps.Address,PasswordChangeInProcess",
		"-d", separator)
	switch {
	case ctx.Err() != nil:
		return Account{}, ctx.Err()
	case limited.Err() != nil:
		return Account{}, fault.Errorf(fault.Unavailable, "CyberArk's program %s did not end within %v", l.Program, runTime).
			WithHint("See that the Credential Provider service runs and reaches its vault")
	case err != nil:
		return Account{}, l.failure(object, stdout, stderr, err)
	}
	return l.parse(stdout)
}

// run gives what the program has written. No secret is in its arguments or its environment.
func (l *local) run(ctx context.Context, args ...string) (stdout, stderr []byte, err error) {
	var out, problems capped
	cmd := exec.CommandContext(ctx, l.Program, args...)
	cmd.Env, cmd.Dir = environment(), filepath.Dir(l.Program)
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &out, &problems, pipeTime
	group, err := family.New(cmd)
	if err != nil {
		return nil, nil, err
	}
	defer group.Close()
	cmd.Cancel = group.Kill
	if err := group.Start(); err != nil {
		return nil, nil, err
	}
	err = cmd.Wait()
	return out.Bytes(), problems.Bytes(), err
}

func (l *local) parse(output []byte) (Account, error) {
	text := strings.TrimSuffix(strings.TrimSuffix(string(output), "\n"), "\r")
	values := strings.Split(text, separator)
	switch {
	case !utf8.ValidString(text):
		return Account{}, fault.Errorf(fault.Invalid, "CyberArk's program %s gives a password that is not UTF-8 text", l.Program).
			WithHint("Use the Central Credential Provider, or a password without special letters")
	case len(values) != 4:
		return Account{}, fault.Errorf(fault.Invalid, "CyberArk's program %s should give 4 values; the number of them is %d", l.Program, len(values)).
			WithSetting(programSetting).WithHint("Check that it is CyberArk's clipasswordsdk; a password must not contain %s", separator)
	case strings.EqualFold(strings.TrimSpace(values[3]), "true"):
		return Account{}, errChanging
	}
	return Account{Username: values[1], Content: secret.New(values[0]), Address: values[2]}, nil
}

// errorCode is how the program's errors begin.
var errorCode = regexp.MustCompile(`\b(APPAP|AIMWS)\d{3}E\b`)

// failure explains why the program ended badly. Only a line with one of CyberArk's codes is told of
// what it wrote: anything else might be a password.
func (l *local) failure(object string, stdout, stderr []byte, err error) error {
	for _, output := range [][]byte{stderr, stdout} {
		if at := errorCode.FindIndex(output); at != nil {
			line, _, _ := bytes.Cut(output[at[0]:], []byte("\n"))
			text := strings.TrimLeft(strings.ToValidUTF8(string(line[at[1]-at[0]:]), "?"), ": ")
			return refusal{object: object, safe: l.Safe, appID: l.AppID, from: "CyberArk's Credential Provider of this machine", code: string(output[at[0]:at[1]]), text: text}.fault()
		}
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, exec.ErrNotFound) {
		return fault.Errorf(fault.Invalid, "CyberArk's program %s cannot be run: %w", l.Program, reason(err)).
			WithSetting(programSetting).WithHint("Install the Credential Provider on this machine, let the account that runs Usher run the program, or use the Central Credential Provider")
	}
	return fault.Errorf(fault.Unavailable, "CyberArk's program %s failed: %w", l.Program, err).
		WithHint("Run it by hand as the account that runs Usher, and see that the Credential Provider service runs")
}

func reason(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}

// capped keeps the beginning of what is written into it.
type capped struct{ bytes.Buffer }

func (c *capped) Write(p []byte) (int, error) {
	c.Buffer.Write(p[:min(len(p), maxOutput-c.Len())])
	return len(p), nil
}
