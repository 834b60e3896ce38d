package journal_test

import (
	"fmt"
	"testing"

	"github.com/usher-iga/usher/agent/fulfill/journal"
	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// An order tells for which one it waits: for one that is held, however far away, else for the nearest.
func TestWaitsFor(t *testing.T) {
	j := opened(t)
	const nothing = "<nil>"
	waits := func(want map[string]string) {
		t.Helper()
		for id, text := range want {
			got, err := j.WaitsFor(id)
			if err != nil || fmt.Sprint(got) != text {
				t.Errorf("order %s: %v, %v, want %s", id, got, err, text)
			}
		}
	}
	accept(t, j, update("open", byID("b")))
	if _, err := receive(j, "too much", update("h1", byID("a")), link("h2", byID("g"), []order.Ref{byID("m")}, nil), create("h3", "new")); err != nil {
		t.Fatal(err)
	}
	accept(t, j,
		update("1", byID("a")),                             // the same object
		update("2", byID("b"), "1"),                        // behind one that is not held and one that waits for a held one
		update("3", byID("b")),                             // behind that
		remove("4", byID("g")),                             // an object to which a held one adds
		update("5", made("h3")),                            // a reference
		update("6", byID("c"), "h1"),                       // a dependency
		update("7", byID("free")),                          // nothing
		update("8", byID("free")),                          // one that is not held
		link("9", byID("g"), []order.Ref{byID("m2")}, nil), // side by side with the held one, behind 4
	)
	const held = "it waits for order %s of intake 2, which is held"
	waits(map[string]string{
		"open": nothing, "h1": nothing, "7": nothing, "8": "it waits for order 7 of intake 3, which has not ended",
		"1": fmt.Sprintf(held, "h1"), "2": fmt.Sprintf(held, "h1"), "3": fmt.Sprintf(held, "h1"),
		"4": fmt.Sprintf(held, "h2"), "5": fmt.Sprintf(held, "h3"), "6": fmt.Sprintf(held, "h1"), "9": fmt.Sprintf(held, "h2"),
	})
	_, err := j.WaitsFor("none")
	wrong(t, err, fault.NotFound, "has no order none")
	if _, err := j.Release(2, "ann"); err != nil {
		t.Fatal(err)
	}
	waits(map[string]string{"1": "it waits for order h1 of intake 2, which has not ended", "7": nothing})
	carryOut(t, j, executed)
	waits(map[string]string{"1": nothing, "9": nothing, "h1": nothing})
}

// To tell for whom one of very many waits is no endless work.
func TestWaitsForOfMany(t *testing.T) {
	j := opened(t)
	var all []order.Order
	for i := range 2000 {
		all = append(all, link(fmt.Sprint("l", i), byID("g"), []order.Ref{byID(fmt.Sprint("m", i))}, nil))
	}
	accept(t, j, append(all, remove("last", byID("g")))...)
	if got, err := j.WaitsFor("last"); err != nil || got == nil || *got != (journal.Wait{Order: "l0", Intake: 1, State: order.Pending}) {
		t.Errorf("%+v, %v", got, err)
	}
}
