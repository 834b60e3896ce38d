package fulfill_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usher-iga/usher/agent/fulfill"
	"github.com/usher-iga/usher/agent/fulfill/journal"
	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/clock/clocktest"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// system is a target system with a connector before it.
type system struct {
	random *rand.Rand
	// trouble is asked before each order is carried out and after it; an error ends the call, as a
	// crash of the connector does.
	trouble func(after bool) error
	refuse  func(o sdk.Order) *fault.Error // may be nil
	examine func(o sdk.Order) []sdk.OrderProblem
	preview func(o sdk.Order) sdk.Preview
	// resolve is asked for the id that a natural key leads to. nil: it leads nowhere.
	resolve  func(o sdk.NamedObject) (string, error)
	resolved []string // by natural keys, what was asked for
	keeps    bool     // an order that makes nothing has the object that it is about

	mu       sync.Mutex
	applied  []string            // ids of orders, in the sequence in which they were carried out
	times    map[string]int      // by order
	underWay map[string]bool     // objects
	secrets  map[string]string   // by order, the last ones
	seen     map[string][]string // by order, what was asked for
	calls    int
	wrong    []string // what must not be
}

func newSystem(seed uint64) *system {
	return &system{
		random: rand.New(rand.NewPCG(seed, 1)), trouble: func(bool) error { return nil },
		times: map[string]int{}, underWay: map[string]bool{}, secrets: map[string]string{}, seen: map[string][]string{},
	}
}

func (s *system) Examine(_ context.Context, orders []sdk.Order) (problems []sdk.OrderProblem, err error) {
	for _, o := range orders {
		if s.examine != nil {
			problems = append(problems, s.examine(o)...)
		}
	}
	return problems, nil
}

func (s *system) Resolve(_ context.Context, _ sdk.Connection, objects []sdk.NamedObject) (ids []string, err error) {
	for _, o := range objects {
		id := ""
		if s.resolve != nil {
			if id, err = s.resolve(o); err != nil {
				return nil, err
			}
		}
		ids = append(ids, id)
		s.resolved = append(s.resolved, strings.Join([]string{o.Entity, o.Navigation, o.Key.Attribute, o.Key.Value}, " "))
	}
	return ids, nil
}

func (s *system) Preview(_ context.Context, _ sdk.Connection, orders []sdk.Order, emit func(sdk.Preview) error) error {
	for _, o := range orders {
		if err := emit(s.preview(o)); err != nil {
			return err
		}
	}
	return nil
}

