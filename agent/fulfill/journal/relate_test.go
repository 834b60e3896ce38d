package journal_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/usher-iga/usher/agent/fulfill/journal"
	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/connectors/sdk"
)

// judge tells what is wrong with how orders relate. Those without an entity have something wrong with
// them by themselves.
func judge(t *testing.T, j *journal.Journal, refusal *order.Refusal, orders ...order.Order) (problems []string) {
	t.Helper()
	r, err := j.Relate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range orders {
		orders[i].Place = fmt.Sprint("f:", i+1, ":1")
		if err := r.Add(&orders[i], orders[i].Entity != ""); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Judge(t.Context(), refusal); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	for _, p := range refusal.Problems {
		problems = append(problems, p.String())
	}
	return problems
}

// How orders relate is found before anything is written, in the words of intake or better ones.
func TestRelations(t *testing.T) {
	const asked = "an order of this id came before and asked for something else"
	wrong := order.Order{ID: "9", Operation: sdk.Delete}
	unread := order.Refusal{}
	unread.Add(order.Problem{Place: "f:0:1", Order: "8", Message: "it is odd"})
	many := order.Refusal{Count: 1}
	for name, c := range map[string]struct {
		refusal order.Refusal
		orders  []order.Order
		want    []string
	}{
		"nothing":           {order.Refusal{}, []order.Order{update("1", byID("a"), "2", "0"), update("2", made("0")), update("0", byID("o"))}, nil},
		"the same twice":    {order.Refusal{}, []order.Order{update("1", byID("a")), update("1", byID("a"))}, nil},
		"another one":       {order.Refusal{}, []order.Order{update("1", byID("a")), update("1", byID("b")), update("1", byID("a"))}, []string{"f:2:1: order 1: the order of this id at f:1:1 asks for something else"}},
		"other than before": {order.Refusal{}, []order.Order{update("0", byID("a")), update("0", byID("o"))}, []string{"f:1:1: order 0: " + asked}},
		"unknown": {order.Refusal{}, []order.Order{update("1", made("x")), update("2", byID("a"), "xy"), link("3", byID("g"), nil, []order.Ref{made("x")})}, []string{
			"f:1:1: order 1: it refers to the order x, which does not exist",
			"f:2:1: order 2: it refers to the order xy, which does not exist",
			"f:3:1: order 3: it refers to the order x, which does not exist",
		}},
		"to a wrong one": {order.Refusal{}, []order.Order{update("1", made("9")), wrong, wrong}, nil},
		"to one that is no order": {unread, []order.Order{update("1", made("8")), update("2", made("7"))}, []string{
			"f:0:1: order 8: it is odd", "f:2:1: order 2: it refers to the order 7, which does not exist",
		}},
		"cut off":           {order.Refusal{Partial: true}, []order.Order{update("1", made("8")), update("0", byID("a"))}, []string{"f:2:1: order 0: " + asked}},
		"more than is told": {many, []order.Order{update("1", made("8"))}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			j := opened(t)
			accept(t, j, update("0", byID("o")))
			refusal := c.refusal
			refusal.Problems = slices.Clone(refusal.Problems)
			if got := judge(t, j, &refusal, c.orders...); !slices.Equal(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}
