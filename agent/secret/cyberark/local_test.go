package cyberark_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/usher-iga/usher/agent/secret/cyberark"
	"github.com/usher-iga/usher/connectors/sdk/clock"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// TestMain lets the test's own program stand for CyberArk's.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "GetPassword" {
		os.Exit(pretend(os.Args[2:]))
	}
	if len(os.Args) > 2 && os.Args[1] == "hold" {
		hold(os.Args[2])
	}
	os.Exit(m.Run())
}

const separator = "#@usher@#"

// pretend answers as the object that is asked for says.
func pretend(args []string) int {
	want := []string{"-p", "AppDescs.AppID=My App", "-p", "", "-p", "RequiredProps=UserName,Address",
		"-o", "Password,PassProps.UserName,PassProps.Address,PasswordChangeInProcess", "-d", separator}
	query := args[3]
	args[3] = ""
	object, ok := strings.CutPrefix(query, "Query=Safe=Usher;Object=")
	if !ok || !slices.Equal(args, want) {
		fmt.Fprintf(os.Stderr, "APPAP999E bad arguments %q\n", args)
		return 1
	}
	kind, rest, _ := strings.Cut(object, " ")
	switch kind {
	case "good":
		fmt.Println(strings.Join([]string{word, "app", "https://graph.example", "false"}, separator))
	case "environment":
		fmt.Println(strings.Join([]string{strings.Join(os.Environ(), "\n"), "", "", ""}, separator))
	case "changing":
		changing := "false"
		if err := os.Remove(rest); err == nil { // it is there once
			changing = "true"
		}
		fmt.Println(strings.Join([]string{word, "app", "", changing}, separator))
	case "none":
		fmt.Fprintln(os.Stderr, "APPAP004E Password object matching query [Safe=Usher;Object=none] was not found (Diagnostic Info: 5).\nMore.")
		return 1
	case "stdout":
		fmt.Println("Error: APPAP306E Authentication error. Reason: APPAP133E hash")
		return 1
	case "leak":
		fmt.Println(word)
		fmt.Fprintln(os.Stderr, word)
		return 3
	case "few":
		fmt.Println(word)
	case "latin1":
		fmt.Printf("p\xe4ss%sapp%[1]s%[1]sfalse\n", separator)
	case "flood":
		for range 1000 {
			fmt.Print(strings.Repeat(word, 1000))
		}
	case "hang":
		program, err := os.Executable()
		if err != nil {
			return 1
		}
		child := exec.Command(program, "hold", rest)
		child.Stdout, child.Stderr = os.Stdout, os.Stderr
		if err := child.Start(); err != nil {
			return 1
		}
		hold(rest)
	}
	return 0
}

// hold keeps a connection open for as long as the process lives.
func hold(address string) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		os.Exit(1)
	}
	_, _ = io.Copy(io.Discard, c)
	os.Exit(1)
}

func newLocal(t *testing.T, k clock.Clock) cyberark.Provider {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p, err := cyberark.NewLocal(cyberark.Local{Program: program, AppID: "My App", Safe: "Usher"}, k)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestLocal(t *testing.T) {
	a, err := newLocal(t, &waits{}).Account(t.Context(), "good")
	if err != nil || a.Username != "app" || a.Content.Reveal() != word || a.Address != "https://graph.example" {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestLocalWaits(t *testing.T) {
	once := filepath.Join(t.TempDir(), "once")
	if err := os.WriteFile(once, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	k := &waits{}
	if a, err := newLocal(t, k).Account(t.Context(), "changing "+once); err != nil || a.Username != "app" || len(k.all) != 1 {
		t.Errorf("%v after %v", err, k.all)
	}
}

func TestLocalGivesNoEnvironment(t *testing.T) {
	t.Setenv("USHER_CANARY", "sesame")
	a, err := newLocal(t, &waits{}).Account(t.Context(), "environment")
	if err != nil || !strings.Contains(a.Content.Reveal(), "PATH=") || strings.Contains(a.Content.Reveal(), "sesame") {
		t.Errorf("%s, %v", a.Content.Reveal(), err)
	}
}

func TestLocalRefuses(t *testing.T) {
	for _, tc := range []struct {
		object, message string
		code            fault.Code
		waits           int
	}{
		{"none", "no account none in the safe Usher", fault.NotFound, 0},
		{"stdout", "as the application My App: APPAP133E hash", fault.Unauthorized, 0},
		{"leak", "failed: exit status 3", fault.Unavailable, 3},
		{"few", "the number of them is 1", fault.Invalid, 0},
		{"flood", "the number of them is 1", fault.Invalid, 0},
		{"latin1", "not UTF-8", fault.Invalid, 0},
		{"a;b", "has a character", fault.Invalid, 0},
	} {
		k := &waits{}
		_, err := newLocal(t, k).Account(t.Context(), tc.object)
		if f := fault.Of(err); f == nil || f.Code != tc.code || !strings.Contains(f.Error(), tc.message) || f.Hint == "" || len(k.all) != tc.waits || strings.Contains(f.Error(), word) {
			t.Errorf("%s: %v after %v", tc.object, err, k.all)
		}
	}
}

func TestLocalPrograms(t *testing.T) {
	if _, err := cyberark.NewLocal(cyberark.Local{Program: "clipasswordsdk", AppID: "a", Safe: "b"}, nil); !fault.Is(err, fault.Invalid) || fault.Of(err).Setting != "CyberArk:Program" {
		t.Errorf("got %v", err)
	}
	if _, err := cyberark.NewLocal(cyberark.Local{AppID: "a"}, nil); !fault.Is(err, fault.Invalid) || fault.Of(err).Setting != "CyberArk:SafeName" {
		t.Errorf("got %v", err)
	}
	p, err := cyberark.NewLocal(cyberark.Local{Program: filepath.Join(t.TempDir(), "none"), AppID: "a", Safe: "b"}, &waits{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Account(t.Context(), "x"); !fault.Is(err, fault.Invalid) || fault.Of(err).Setting != "CyberArk:Program" {
		t.Errorf("got %v", err)
	}
}

// Cancelling ends the program and what it has started.
func TestLocalIsEndedWhole(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := newLocal(t, &waits{}).Account(ctx, "hang "+listener.Addr().String())
		done <- err
	}()
	var held []net.Conn
	for range 2 { // the program and its child
		c, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, c)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	for _, c := range held {
		if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a process still lives: %v", err)
		}
	}
}
