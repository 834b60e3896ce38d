// Package journal keeps what write requests have done to a tenant, in the order
// in which it happened, for tests that compare it with what was asked for.
package journal

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// What an Effect can be.
const (
	Create     = "create"
	Update     = "update"
	SoftDelete = "softDelete"
	Restore    = "restore"
	Purge      = "purge"
	Link       = "link"
	Unlink     = "unlink"
	Mail       = "mail" // a mail went out with an invitation
)

// Effect is one change of one object.
type Effect struct {
	What   string `json:"what"`
	Entity string `json:"entity"`
	ID     string `json:"id"`
	// Properties are those that Create and Update set. A password stands there as
	// passwordSha256, its digest in hexadecimal digits. Of Mail it is the address.
	Properties map[string]json.RawMessage `json:"properties,omitempty"`
	// Navigation and Target are of Link and Unlink.
	Navigation string `json:"navigation,omitempty"`
	Target     string `json:"target,omitempty"`
}

// Entry is one write request that was accepted. One that changed nothing, since
// all was so already, has no effects.
type Entry struct {
	// Number counts from 1 in the order of the commits.
	Number          int       `json:"number"`
	Time            time.Time `json:"time"`
	RequestID       string    `json:"requestId"`
	ClientRequestID string    `json:"clientRequestId,omitempty"`
	Method          string    `json:"method"`
	// Path has no version and no query.
	Path string `json:"path"`
	// Version is the tenant's afterwards.
	Version uint64   `json:"version"`
	Effects []Effect `json:"effects"`
}

// Journal is the list of entries. It may be used by many goroutines; the zero
// Journal is empty.
type Journal struct {
	mu      sync.Mutex
	entries []Entry
	last    int
}

// Add appends an entry and gives it its number.
func (j *Journal) Add(e Entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.last++
	e.Number = j.last
	if e.Effects == nil {
		e.Effects = []Effect{}
	}
	j.entries = append(j.entries, e)
}

// Since returns the entries whose number is above n.
func (j *Journal) Since(n int) []Entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	first, _ := slices.BinarySearchFunc(j.entries, n+1, func(e Entry, number int) int { return e.Number - number })
	return slices.Clone(j.entries[first:])
}

// Clear forgets the entries; the numbers go on.
func (j *Journal) Clear() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = nil
}

// ServeHTTP answers GET with one entry per line of JSON, those after the number
// in the parameter since, and DELETE by forgetting all.
func (j *Journal) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet:
		n := 0
		if since := r.URL.Query().Get("since"); since != "" {
			var err error
			if n, err = strconv.Atoi(since); err != nil {
				http.Error(w, "since must be the number of an entry", http.StatusBadRequest)
				return
			}
		}
		w.Header().Set("Content-Type", "application/x-ndjson")
		encoder := json.NewEncoder(w)
		for _, e := range j.Since(n) {
			if encoder.Encode(e) != nil {
				return // the client is gone
			}
		}
	case http.MethodDelete:
		j.Clear()
		w.WriteHeader(http.StatusNoContent)
	default:
		w.Header().Set("Allow", "GET, DELETE")
		http.Error(w, "the journal is read by GET and cleared by DELETE", http.StatusMethodNotAllowed)
	}
}