// Fulfill takes orders until none comes at once, and carries some of them out in any sequence.
func (s *system) Fulfill(ctx context.Context, _ sdk.Connection, orders sdk.OrderSource, sink sdk.OutcomeSink) error {
	s.mu.Lock()
	s.calls++
	clear(s.underWay)
	s.mu.Unlock()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	come := make(chan sdk.Order)
	taken := make(chan struct{})
	defer func() { cancel(nil); <-taken }()
	go func() {
		defer close(taken)
		defer close(come)
		for {
			o, err := orders.Next(ctx)
			if err != nil {
				if !errors.Is(err, io.EOF) {
					cancel(err)
				}
				return
			}
			s.take(o)
			select {
			case come <- o:
			case <-ctx.Done():
				return
			}
		}
	}()
	var waiting []sdk.Order
	for open := true; open || len(waiting) > 0; {
		if open && (len(waiting) == 0 || s.random.IntN(3) > 0) {
			select {
			case o, ok := <-come:
				if open = ok; ok {
					waiting = append(waiting, o)
				}
				continue
			case <-time.After(time.Millisecond): // nothing comes until something has ended
				if len(waiting) == 0 {
					continue
				}
			}
		}
		if ctx.Err() != nil {
			break
		}
		i := s.random.IntN(len(waiting))
		o := waiting[i]
		waiting = slices.Delete(waiting, i, i+1)
		if err := s.carryOut(o, sink); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// take notes that an order has come.
func (s *system) take(o sdk.Order) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if object := lane(o); s.underWay[object] {
		s.wrong = append(s.wrong, "two orders about "+object+" at a time")
	} else {
		s.underWay[object] = true
	}
	if s.times[o.ID] > 0 && !o.Uncertain {
		s.wrong = append(s.wrong, "order "+o.ID+" comes again as if for the first time")
	}
	if o.Uncertain && o.FirstAttempt.IsZero() {
		s.wrong = append(s.wrong, "order "+o.ID+" was begun nobody knows when")
	}
	s.seen[o.ID] = append(s.seen[o.ID], fmt.Sprint(o.Key, o.Links))
	if len(o.Secrets) > 0 {
		s.secrets[o.ID] = fmt.Sprint(o.Secrets)
	}
}

// lane is the object of an order. The name of an object is name-of- and its id.
func lane(o sdk.Order) string {
	if o.Key.Value != "" {
		return strings.TrimPrefix(strings.ToLower(o.Key.Value), "name-of-")
	}
	if o.Key.ID != "" {
		return o.Key.ID
	}
	return "id-of-" + o.ID
}

func (s *system) carryOut(o sdk.Order, sink sdk.OutcomeSink) error {
	if err := s.trouble(false); err != nil {
		return err
	}
	outcome := sdk.Outcome{Order: o.ID, ObjectID: "id-of-" + o.ID, Attempts: 1}
	if s.keeps {
		outcome.ObjectID = lane(o)
	}
	s.mu.Lock()
	if s.refuse != nil {
		outcome.Failure = s.refuse(o)
	}
	switch {
	case outcome.Failure != nil:
	case s.times[o.ID] > 0:
		outcome.Unchanged = true // by an attempt whose answer was lost
	default:
		s.times[o.ID]++
		s.applied = append(s.applied, o.ID)
	}
	s.mu.Unlock()
	if err := s.trouble(true); err != nil {
		return err
	}
	s.mu.Lock()
	delete(s.underWay, lane(o))
	s.mu.Unlock()
	return sink.Done(outcome)
}

// site is a journal with a system.
type site struct {
	folder string
	system *system
	clock  *clocktest.Still
	chunk  int // 0: the default
}

func newSite(tb testing.TB, folder string) *site {
	tb.Helper()
	return &site{folder: folder, system: newSystem(1), clock: clocktest.At(noon)}
}

// fataler is a testing.TB or a rapid.T.
type fataler interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

func (s *site) open(tb fataler, cut func(string) error) *journal.Journal {
	tb.Helper()
	j, err := journal.Open(context.Background(), journal.Options{WorkFolder: s.folder, Connection: "Contoso", Clock: s.clock, Chunk: s.chunk, Cut: cut})
	if err != nil {
		tb.Fatal(err)
	}
	return j
}

func (s *site) options(j *journal.Journal) fulfill.Options {
	return fulfill.Options{
		Connection: sdk.Connection{ID: "Contoso"}, Fulfiller: s.system, Journal: j, Clock: s.clock,
		Relaunch: func(context.Context) (fulfill.Fulfiller, error) { return s.system, nil },
	}
}

// given is a decoder that ignores what it reads.
func given(orders ...order.Order) fulfill.Decoder {
	return func(_ string, _ io.Reader, emit func(order.Order) error) error {
		for _, o := range orders {
			if err := emit(o); err != nil {
				return err
			}
		}
		return nil
	}
}

func input(orders ...order.Order) fulfill.Input {
	return fulfill.Input{Source: journal.Source{Name: "orders.json"}, Decode: given(orders...)}
}

func accept(tb fataler, o fulfill.Options, orders ...order.Order) journal.Intake {
	tb.Helper()
	in, err := fulfill.Accept(context.Background(), o, input(orders...))
	if err != nil {
		tb.Fatal(err)
	}
	return in
}

func update(id, object string, depends ...string) order.Order {
	return order.Order{ID: id, Operation: sdk.Update, Entity: "user", Key: order.Ref{ID: object}, DependsOn: depends,
		Attributes: []order.Attribute{{Path: "jobTitle", Value: json.RawMessage(`"` + id + `"`)}}}
}

func create(id, upn string) order.Order {
	return order.Order{ID: id, Operation: sdk.Create, Entity: "user",
		Attributes: []order.Attribute{{Path: "userPrincipalName", Value: json.RawMessage(`"` + upn + `"`)}}}
}

func remove(id, object string) order.Order {
	return order.Order{ID: id, Operation: sdk.Delete, Entity: "user", Key: order.Ref{ID: object}}
}

func results(tb fataler, j *journal.Journal, intake uint64) map[string]order.Result {
	tb.Helper()
	all := map[string]order.Result{}
	err := j.Results(context.Background(), intake, func(r order.Result) error {
		if _, twice := all[r.Order]; twice {
			return fmt.Errorf("order %s has two results", r.Order)
		}
		all[r.Order] = r
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return all
}
