package delta_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/usher-iga/usher/connectors/entra/delta"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// After a complete list a round tells what can be restored, and only then.
func TestDeleted(t *testing.T) {
	const (
		listed  = `{"value":[{"id":"a"},{"id":"b","@removed":{"reason":"deleted"}},{"id":"c","@removed":{"reason":"changed"}}]} -> delta1`
		deleted = `{"value":[{"id":"a"},{"id":"b"},{"id":"c"},{"id":"x"}]}`
		more    = `{"value":[{"id":"y","displayName":"Y","members":[{"id":"m"}]}]}`
		again   = "Graph no longer accepts the page token after page 2"
		unknown = "warning: Which deleted objects of group can be restored is not known, so links to and from all of them are told as deleted: " +
			"page 1 of the deleted objects of group: Graph answered "
	)
	expired := fault.Errorf(fault.Expired, "Graph answered 400").WithHint("again")
	forbidden := &fault.Error{Code: fault.Forbidden, Message: "Graph answered 403", Hint: "ask for it", SystemCode: "X"}
	refused := &fault.Error{Code: fault.Refused, Message: "Graph answered 400", Hint: "ask for less"}
	rows := func(reason string) []string {
		return []string{"begin true " + reason, "object a", "gone b", "suspended c", "page"}
	}
	died := slices.Concat([]string{"begin false "}, rows("Graph no longer accepts the cookie"))
	for _, tc := range []struct {
		name   string
		entity string // group if it is empty
		cookie string
		chains [][]any
		bins   [][]any
		asked  int // how often for what is deleted
		failAt string
		want   []string
		err    string
	}{
		{
			name: "a list", chains: [][]any{{listed}}, bins: [][]any{{deleted, more}}, asked: 1,
			want: slices.Concat(rows(""), []string{"suspended x", "page", "suspended y", "page", "end delta1"}),
		},
		{name: "changes", cookie: "delta0", chains: [][]any{{listed}}, want: []string{"begin false ", "object a", "gone b", "suspended c", "page", "end delta1"}},
		{
			name: "a dead cookie", cookie: "delta0", chains: [][]any{{expired}, {listed}}, bins: [][]any{{deleted}}, asked: 1,
			want: slices.Concat(died, []string{"suspended x", "page", "end delta1"}),
		},
		{name: "nothing is ever restored", entity: "device", chains: [][]any{{listed}}, want: slices.Concat(rows(""), []string{"end delta1"})},
		{
			name: "forbidden", cookie: "delta0", chains: [][]any{{expired}, {listed}}, bins: [][]any{{forbidden}}, asked: 1,
			want: slices.Concat(died, []string{
				unknown + "403 (code X). Grant the application Group.Read.All (an application permission of Microsoft Graph) and give admin consent", "end delta1",
			}),
		},
		{
			name: "unknown to the cloud", cookie: "delta0", chains: [][]any{{expired}, {listed}}, bins: [][]any{{refused}}, asked: 1,
			want: slices.Concat(died, []string{unknown + "400. Links of an object that is restored are told again then", "end delta1"}),
		},
		{name: "forbidden where nothing is compared", chains: [][]any{{listed}}, bins: [][]any{{forbidden}}, asked: 1, want: slices.Concat(rows(""), []string{"end delta1"})},
		{
			name: "forbidden at last", chains: [][]any{{listed}}, bins: [][]any{{deleted, forbidden}}, asked: 1,
			want: slices.Concat(rows(""), []string{"suspended x", "page"}),
			err:  "page 2 of the deleted objects of group: Graph answered 403; it was allowed before, so consent may have been withdrawn (code X)",
		},
		{
			name: "page token expires", chains: [][]any{{listed}, {listed}}, bins: [][]any{{deleted, expired}, {more}}, asked: 2,
			want: slices.Concat(rows(""), []string{"suspended x", "page"}, rows(again), []string{"suspended y", "page", "end delta1"}),
		},
		{
			name: "no page", chains: [][]any{{listed}, {listed}}, bins: [][]any{{`{"value":[{}]}`}, {more}}, asked: 2,
			want: slices.Concat(rows(""), rows("page 2 could not be read"), []string{"suspended y", "page", "end delta1"}),
		},
		{
			name: "the sink is full", chains: [][]any{{listed}}, bins: [][]any{{deleted}}, asked: 1, failAt: "suspended x",
			want: slices.Concat(rows(""), []string{"suspended x"}), err: errSink.Error(),
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.entity == "" {
				tc.entity = "group"
			}
			source, log := &chains{chains: tc.chains, deleted: tc.bins}, &events{failAt: tc.failAt}
			round := delta.Round{
				Source: source, Collection: planned(t, tc.entity, &shown{}), Cookie: tc.cookie,
				Begin: log.begin, OnPage: log.onPage, Warn: log.warn,
			}
			err := round.Run(t.Context())
			if err == nil && tc.err != "" || err != nil && err.Error() != tc.err {
				t.Errorf("got error %v, want %q", err, tc.err)
			}
			if !slices.Equal(log.log, tc.want) {
				t.Errorf("got  %s\nwant %s", strings.Join(log.log, "\n"), strings.Join(tc.want, "\n"))
			}
			want := fmt.Sprint(slices.Repeat([]string{"directory/deletedItems/microsoft.graph.group?$select=id&$top=999"}, tc.asked))
			if got := fmt.Sprint(source.bins); got != want {
				t.Errorf("asked for %s, want %s", got, want)
			}
		})
	}
}

// However long the list is, what it named is not told again.
func TestDeletedOfLongList(t *testing.T) {
	var objects []string
	for i := range 20_000 {
		objects = append(objects, fmt.Sprintf(`{"id":"u%d"}`, i))
	}
	all := strings.Join(objects, ",")
	source, log := &chains{
		chains:  [][]any{{`{"value":[` + all + `]} -> delta1`}},
		deleted: [][]any{{`{"value":[{"id":"x"},` + all + `,{"id":"y"}]}`}},
	}, &events{}
	round := delta.Round{Source: source, Collection: planned(t, "user", &shown{}), Begin: log.begin, OnPage: log.onPage, Warn: log.warn}
	if err := round.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := log.log[len(objects)+1:], []string{"page", "suspended x", "suspended y", "page", "end delta1"}; !slices.Equal(got, want) {
		t.Errorf("got %.200q, want %q", got, want)
	}
}
