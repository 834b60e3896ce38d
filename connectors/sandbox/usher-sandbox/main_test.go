package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/usher-iga/usher/connectors/sandbox/server"
)

func TestServeTellsHowToReachIt(t *testing.T) {
	folder := t.TempDir()
	readyFile, caFile := filepath.Join(folder, "ready.json"), filepath.Join(folder, "ca.pem")
	var out bytes.Buffer
	c := newCommand()
	c.SetOut(&out)
	c.SetArgs([]string{"serve", "--listen", "127.0.0.1:0", "--ready-file", readyFile, "--ca-file", caFile, "--users", "5",
		"--latency", "1ms", "--fault-rate", "0.1"})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- c.ExecuteContext(ctx) }()
	var text []byte
	for text == nil {
		select {
		case err := <-done:
			t.Fatalf("ended before it was ready: %v", err)
		case <-time.After(time.Millisecond):
			text, _ = os.ReadFile(readyFile) // until it is there
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	var ready server.Ready
	if err := json.Unmarshal(text, &ready); err != nil {
		t.Fatal(err)
	}
	for _, value := range []string{ready.URL, ready.TenantID, ready.ClientID, ready.ClientSecret} {
		if value == "" || !strings.Contains(out.String(), value) {
			t.Errorf("%q is not in the output:\n%s", value, out.String())
		}
	}
	if ready.CAFile != caFile {
		t.Errorf("the CA is said to be in %s", ready.CAFile)
	}
	if _, err := os.Stat(caFile); err != nil {
		t.Error(err)
	}
}

func TestServeRefusesBadFlags(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"serve", "--users", "-1"}, "the number of users cannot be -1"},
		{[]string{"serve", "--fault-rate", "2"}, "add up to"},
		{[]string{"serve", "--retry-after", "soon"}, `"soon"`},
		{[]string{"serve", "--listen", "nowhere:x"}, "cannot listen"},
		{[]string{"serve", "extra"}, "extra"},
		{[]string{"serve", "--nothing"}, "nothing"},
	} {
		c := newCommand()
		c.SetArgs(append(tt.args, "--ca-file", filepath.Join(t.TempDir(), "ca.pem")))
		c.SetOut(&bytes.Buffer{})
		if err := c.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: got %v, want %q", tt.args, err, tt.want)
		}
	}
}
