package faults

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"
)

// statuses lets requests pass an injector and returns how they end; a broken
// connection is 0.
func statuses(i *Injector, requests int) []int {
	h := i.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }))
	var all []int
	for range requests {
		response := httptest.NewRecorder()
		status := 0
		func() {
			defer func() { _ = recover() }()
			h.ServeHTTP(response, httptest.NewRequest(http.MethodGet, "/users", nil))
			status = response.Code
		}()
		all = append(all, status)
	}
	return all
}

func newInjector(t *testing.T, seed uint64, settings Settings) *Injector {
	t.Helper()
	if err := settings.Validate(); err != nil {
		t.Fatal(err)
	}
	return New(seed, settings, time.Now, func(w http.ResponseWriter, _ *http.Request, status int, _, _ string) {
		w.WriteHeader(status)
	})
}

func TestSeedDecides(t *testing.T) {
	settings := Settings{Rates: Spread(0.5)}
	first := statuses(newInjector(t, 1, settings), 200)
	if again := statuses(newInjector(t, 1, settings), 200); !slices.Equal(first, again) {
		t.Error("the same seed gives other faults")
	}
	if other := statuses(newInjector(t, 2, settings), 200); slices.Equal(first, other) {
		t.Error("another seed gives the same faults")
	}
	good := len(slices.DeleteFunc(slices.Clone(first), func(status int) bool { return status != http.StatusOK }))
	if good < 70 || good > 130 {
		t.Errorf("%d of 200 requests are unharmed at a rate of one half", good)
	}
}

func TestOnceCountsFittingRequests(t *testing.T) {
	i := newInjector(t, 1, Settings{})
	for _, once := range []Once{
		{Fault: GatewayTimeout, Path: "/groups"},
		{Fault: Throttle, Path: "/Users", Skip: 1, Times: 2},
	} {
		if err := i.Add(once); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := statuses(i, 5), []int{200, 429, 429, 200, 200}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if given := i.Given(); given[Throttle] != 2 || len(given) != 1 {
		t.Errorf("given %v", given)
	}
}
