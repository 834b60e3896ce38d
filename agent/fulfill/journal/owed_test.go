package journal_test

import (
	"context"
	"errors"
	"testing"

	"github.com/usher-iga/usher/agent/fulfill/journal"
	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// withPassword is an order that came with a password.
func withPassword(o order.Order) order.Order {
	o.Secrets = []order.Secret{{Path: "passwordProfile/password", Setting: "strong", Sealed: []byte("given")}}
	return o
}

// ended carries out one order with a secret and returns its number.
func ended(t *testing.T, j *journal.Journal, r order.Result) uint64 {
	t.Helper()
	entries, err := j.Ready(10)
	if err != nil || len(entries) != 1 {
		t.Fatalf("%+v, %v", entries, err)
	}
	entries[0].Sealed = []byte("sealed")
	if _, err := j.Start(entries); err != nil {
		t.Fatal(err)
	}
	if err := j.Finish([]journal.Finished{{Seq: entries[0].Seq, Result: r}}); err != nil {
		t.Fatal(err)
	}
	return entries[0].Seq
}

// A password that came with an order is erased when it was delivered, unless the order may need it again.
func TestGivenPasswordIsErased(t *testing.T) {
	set := update("1", byID("a"))
	set.Operation, set.Attributes = sdk.SetPassword, nil
	failed := func(object string) (r order.Result) {
		r.Fail(fault.Errorf(fault.Refused, "no"))
		r.ObjectID = object
		return r
	}
	for name, c := range map[string]struct {
		order  order.Order
		result order.Result
		kept   bool
	}{
		"executed":               {set, executed("1"), false},
		"failed":                 {set, failed("a"), true},
		"made, and failed later": {create("1", "a"), failed("id-of-1"), false},
		"not made":               {create("1", "a"), failed(""), true},
	} {
		t.Run(name, func(t *testing.T) {
			j := opened(t)
			accept(t, j, withPassword(c.order))
			if err := j.Delivered(ended(t, j, c.result)); err != nil {
				t.Fatal(err)
			}
			o, _, err := j.Order("1")
			if err != nil || (len(o.Secrets[0].Sealed) > 0) != c.kept || o.Secrets[0].Setting != "strong" {
				t.Errorf("%+v, %v", o, err)
			}
			if again := accept(t, j, withPassword(c.order)); !again.Complete() {
				t.Errorf("it is no repetition: %+v", again)
			}
		})
	}
}

// What cannot be delivered is told, and can be sent elsewhere or dropped.
func TestUndelivered(t *testing.T) {
	o := options(t.TempDir())
	var told []journal.Decision
	o.Decided = func(d journal.Decision) error { told = append(told, d); return nil }
	j := open(t, o)
	defer shut(t, j)
	accept(t, j, withPassword(create("1", "a")))
	seq := ended(t, j, executed("1"))
	undelivered := func() *order.Undelivered {
		_, r, err := j.Order("1")
		if err != nil {
			t.Fatal(err)
		}
		return r.Undelivered
	}
	if u := undelivered(); u == nil || u.Tries != 0 {
		t.Errorf("%+v", u)
	}
	for range 2 {
		if err := j.NotDelivered(seq, fault.Errorf(fault.Refused, "there is no such mailbox").WithHint("Correct it")); err != nil {
			t.Fatal(err)
		}
	}
	if u := undelivered(); *u != (order.Undelivered{Tries: 2, Last: noon, Code: fault.Refused, Message: "there is no such mailbox", Hint: "Correct it"}) {
		t.Errorf("%+v", u)
	}
	bad := errors.New("bad address")
	if err := j.Readdress("1", "ann", func(journal.Owed) ([]byte, error) { return nil, bad }); !errors.Is(err, bad) {
		t.Error(err)
	}
	err := j.Readdress("1", "ann", func(owed journal.Owed) ([]byte, error) { return append(owed.Sealed, " again"...), nil })
	if err != nil {
		t.Fatal(err)
	}
	if owed, err := j.Owed(0, 10); err != nil || len(owed) != 1 || string(owed[0].Sealed) != "sealed again" || undelivered().Tries != 0 {
		t.Errorf("%+v, %v", owed, err)
	}
	if err := j.DropSecrets("1", "bob"); err != nil {
		t.Fatal(err)
	}
	if owed, err := j.Owed(0, 10); err != nil || len(owed) > 0 || undelivered() != nil {
		t.Errorf("%+v, %v", owed, err)
	}
	if o, _, err := j.Order("1"); err != nil || len(o.Secrets[0].Sealed) > 0 {
		t.Errorf("%+v, %v", o, err)
	}
	wrong(t, j.DropSecrets("1", "bob"), fault.Conflict, "order 1 of connection Contoso has no password that is to be delivered")
	wrong(t, j.DropSecrets("9", "bob"), fault.NotFound, "no order 9")
	if len(told) != 2 || told[0].What != journal.DecidedReaddress || told[0].By != "ann" || told[0].Reason != "there is no such mailbox" || told[1].What != journal.DecidedDrop {
		t.Errorf("%+v", told)
	}
	if err := j.Retry(context.Background(), "1", "ann"); !fault.Is(err, fault.Conflict) {
		t.Error(err)
	}
}
