// Package ledgertest enters runs into ledgers, for tests of what is done with them
// afterwards.
package ledgertest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"testing"
	"time"

	"github.com/usher-iga/usher/agent/export/ledger"
	"github.com/usher-iga/usher/agent/export/publish"
	"github.com/usher-iga/usher/agent/secret"
	"github.com/usher-iga/usher/agent/store"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Run is a run to enter.
type Run struct {
	Mode     publish.Mode
	Object   string            // the id of the only object that it inserts
	Cookies  map[string]string // by entity
	Obtained time.Time         // the cookies
	Listed   time.Time         // their entities were, for them
	Held     string            // why it is held; empty: it is published
}

// Enter enters a run for which o opens the ledger, and closes that again.
func Enter(tb testing.TB, o ledger.Options, r Run) {
	tb.Helper()
	l, err := ledger.Open(context.Background(), o)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() {
		if err := l.Close(); err != nil {
			tb.Error(err)
		}
	}()
	if err := enter(l, o, r); err != nil {
		tb.Fatal(err)
	}
}

func enter(l *ledger.Ledger, o ledger.Options, r Run) error {
	entry, err := l.Begin()
	if err != nil {
		return err
	}
	defer entry.Discard() //nolint:errcheck // after Publish and Hold it does nothing
	changes, err := entry.Commit.Change("objects/user")
	if err != nil {
		return err
	}
	if err := changes.Put([]byte(r.Object), []byte("print")); err != nil {
		return err
	}
	for entity, text := range r.Cookies {
		entry.Commit.SetCookie(store.Cookie{Entity: entity, Hash: [32]byte{1}, Text: secret.New(text), Obtained: r.Obtained, Listed: r.Listed, Run: o.Run})
	}
	content := []byte("Command,@odata.type,id\r\ninsert,user," + r.Object + "\r\n")
	file := publish.File{Name: o.Connection + "_directoryobjects.csv", Kind: publish.Objects, Rows: 1, Bytes: uint64(len(content))}
	sum := sha256.Sum256(content)
	file.SHA256 = hex.EncodeToString(sum[:])
	if err := os.WriteFile(entry.Stage.Path(file.Name), content, 0o600); err != nil {
		return err
	}
	record := store.Run{
		Mode: string(r.Mode), Started: o.Clock.Now(), Finished: o.Clock.Now(),
		Counts: []store.Count{{Entity: "user", Command: "insert", Rows: 1}},
	}
	manifest := publish.Manifest{Mode: r.Mode, Files: []publish.File{file}}
	if r.Held != "" {
		record.Error = &store.RunError{Code: fault.Held, Message: r.Held, Hint: "Decide"}
		return entry.Hold(context.Background(), record, manifest)
	}
	warning, err := entry.Publish(context.Background(), record, manifest)
	if err == nil {
		err = warning
	}
	return err
}
