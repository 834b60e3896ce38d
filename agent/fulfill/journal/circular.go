package journal

import (
	"fmt"
	"slices"
	"strings"

	"github.com/usher-iga/usher/agent/fulfill/order"
)

// shownOfCircle is how many waits of a circle are told.
const shownOfCircle = 20

// circular tells which order waits for which, and why, in a circle of orders each of which the next one
// waits for.
func (t *txn) circular(circle []uint64) (order.Problem, error) {
	slices.Reverse(circle) // each waits for the next one
	at := -1
	for i, waiter := range circle { // the first order of the input that asks to wait itself
		if t.why(waiter, circle[(i+1)%len(circle)]) == fails && (at < 0 || waiter < circle[at]) {
			at = i
		}
	}
	circle = slices.Concat(circle[max(at, 0):], circle[:max(at, 0)])
	first, err := t.order(circle[0])
	if err != nil {
		return order.Problem{}, err
	}
	var waits []string
	sequence := false // of the input matters
	for i, waiter := range circle[:min(len(circle), shownOfCircle)] {
		wait, bySequence, err := t.tellWait(waiter, circle[(i+1)%len(circle)])
		if err != nil {
			return order.Problem{}, err
		}
		waits, sequence = append(waits, wait), sequence || bySequence
	}
	if more := len(circle) - shownOfCircle; more > 0 {
		waits = append(waits, fmt.Sprintf("and %d more", more))
	}
	p := order.Problem{
		Place: first.Place, Order: first.ID,
		Message: "orders wait for each other in a circle: " + strings.Join(waits, "; "),
		Hint:    "Take one of the dependencies out, for example by making the object first and linking it by an order of its own",
	}
	if sequence {
		p.Hint = "Put orders about the same object into the sequence in which they are to be carried out, or take the dependency out"
	}
	return p, nil
}

// why is the kind of a wait.
func (t *txn) why(waiter, of uint64) byte {
	kind := t.tx.Bucket(edgesBucket).Get(numbers(of, waiter))
	if len(kind) == 0 {
		return waits
	}
	return kind[0]
}

// tellWait says why an order waits for another one; bySequence: because of where they stand.
func (t *txn) tellWait(waiter, of uint64) (wait string, bySequence bool, err error) {
	w, err := t.order(waiter)
	if err != nil {
		return "", false, err
	}
	o, err := t.order(of)
	if err != nil {
		return "", false, err
	}
	switch {
	case slices.Contains(w.DependsOn, o.ID):
		return fmt.Sprintf("%s depends on %s", w.ID, o.ID), false, nil
	case t.why(waiter, of) == fails:
		return fmt.Sprintf("%s refers to what %s makes", w.ID, o.ID), false, nil
	case waiter < of:
		return fmt.Sprintf("%s names by a natural key what %s makes", w.ID, o.ID), false, nil
	default:
		return fmt.Sprintf("%s stands behind %s, about the same object", w.ID, o.ID), true, nil
	}
}
