package delta_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/usher-iga/usher/connectors/entra/delta"
	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
	"github.com/usher-iga/usher/connectors/sdk/record"
	"github.com/usher-iga/usher/connectors/sdk/transport"
)

// chains is a Source: each call of Pages follows the next chain.
type chains struct {
	chains  [][]any // of pages as texts, and errors; "-> link" behind a page is its delta link
	asked   []string
	deleted [][]any // of lists of what can be restored; none: they are empty
	bins    []string
}

func (c *chains) Pages(_ context.Context, from string, fn func(graph.Page) error) error {
	if strings.HasPrefix(from, "directory/deletedItems/") {
		c.bins = append(c.bins, from)
		return follow(&c.deleted, fn)
	}
	c.asked = append(c.asked, from)
	return follow(&c.chains, fn)
}

// follow follows the first of chains, and removes it.
func follow(chains *[][]any, fn func(graph.Page) error) error {
	if len(*chains) == 0 {
		return nil
	}
	chain := (*chains)[0]
	*chains = (*chains)[1:]
	for i, step := range chain {
		if err, ok := step.(error); ok {
			return err
		}
		body, link, _ := strings.Cut(step.(string), " -> ")
		page := graph.Page{Number: i + 1, URL: fmt.Sprint("page", i+1), Body: []byte(body), DeltaLink: link}
		if err := fn(page); err != nil {
			return err
		}
	}
	return nil
}

// events writes down what a round does, and fails at the event named.
type events struct {
	failAt string
	log    []string
}

var errSink = errors.New("the sink is full")

func (e *events) add(format string, args ...any) error {
	e.log = append(e.log, fmt.Sprintf(format, args...))
	if e.log[len(e.log)-1] == e.failAt {
		return errSink
	}
	return nil
}

func (e *events) begin(complete bool, reason string) (sdk.Writer, error) {
	return e, e.add("begin %t %s", complete, reason)
}
func (e *events) onPage() error { return e.add("page") }
func (e *events) Object(o *record.Object) error {
	return e.add("%s %s", []string{"object", "suspended", "gone"}[o.State()], o.ID())
}
func (e *events) Links(l *record.Links) error { return e.add("links %s", l.Owner()) }
func (e *events) End(cookie string) error     { return e.add("end %s", cookie) }
func (e *events) warn(w sdk.Warning) error    { return e.add("warning: %s. %s", w.Message, w.Hint) }

