package graphapi

import (
	"context"
	"net/http"
	"strings"
	"sync"
)

// traffic knows which objects are being written to at this time. The directory
// refuses a second write to an object that comes before the first has ended.
type traffic struct {
	mu   sync.Mutex
	busy map[string]bool
}

// collidesKey is the key of a request's context that holds whether it comes at
// the same time as another write to its object.
type collidesKey struct{}

// begin notes a request. It returns the request to serve and what to call when it
// has ended.
func (t *traffic) begin(r *http.Request) (*http.Request, func()) {
	place := place(r)
	if place == "" || r.Context().Value(collidesKey{}) != nil {
		return r, func() {}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	collides := t.busy[place]
	r = r.WithContext(context.WithValue(r.Context(), collidesKey{}, collides))
	if collides {
		return r, func() {}
	}
	if t.busy == nil {
		t.busy = map[string]bool{}
	}
	t.busy[place] = true
	return r, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.busy, place)
	}
}

// place is the object that a write is to, as the beginning of its path; empty for
// reads and for what makes a new object.
func place(r *http.Request) string {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return ""
	}
	_, segments, err := splitPath(r.URL)
	if err != nil || len(segments) < 2 {
		return ""
	}
	if strings.EqualFold(segments[0], "directory") && len(segments) > 2 {
		segments = segments[1:]
	}
	if strings.EqualFold(segments[1], "getByIds") || strings.EqualFold(segments[0], "roleManagement") {
		return ""
	}
	return strings.ToLower(segments[0] + "/" + segments[1])
}

func collides(r *http.Request) bool {
	collides, _ := r.Context().Value(collidesKey{}).(bool)
	return collides
}

// Traffic notes when each request begins and ends, for those that come at the
// same time. It goes around everything that makes a request take its time, such
// as faults; without it there are no collisions but those within a batch.
func (a *API) Traffic(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, end := a.traffic.begin(r)
		defer end()
		next.ServeHTTP(w, r)
	})
}
