package journal_test

import (
	"testing"

	"github.com/usher-iga/usher/agent/fulfill/journal"
)

// A journal that somebody has changed has another stamp; one that was only looked at has not.
func TestStamp(t *testing.T) {
	folder := t.TempDir()
	stamp := func() journal.Stamp {
		t.Helper()
		s, err := journal.StampOf(folder, "CONTOSO")
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	with := func(work func(*journal.Journal) error) {
		t.Helper()
		j, err := journal.Open(t.Context(), journal.Options{WorkFolder: folder, Connection: "Contoso"})
		if err != nil {
			t.Fatal(err)
		}
		if err := work(j); err != nil {
			t.Error(err)
		}
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	}
	look := func(j *journal.Journal) error {
		_, err := j.Unreported()
		return err
	}
	if stamp() != (journal.Stamp{}) {
		t.Error("there is a stamp of no journal")
	}
	with(look)
	made := stamp()
	if made == (journal.Stamp{}) {
		t.Error("there is no stamp")
	}
	with(look)
	if stamp() != made {
		t.Error("looking at the journal changes its stamp")
	}
	with(func(j *journal.Journal) error {
		r, err := j.Begin(t.Context(), journal.Source{Name: "a.json"}, nil)
		if err != nil {
			return err
		}
		return r.Discard()
	})
	if stamp() == made {
		t.Error("the journal was changed and its stamp was not")
	}
}