func TestRound(t *testing.T) {
	const (
		one  = `{"value":[{"id":"a","members@delta":[{"id":"m"}]}]}`
		last = `{"value":[{"id":"b"}]} -> delta1`
	)
	expired := fault.Errorf(fault.Expired, "Graph answered 400").WithHint("again")
	forbidden := &fault.Error{Code: fault.Forbidden, Message: "Graph answered 403", Hint: "ask for it", SystemCode: "X", RequestID: "1"}
	whole := []string{"begin true ", "object a", "links a", "page", "object b", "page", "end delta1"}
	again := []string{"begin true page 2 could not be read", "object a", "links a", "page", "object b"}
	reread := slices.Concat(whole[:5], again, again) // by a page that is never right
	for _, tc := range []struct {
		name   string
		cookie string
		chains [][]any
		failAt string
		asked  []string // where it is not the first query
		want   []string
		err    string
		code   fault.Code
	}{
		{name: "whole", chains: [][]any{{one, last}}, want: whole},
		{
			name: "from a cookie", cookie: "delta0", chains: [][]any{{last}}, asked: []string{"delta0"},
			want: []string{"begin false ", "object b", "page", "end delta1"},
		},
		{
			name: "page token expires", chains: [][]any{{one, expired}, {expired}, {one, last}},
			want: slices.Concat([]string{
				"begin true ", "object a", "links a", "page",
				"begin true Graph no longer accepts the page token after page 1",
				"begin true Graph no longer accepts the page token after page 0",
			}, whole[1:]),
		},
		{
			name: "cookie expires", cookie: "delta0", chains: [][]any{{expired}, {one, last}},
			asked: []string{"delta0", "groups/delta?$select=id,members"},
			want:  slices.Concat([]string{"begin false ", "begin true Graph no longer accepts the cookie"}, whole[1:]),
		},
		{
			name: "page token of changes expires", cookie: "delta0", chains: [][]any{{one, expired}, {last}},
			asked: []string{"delta0", "delta0"},
			want: []string{
				"begin false ", "object a", "links a", "page",
				"begin false Graph no longer accepts the page token after page 1", "object b", "page", "end delta1",
			},
		},
		{
			name: "expires too often", chains: slices.Repeat([][]any{{expired}}, 6),
			want: slices.Concat([]string{"begin true "}, slices.Repeat([]string{"begin true Graph no longer accepts the page token after page 0"}, 5)),
			err:  "the list of group was started 6 times, and each time Graph lost the place: page 1 of group: Graph answered 400", code: fault.Expired,
		},
		{
			name: "no link at the end", chains: [][]any{{one}}, want: whole[:4],
			err: "the list of group ended after page 1 without a link for changes, so it may not be complete", code: fault.Unavailable,
		},
		{
			name: "no id", chains: slices.Repeat([][]any{{one, `{"value":[{"id":"b"},{"displayName":"x"}]} -> delta1`}}, 3), want: reread,
			err: "object 2 on page 2 of group has no id", code: fault.Unavailable,
		},
		{
			name: "no page at first", chains: [][]any{{one, `{"value":[{"id":"b"},{"id":}]}`}, {one, last}},
			want: slices.Concat(reread[:6], whole[1:]),
		},
		{
			name: "no page", chains: slices.Repeat([][]any{{one, `{"value":[{"id":"b"},{"id":}]}`}}, 3), want: reread,
			err: "page 2 of group cannot be read: invalid JSON at byte 27: invalid character '}' at start of value", code: fault.Unavailable,
		},
		{
			name: "refused", chains: [][]any{{one, forbidden}}, want: whole[:4],
			err: "page 2 of group: Graph answered 403; it was allowed before, so consent may have been withdrawn (code X, request-id 1)", code: fault.Forbidden,
		},
		{
			name: "tried for long", chains: [][]any{{one, transport.Final(forbidden)}}, want: whole[:4],
			err: "page 2 of group: Graph answered 403; it was allowed before, so consent may have been withdrawn (code X, request-id 1)", code: fault.Forbidden,
		},
		{name: "cancelled", chains: [][]any{{one, context.Canceled}}, want: whole[:4], err: "context canceled", code: fault.Canceled},
		{name: "begin fails", chains: [][]any{{one, last}}, failAt: whole[0], want: whole[:1], err: errSink.Error(), code: fault.Internal},
		{name: "object fails", chains: [][]any{{one, last}}, failAt: whole[1], want: whole[:2], err: errSink.Error(), code: fault.Internal},
		{name: "links fail", chains: [][]any{{one, last}}, failAt: whole[2], want: whole[:3], err: errSink.Error(), code: fault.Internal},
		{name: "page fails", chains: [][]any{{one, last}}, failAt: whole[3], want: whole[:4], err: errSink.Error(), code: fault.Internal},
		{name: "end fails", chains: [][]any{{one, last}}, failAt: whole[6], want: whole, err: errSink.Error(), code: fault.Internal},
	} {
		t.Run(tc.name, func(t *testing.T) {
			source, log := &chains{chains: tc.chains}, &events{failAt: tc.failAt}
			round := delta.Round{
				Source: source, Collection: planned(t, "group", &shown{navigations: []string{"members"}}), Cookie: tc.cookie,
				Begin: log.begin, OnPage: log.onPage,
			}
			err := round.Run(t.Context())
			text := ""
			if err != nil {
				text = err.Error()
			}
			if text != tc.err || fault.CodeOf(err) != tc.code {
				t.Errorf("got error %q, code %q; want %q, %q", text, fault.CodeOf(err), tc.err, tc.code)
			}
			if !slices.Equal(log.log, tc.want) {
				t.Errorf("got  %q\nwant %q", log.log, tc.want)
			}
			for i, asked := range source.asked {
				want := "groups/delta?$select=id,members"
				if tc.asked != nil {
					want = tc.asked[i]
				}
				if asked != want {
					t.Errorf("asked for %q, want %q", asked, want)
				}
			}
		})
	}
}
