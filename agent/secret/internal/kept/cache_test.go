package kept_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/usher-iga/usher/agent/secret/internal/kept"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// source is a fake that has values and notes what it was asked.
type source struct {
	mu     sync.Mutex
	values map[string]string
	fail   map[string]error // by name; "*" for all
	asked  []string
}

func (s *source) ask(ctx context.Context, name string) (string, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, name)
	if err := ctx.Err(); err != nil {
		return "", false, err
	}
	for _, key := range []string{name, "*"} {
		if err := s.fail[key]; err != nil {
			return "", false, err
		}
	}
	value, found := s.values[name]
	return value, found, nil
}

// take returns what was asked since the last call.
func (s *source) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := slices.Sorted(slices.Values(s.asked))
	s.asked = nil
	return asked
}

func TestCache(t *testing.T) {
	s := &source{values: map[string]string{"a": "1", "b": "2"}}
	c := kept.New[string]()
	step := func(names []string, want map[string]string, asked ...string) []error {
		t.Helper()
		got, warnings, err := c.Get(t.Context(), names, s.ask)
		if err != nil || !maps.Equal(got, want) {
			t.Fatalf("got %v, %v; want %v", got, err, want)
		}
		if got := s.take(); !slices.Equal(got, asked) {
			t.Fatalf("asked for %v, want %v", got, asked)
		}
		return warnings
	}
	step([]string{"a", "none", "a"}, map[string]string{"a": "1"}, "a", "none")
	step([]string{"A", "b", "none"}, map[string]string{"A": "1", "b": "2"}, "b")
	step(nil, map[string]string{})

	c.Refresh()
	s.values["a"] = "new"
	delete(s.values, "b")
	step([]string{"a", "b", "none"}, map[string]string{"a": "new"}, "a", "b", "none")

	c.Refresh()
	s.fail = map[string]error{"a": fault.Errorf(fault.Forbidden, "a is disabled").WithHint("enable it").WithSetting("S")}
	warnings := step([]string{"a", "b"}, map[string]string{"a": "new"}, "a", "b")
	if f := fault.Of(errors.Join(warnings...)); len(warnings) != 1 || f.Code != fault.Forbidden || f.Hint != "enable it" || f.Setting != "S" ||
		f.Error() != "the last known value of a is used: a is disabled" {
		t.Errorf("got %v", warnings)
	}
	if warnings := step([]string{"a"}, map[string]string{"a": "new"}); warnings != nil {
		t.Errorf("one failure was told twice: %v", warnings)
	}
	if _, _, err := c.Get(t.Context(), []string{"A new name", "b"}, func(context.Context, string) (string, bool, error) { return "", false, s.fail["a"] }); !errors.Is(err, s.fail["a"]) {
		t.Errorf("got %v", err)
	}
}

func TestSourceThatIsDown(t *testing.T) {
	s := &source{fail: map[string]error{}}
	s.fail["*"] = fault.Errorf(fault.Unavailable, "down")
	names := []string{"none"}
	s.values = map[string]string{}
	for i := range 100 {
		names = append(names, fmt.Sprint("n", i))
		s.values[fmt.Sprint("n", i)] = "x"
	}
	c := kept.New[string]()
	if _, _, err := c.Get(t.Context(), names, s.ask); !errors.Is(err, s.fail["*"]) {
		t.Errorf("got %v", err)
	}

	s.fail = nil
	if _, _, err := c.Get(t.Context(), names, s.ask); err != nil {
		t.Fatal(err)
	}
	c.Refresh()
	s.fail = map[string]error{"*": fault.Errorf(fault.Throttled, "too much")}
	values, warnings, err := c.Get(t.Context(), names, s.ask)
	if err != nil || len(values) != 100 || len(warnings) != 1 || !strings.Contains(warnings[0].Error(), "n0 and 99 more is used: too much") {
		t.Errorf("%v, %v, %v", values, warnings, err)
	}
}

func TestWarningWithoutAValue(t *testing.T) {
	s := &source{}
	c := kept.New[string]()
	if _, _, err := c.Get(t.Context(), []string{"none"}, s.ask); err != nil {
		t.Fatal(err)
	}
	c.Refresh()
	down := errors.New("down")
	s.fail = map[string]error{"*": down}
	if _, warnings, err := c.Get(t.Context(), []string{"none"}, s.ask); err != nil || len(warnings) != 1 || !errors.Is(warnings[0], down) {
		t.Errorf("%v, %v", warnings, err)
	}
}

// Each name that was never had is told, a reason that they share once.
func TestSeveralFailures(t *testing.T) {
	same := fault.Errorf(fault.Forbidden, "no right")
	s := &source{values: map[string]string{"d": "4"}, fail: map[string]error{"a": fault.Errorf(fault.NotFound, "no a"), "b": same, "c": same, "e": errors.New("no e")}}
	_, _, err := kept.New[string]().Get(t.Context(), []string{"e", "d", "c", "b", "a"}, s.ask)
	if err == nil || err.Error() != "no e\nno right\nno a" {
		t.Errorf("got %v", err)
	}
}

func TestCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := &source{}
	c := kept.New[string]()
	if _, _, err := c.Get(ctx, []string{"a"}, s.ask); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// Who waits for a slow source can give up, and a new load need not wait for it.
func TestWaitingIsCanceled(t *testing.T) {
	c := kept.New[string]()
	asked, answer := make(chan struct{}), make(chan struct{})
	first := make(chan error, 1)
	go func() {
		_, _, err := c.Get(t.Context(), []string{"a"}, func(context.Context, string) (string, bool, error) {
			close(asked)
			<-answer
			return "1", true, nil
		})
		first <- err
	}()
	<-asked
	c.Refresh()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := c.Get(ctx, []string{"b"}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(answer)
	if err := <-first; err != nil {
		t.Error(err)
	}
	s := &source{values: map[string]string{"a": "2"}}
	if values, _, err := c.Get(t.Context(), []string{"a"}, s.ask); err != nil || values["a"] != "2" {
		t.Errorf("what a load before the refresh was told is kept: %v, %v", values, err)
	}
}
