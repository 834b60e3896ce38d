package password

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/usher-iga/usher/agent/fulfill"
	"github.com/usher-iga/usher/agent/fulfill/decode"
	"github.com/usher-iga/usher/agent/fulfill/journal"
	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/agent/password/notice"
	"github.com/usher-iga/usher/agent/secret"
	"github.com/usher-iga/usher/agent/secret/rsafile"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/certificate"
	"github.com/usher-iga/usher/connectors/sdk/clock"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

var (
	_ fulfill.Secrets  = (*Keeper)(nil)
	_ decode.Passwords = (*Keeper)(nil)
)

// identity is a certificate, made once for all tests: it takes a while.
var identity = sync.OnceValue(func() certificate.Identity {
	text, _, err := rsafile.NewCertificate("test", 1, clock.System)
	if err != nil {
		panic(err)
	}
	i, err := certificate.Parse(text, "")
	if err != nil {
		panic(err)
	}
	return i
})

// fakePost keeps what was sent.
type fakePost struct {
	check func(addresses ...string) error
	send  func(n notice.Notice) error
	sent  []notice.Notice
}

func (f *fakePost) Check(addresses ...string) error {
	if f.check == nil {
		return nil
	}
	return f.check(addresses...)
}

func (f *fakePost) Send(_ context.Context, n notice.Notice) error {
	if f.send != nil {
		if err := f.send(n); err != nil {
			return err
		}
	}
	f.sent = append(f.sent, n)
	return nil
}

// sets are the password settings of the tests.
func sets() []Settings {
	mailed := Defaults()
	mailed.Identifier, mailed.AutoGenerate, mailed.Mode, mailed.MustChange = "mailed", true, OneWay, true
	mailed.NotificationCC, mailed.NotifiedEmailBinding, mailed.BeneficiaryFullNameBinding = "desk@contoso.com", "manager", "displayName"
	own := mailed
	own.Identifier, own.NotifiedEmailBinding, own.NotificationCC, own.BeneficiaryEmailBinding, own.MustChange = "own", "", "", "mail", false
	silent := mailed
	silent.Identifier, silent.DisableNotifications = "silent", true
	fixed := Defaults()
	fixed.Identifier, fixed.DefaultPassword = "default", secret.New("D3fault!")
	return []Settings{mailed, own, silent, fixed}
}

