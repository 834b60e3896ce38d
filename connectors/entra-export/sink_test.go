package main

import (
	"fmt"
	"strings"
	"sync"

	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/record"
)

// sink keeps what an export finds as text, by collection.
type sink struct {
	onBegin func() error

	mu       sync.Mutex
	rows     []*rows
	restarts []string
	progress []sdk.Progress
}

func newSink(collections int) *sink { return &sink{rows: make([]*rows, collections)} }

func (s *sink) Begin(collection int, complete bool, reason string) (sdk.Writer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if reason != "" {
		s.restarts = append(s.restarts, reason)
	}
	s.rows[collection] = &rows{}
	if s.onBegin != nil {
		return s.rows[collection], s.onBegin()
	}
	return s.rows[collection], nil
}

func (s *sink) Progress(p sdk.Progress) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.progress = append(s.progress, p)
	return nil
}

func (s *sink) Warn(sdk.Warning) error { return nil }

func (s *sink) String() string {
	var b strings.Builder
	for i, r := range s.rows {
		fmt.Fprintf(&b, "-- %d --\n%s", i, r.String())
	}
	return b.String()
}

// rows are those of one collection.
type rows struct{ strings.Builder }

func (r *rows) Object(o *record.Object) error {
	fmt.Fprintf(r, "%s %d", o.ID(), o.State())
	for v := range o.Values() {
		fmt.Fprintf(r, " %d=", v.Attribute)
		for text := range v.Texts() {
			fmt.Fprintf(r, "%q", text)
		}
	}
	r.WriteByte('\n')
	return nil
}

func (r *rows) Links(l *record.Links) error {
	fmt.Fprintf(r, "%s/%d:", l.Owner(), l.Navigation())
	for id, removed := range l.All() {
		fmt.Fprintf(r, " %s %t", id, removed)
	}
	r.WriteByte('\n')
	return nil
}

func (r *rows) End(cookie string) error {
	_, token, _ := strings.Cut(cookie, "?")
	fmt.Fprintf(r, "end %s\n", token)
	return nil
}
