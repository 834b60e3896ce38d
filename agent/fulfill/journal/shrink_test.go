package journal_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/usher-iga/usher/agent/fulfill/journal"
	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// bulky are orders that take about 5 KB each, some 20 MB together.
func bulky() (orders []order.Order) {
	for n := range 4000 {
		o := update(fmt.Sprint("bulk-", n), byID(fmt.Sprint("object-", n)))
		o.Attributes[0].Value = []byte(`"` + strings.Repeat("x", 5000) + `"`)
		orders = append(orders, o)
	}
	return orders
}

func sizeOf(t *testing.T, folder string) int64 {
	t.Helper()
	info, err := os.Stat(filepath.Join(journal.Folder(folder, "Contoso"), "journal.db"))
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// What was refused leaves no weight behind, and nothing else goes with it.
func TestShrink(t *testing.T) {
	folder := t.TempDir()
	o := options(folder)
	grown := int64(0)
	var failing, stopped string
	o.Cut = func(step string) error {
		if step == "drop an intake" {
			grown = max(grown, sizeOf(t, folder))
		}
		if step == failing {
			stopped = step
			return errCut
		}
		return nil
	}
	j := open(t, o)
	defer func() { shut(t, j) }()
	accept(t, j, update("1", byID("a")))
	circle := append(bulky(), update("c1", byID("b"), "c2"), update("c2", byID("c"), "c1"))
	_, err := receive(j, "", circle...)
	wrong(t, err, fault.Invalid, "c1 depends on c2; c2 depends on c1")
	if size := sizeOf(t, folder); grown < 20<<20 || size > 1<<20 {
		t.Errorf("the file grew to %d bytes, and has %d", grown, size)
	}
	if entries, err := j.Ready(10); err != nil || len(entries) != 1 || entries[0].Order.ID != "1" {
		t.Errorf("%+v, %v", entries, err)
	}

	// A crash on the way leaves it to another time.
	for _, failing = range []string{"shrink", "replace"} {
		if _, err = receive(j, "", circle...); !errors.Is(err, errCut) || stopped != failing {
			t.Fatalf("%s: stopped at %q by %v", failing, stopped, err)
		}
		shut(t, j)
		at := failing
		failing = ""
		j = open(t, o)
		if entries, err := j.Ready(10); err != nil || len(entries) != 1 {
			t.Errorf("%s: %+v, %v", at, entries, err)
		}
		if size := sizeOf(t, folder); size > 1<<20 {
			t.Errorf("%s: it has %d bytes", at, size)
		}
	}
}

// So does what was cut off while it came.
func TestShrinkAfterACrash(t *testing.T) {
	folder := t.TempDir()
	j := open(t, options(folder))
	r, err := j.Begin(t.Context(), journal.Source{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range bulky() {
		if err := r.Add(o); err != nil {
			t.Fatal(err)
		}
	}
	shut(t, j)
	before := sizeOf(t, folder)
	shut(t, open(t, options(folder)))
	if size := sizeOf(t, folder); before < 20<<20 || size > 1<<20 {
		t.Errorf("%d bytes became %d", before, size)
	}
}