func newKeeper(t *testing.T, post Post) *Keeper {
	t.Helper()
	k, err := New(Options{Settings: sets(), Identity: identity(), Post: post})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// decoded reads an order that creates a user, with a property password.
func decoded(t *testing.T, k *Keeper, password string) order.Order {
	t.Helper()
	text := `{"orders": [{"id": "1", "operation": "create", "entity": "user", "password": ` + password + `,
		"attributes": {"userPrincipalName": "ann@contoso.com", "displayName": "Ann", "mail": "ann@home.example", "manager": "bob@contoso.com"}}]}`
	var found order.Order
	err := decode.Own(k)("orders.json", strings.NewReader(text), func(o order.Order) error {
		found = o
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestFromTheOrderToTheMail(t *testing.T) {
	for name, tc := range map[string]struct {
		password string
		value    string // "" if it is generated
		want     string // the mail; "" if none is sent
	}{
		"to whom the binding names":  {`{"setting": "mailed"}`, "", "to bob@contoso.com () cc desk@contoso.com for Ann, account ann@contoso.com, new true, must change true"},
		"to whom the order names":    {`{"setting": "mailed", "notify": {"email": "eve@contoso.com", "name": "Eve"}}`, "", "to eve@contoso.com (Eve) cc desk@contoso.com for Ann, account ann@contoso.com, new true, must change true"},
		"to the person":              {`{"setting": "OWN", "value": "G1ven!"}`, "G1ven!", "to ann@home.example () cc  for Ann, account ann@contoso.com, new true, must change false"},
		"to nobody":                  {`{"setting": "silent"}`, "", ""},
		"the default":                {`{}`, "D3fault!", ""},
		"the default, to somebody":   {`{"notify": {"email": "eve@contoso.com"}}`, "D3fault!", "to eve@contoso.com () cc  for , account ann@contoso.com, new true, must change false"},
		"given instead of generated": {`{"setting": "silent", "value": "G1ven!"}`, "G1ven!", ""},
	} {
		t.Run(name, func(t *testing.T) {
			post := &fakePost{}
			k := newKeeper(t, post)
			o := decoded(t, k, tc.password)
			sealed, err := k.Prepare(t.Context(), &o)
			if err != nil {
				t.Fatal(err)
			}
			values, err := newKeeper(t, post).Reveal(t.Context(), sealed) // also by another process
			value := values["passwordProfile/password"]
			if err != nil || len(values) != 1 || tc.value != "" && value != tc.value || tc.value == "" && len(value) != 12 {
				t.Fatalf("revealed %q, %v", values, err)
			}
			for _, text := range [][]byte{sealed, o.Secrets[0].Sealed, fmt.Appendf(nil, "%+v", o)} {
				if bytes.Contains(text, []byte(value)) {
					t.Errorf("the password shows in %s", text)
				}
			}
			owed := journal.Owed{Order: o, Sealed: sealed, Result: order.Result{State: order.Executed}}
			for range 2 { // the second time after a crash
				if err := newKeeper(t, post).Deliver(t.Context(), owed); err != nil {
					t.Fatal(err)
				}
			}
			if tc.want == "" {
				if len(post.sent) != 0 {
					t.Errorf("sent %+v", post.sent)
				}
				return
			}
			for _, n := range post.sent {
				got := fmt.Sprintf("to %s (%s) cc %s for %s, account %s, new %v, must change %v", n.Email, n.FullName, n.CC, n.Beneficiary, n.Account, n.New, n.MustChange)
				if got != tc.want || n.Password.Reveal() != value || n.ID != post.sent[0].ID {
					t.Errorf("sent %s, want %s", got, tc.want)
				}
			}
			if len(post.sent) != 2 {
				t.Errorf("%d mails", len(post.sent))
			}
		})
	}
}

func TestPrepareRefuses(t *testing.T) {
	wrong := fault.Errorf(fault.Invalid, "no mail address")
	other := order.Order{ID: "2"}
	for name, tc := range map[string]struct {
		post     Post
		password string
		change   func(*order.Order)
		want     string
	}{
		"no mail":          {nil, `{"setting": "mailed"}`, nil, "no mail is set up"},
		"wrong address":    {&fakePost{check: func(...string) error { return wrong }}, `{"setting": "mailed"}`, nil, "no mail address"},
		"nobody":           {&fakePost{}, `{"setting": "mailed"}`, func(o *order.Order) { o.Secrets[0].Sealed = nil }, "nobody is known"},
		"silent, but not":  {&fakePost{}, `{"setting": "silent", "notify": {"email": "eve@contoso.com"}}`, nil, "have DisableNotifications"},
		"settings gone":    {&fakePost{}, `{"setting": "silent"}`, func(o *order.Order) { o.Secrets[0].Setting = "gone" }, `no password settings "gone"`},
		"of another order": {&fakePost{}, `{"value": "G1ven!"}`, func(o *order.Order) { o.ID = other.ID }, "damaged"},
		"damaged": {&fakePost{}, `{"value": "G1ven!"}`, func(o *order.Order) {
			sealed := o.Secrets[0].Sealed
			sealed[len(sealed)-8] ^= 1
		}, "damaged"},
		"cut":         {&fakePost{}, `{"value": "G1ven!"}`, func(o *order.Order) { o.Secrets[0].Sealed = []byte("x") }, "damaged"},
		"not wrapped": {&fakePost{}, `{"value": "G1ven!"}`, func(o *order.Order) { o.Secrets[0].Sealed = []byte("x\nAAAA") }, "not encrypted"},
	} {
		k := newKeeper(t, tc.post)
		o := decoded(t, k, tc.password)
		if tc.change != nil {
			tc.change(&o)
		}
		_, err := k.Prepare(t.Context(), &o)
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "G1ven") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDeliverOnlyWhatIsInForce(t *testing.T) {
	for _, tc := range []struct {
		operation sdk.Operation
		result    order.Result
		sent      bool
	}{
		{sdk.Create, order.Result{State: order.Executed, ObjectID: "a"}, true},
		{sdk.Create, order.Result{State: order.Executed, ObjectID: "a", Unchanged: true}, false},
		{sdk.Create, order.Result{State: order.Errored, ObjectID: "a"}, true}, // its links failed
		{sdk.Create, order.Result{State: order.Errored}, false},
		{sdk.Create, order.Result{State: order.Canceled}, false},
		{sdk.SetPassword, order.Result{State: order.Executed, ObjectID: "a"}, true},
		{sdk.SetPassword, order.Result{State: order.Errored, ObjectID: "a"}, false},
	} {
		post := &fakePost{}
		k := newKeeper(t, post)
		o := decoded(t, k, `{"setting": "mailed"}`)
		sealed, err := k.Prepare(t.Context(), &o)
		if err != nil {
			t.Fatal(err)
		}
		o.Operation = tc.operation
		if err := k.Deliver(t.Context(), journal.Owed{Order: o, Result: tc.result, Sealed: sealed}); err != nil {
			t.Error(err)
		}
		if got := len(post.sent) == 1; got != tc.sent {
			t.Errorf("%s %+v: sent %v", tc.operation, tc.result, got)
		}
	}
}

func TestDeliverFails(t *testing.T) {
	post := &fakePost{}
	k := newKeeper(t, post)
	o := decoded(t, k, `{"setting": "mailed"}`)
	sealed, err := k.Prepare(t.Context(), &o)
	if err != nil {
		t.Fatal(err)
	}
	owed := journal.Owed{Order: o, Result: order.Result{State: order.Executed}, Sealed: sealed}
	away := fault.Errorf(fault.Unavailable, "the mail server is away").WithHint("Start it")
	post.send = func(notice.Notice) error { return away }
	if err := k.Deliver(t.Context(), owed); !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "the password of order 1") || fault.Of(err).Hint != "Start it" {
		t.Errorf("got %v", err)
	}
	stop := errors.New("stop")
	post.send = func(notice.Notice) error { return stop }
	if err := k.Deliver(t.Context(), owed); !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
	if err := newKeeper(t, nil).Deliver(t.Context(), owed); !fault.Is(err, fault.Invalid) {
		t.Errorf("without mail: %v", err)
	}
	owed.Order.ID = "2"
	if err := k.Deliver(t.Context(), owed); !fault.Is(err, fault.Invalid) {
		t.Errorf("of another order: %v", err)
	}
}

// What could not be sent can be sent to somebody else.
func TestReaddress(t *testing.T) {
	post := &fakePost{check: func(all ...string) error {
		if all[0] == "nonsense" {
			return fault.Errorf(fault.Invalid, "no mail address")
		}
		return nil
	}}
	k := newKeeper(t, post)
	for _, password := range []string{`{"setting": "mailed", "notify": {"email": "eve@contoso.com", "name": "Eve"}}`, `{"setting": "silent"}`} {
		post.sent = nil
		o := decoded(t, k, password)
		sealed, err := k.Prepare(t.Context(), &o)
		if err != nil {
			t.Fatal(err)
		}
		owed := journal.Owed{Order: o, Result: order.Result{State: order.Executed}, Sealed: sealed}
		if _, err := k.Readdress(owed, "nonsense"); !fault.Is(err, fault.Invalid) {
			t.Errorf("got %v", err)
		}
		if _, err := newKeeper(t, nil).Readdress(owed, "desk@contoso.com"); !fault.Is(err, fault.Invalid) {
			t.Errorf("without mail: %v", err)
		}
		again := owed
		if again.Sealed, err = k.Readdress(owed, "desk@contoso.com"); err != nil {
			t.Fatal(err)
		}
		if err := k.Deliver(t.Context(), again); err != nil {
			t.Fatal(err)
		}
		values, err := k.Reveal(t.Context(), sealed)
		if n := post.sent; err != nil || len(n) != 1 || n[0].Email != "desk@contoso.com" || n[0].FullName != "" || n[0].Password.Reveal() != values["passwordProfile/password"] {
			t.Errorf("sent %+v, %v", n, err)
		}
		owed.Order.ID = "2"
		if _, err := k.Readdress(owed, "desk@contoso.com"); !fault.Is(err, fault.Invalid) {
			t.Errorf("of another order: %v", err)
		}
	}
}

// The private key is used once for all orders of a process, not once for each.
func TestManyOrdersNeedOneOperationWithTheKey(t *testing.T) {
	counted := &countingKey{PrivateKey: identity().Key.(*rsa.PrivateKey)}
	first := newKeeper(t, &fakePost{})
	var all [][]byte
	for n := range 50 {
		sealed, err := first.Seal(fmt.Sprint(n), decode.Wish{Value: "x"})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, sealed)
	}
	i := identity()
	i.Key = counted
	k, err := New(Options{Identity: i})
	if err != nil {
		t.Fatal(err)
	}
	for n, sealed := range all {
		o := order.Order{ID: fmt.Sprint(n), Secrets: []order.Secret{{Path: "p", Sealed: sealed}}}
		prepared, err := k.Prepare(t.Context(), &o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := k.Reveal(t.Context(), prepared); err != nil {
			t.Fatal(err)
		}
	}
	if counted.n != 1 {
		t.Errorf("%d operations", counted.n)
	}
}

// countingKey counts how often it decrypts.
type countingKey struct {
	*rsa.PrivateKey
	n int
}

func (k *countingKey) Decrypt(random io.Reader, text []byte, o crypto.DecrypterOpts) ([]byte, error) {
	k.n++
	return k.PrivateKey.Decrypt(random, text, o)
}
