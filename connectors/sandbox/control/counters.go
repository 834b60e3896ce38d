package control

import (
	"maps"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// Counters counts the requests that a server answered. It may be used by many
// goroutines.
type Counters struct {
	mu       sync.Mutex
	requests map[string]map[string]int // path, status
	running  int
	peak     int
}

// NewCounters makes counters at nought.
func NewCounters() *Counters { return &Counters{requests: map[string]map[string]int{}} }

// Counts is what Counters has counted.
type Counts struct {
	// Requests counts by path, with ids as {id}, and status; a request whose
	// answer was broken off has the status "aborted".
	Requests map[string]map[string]int `json:"requests"`
	// Peak is how many requests ran at the same time at most.
	Peak int `json:"peakConcurrency"`
	// Faults counts the faults given, by name.
	Faults map[string]int `json:"faults"`
}

// Wrap counts the requests to a handler.
func (c *Counters) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		c.running++
		c.peak = max(c.peak, c.running)
		c.mu.Unlock()
		status := &statusWriter{ResponseWriter: w}
		finished := false
		defer func() {
			label := "aborted"
			if finished {
				label = strconv.Itoa(max(status.status, http.StatusOK))
			}
			c.count(r.URL.Path, label)
		}()
		next.ServeHTTP(status, r)
		finished = true
	})
}

var idSegment = regexp.MustCompile(`^([0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|.+@.+|[0-9A-Za-z_-]{43,})$`)

func (c *Counters) count(path, status string) {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		if idSegment.MatchString(s) {
			segments[i] = "{id}"
		}
	}
	path = strings.Join(segments, "/")
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running--
	if c.requests[path] == nil {
		c.requests[path] = map[string]int{}
	}
	c.requests[path][status]++
}

// Counts returns what was counted since the last Reset.
func (c *Counters) Counts() Counts {
	c.mu.Lock()
	defer c.mu.Unlock()
	counts := Counts{Requests: map[string]map[string]int{}, Peak: c.peak}
	for path, statuses := range c.requests {
		counts.Requests[path] = maps.Clone(statuses)
	}
	return counts
}

// Reset starts counting anew.
func (c *Counters) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.requests)
	c.peak = c.running
}

// statusWriter remembers the status of a response.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the writer below.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
