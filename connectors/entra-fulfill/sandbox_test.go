package main

import (
	"context"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/usher-iga/usher/connectors/entra/change/permit"
	"github.com/usher-iga/usher/connectors/entra/sandboxed"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/clock"
)

var program sandboxed.Program

func TestMain(m *testing.M) { os.Exit(program.Main(m)) }

// sandbox is a simulated tenant in which the application may do all that orders need.
type sandbox struct{ *sandboxed.Sandbox }

// roles are what orders need, and what reads the directory.
func roles() []string {
	names := []string{"Directory.Read.All", "LicenseAssignment.Read.All"}
	for _, n := range permit.All() {
		names = append(names, n.Permission.Name)
	}
	return names
}

func startSandbox(t *testing.T, flags ...string) sandbox {
	t.Helper()
	return sandbox{program.Start(t, append([]string{
		"--role", strings.Join(roles(), ","), "--domain", "contoso.com", "--users", "300", "--groups", "60", "--memberships", "600",
	}, flags...)...)}
}

// some returns n ids of a set.
func (sb sandbox) some(t *testing.T, set string, n int, fits func(sandboxed.Object) bool) (ids []string) {
	t.Helper()
	for _, id := range sorted(sb.Truth(t, set)) {
		if fits == nil || fits(sb.Truth(t, set)[id]) {
			ids = append(ids, id)
		}
		if len(ids) == n {
			return ids
		}
	}
	t.Fatalf("the sandbox has %d %s, not %d", len(ids), set, n)
	return nil
}

// hasty is a clock that waits a hundredth of the time.
type hasty struct{ clock.Clock }

func (h hasty) Sleep(ctx context.Context, d time.Duration) error { return h.Clock.Sleep(ctx, d/100) }

func (sb sandbox) connector() connector {
	c := newConnector("test", hclog.NewNullLogger())
	c.Clock = hasty{clock.System}
	return c
}

// fulfill carries orders out and returns the outcomes by order.
func (sb sandbox) fulfill(t *testing.T, orders ...sdk.Order) map[string]sdk.Outcome {
	t.Helper()
	sink := &sink{outcomes: map[string]sdk.Outcome{}}
	if err := sb.connector().Fulfill(t.Context(), sb.Connection(), &source{orders: orders}, sink); err != nil {
		t.Fatal(err)
	}
	for _, o := range orders {
		if _, ok := sink.outcomes[o.ID]; !ok {
			t.Errorf("the order %s has no outcome", o.ID)
		}
	}
	return sink.outcomes
}

// source gives orders one by one.
type source struct {
	orders []sdk.Order
	next   int
}

func (s *source) Next(context.Context) (sdk.Order, error) {
	if s.next == len(s.orders) {
		return sdk.Order{}, io.EOF
	}
	s.next++
	return s.orders[s.next-1], nil
}

type sink struct {
	mu       sync.Mutex
	outcomes map[string]sdk.Outcome
	twice    []string
	progress sdk.OrderProgress
}

func (s *sink) Done(o sdk.Outcome) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.outcomes[o.Order]; ok {
		s.twice = append(s.twice, o.Order)
	}
	s.outcomes[o.Order] = o
	return nil
}

func (s *sink) Progress(p sdk.OrderProgress) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.progress = p
	return nil
}
