package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/connectors/sdk"
)

// planResult is a plan as --json prints it.
type planResult struct {
	Connection string         `json:"connection"`
	Create     int            `json:"create"`
	Change     int            `json:"change"`
	Delete     int            `json:"delete"`
	Unchanged  int            `json:"unchanged"`
	Fail       int            `json:"fail"`
	Orders     []plannedOrder `json:"orders"`
	Warnings   []warning      `json:"warnings,omitempty"`

	files []string // in their sequence
}

// plannedOrder is what one order would do.
type plannedOrder struct {
	Order     string          `json:"order"`
	Place     string          `json:"place,omitempty"`
	Operation sdk.Operation   `json:"operation"`
	Entity    string          `json:"entity"`
	ObjectID  string          `json:"objectId,omitempty"`
	Title     string          `json:"title,omitempty"`
	Unchanged bool            `json:"unchanged,omitempty"`
	Changes   []plannedChange `json:"changes,omitempty"`
	Error     *failure        `json:"error,omitempty"` // why it would fail

	at place
}

// plannedChange is what would change of an attribute; or of links, where before has those that would
// be removed and after those that would be added.
type plannedChange struct {
	Path   string          `json:"path"`
	Links  bool            `json:"links,omitempty"`
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
}

func (p *program) plan(cmd *cobra.Command, connection string, files []string) error {
	s, runner, err := p.prepare(cmd.Context())
	if err != nil {
		return err
	}
	result := planResult{Connection: connection, Orders: []plannedOrder{}, Warnings: warnings(s)}
	err = runner.Plan(cmd.Context(), connection, files, func(o order.Order, v sdk.Preview) error {
		result.add(o, v)
		return nil
	})
	if err != nil {
		return err
	}
	result.sort()
	if p.json {
		return p.printJSON(result)
	}
	p.printPlan(result)
	return nil
}

// printPlan tells a person what would change.
func (p *program) printPlan(r planResult) {
	for _, o := range r.Orders {
		p.printPlanned(o)
	}
	fmt.Fprintf(p.stdout, "%d to create, %d to change, %d to delete, %d as they should be already", r.Create, r.Change, r.Delete, r.Unchanged)
	if r.Fail > 0 {
		fmt.Fprintf(p.stdout, ", %d would fail", r.Fail)
	}
	fmt.Fprintln(p.stdout, ". Nothing was changed.")
}

// add counts an order and keeps what it would do.
func (r *planResult) add(o order.Order, v sdk.Preview) {
	planned := plannedOrder{
		Order: o.ID, Place: o.Place, Operation: o.Operation, Entity: o.Entity,
		ObjectID: v.ObjectID, Title: cmp.Or(v.Title, named(o.Key)), Unchanged: v.Unchanged, at: r.placed(o.Place),
	}
	for _, c := range v.Changes {
		isLinks := slices.ContainsFunc(o.Links, func(l order.Link) bool { return strings.EqualFold(l.Navigation, c.Path) })
		planned.Changes = append(planned.Changes, plannedChange{Path: c.Path, Links: isLinks, Before: c.Before, After: c.After})
	}
	switch {
	case v.Failure != nil:
		failed := failures(v.Failure)[0]
		planned.Error = &failed
		r.Fail++
	case v.Unchanged:
		r.Unchanged++
	case markOf(o.Operation) == made:
		r.Create++
	case markOf(o.Operation) == gone:
		r.Delete++
	default:
		r.Change++
	}
	r.Orders = append(r.Orders, planned)
}

// named tells the object that an order names; nothing of one that is made.
func named(key order.Ref) string {
	if key.IsZero() {
		return ""
	}
	return key.String()
}

// place is where an order stands: files are numbered as they come.
type place struct{ file, line, column int }

// placed is the place of the order that comes next.
func (r *planResult) placed(text string) place {
	rest, column := cutNumber(text)
	file, line := cutNumber(rest)
	if !slices.Contains(r.files, file) {
		r.files = append(r.files, file)
	}
	return place{slices.Index(r.files, file), line, column}
}

// sort brings the orders into the sequence of the files: previews come in any.
func (r *planResult) sort() {
	slices.SortStableFunc(r.Orders, func(a, b plannedOrder) int {
		return cmp.Or(cmp.Compare(a.at.file, b.at.file), cmp.Compare(a.at.line, b.at.line), cmp.Compare(a.at.column, b.at.column))
	})
}

// cutNumber cuts ":12" off the end of a place.
func cutNumber(place string) (rest string, number int) {
	i := strings.LastIndexByte(place, ':')
	if i < 0 {
		return place, 0
	}
	number, err := strconv.Atoi(place[i+1:])
	if err != nil {
		return place, 0
	}
	return place[:i], number
}

// The marks of what happens to an object.
const (
	made    = "+"
	changed = "~"
	gone    = "-"
)

func markOf(operation sdk.Operation) string {
	switch operation {
	case sdk.Create, sdk.Invite:
		return made
	case sdk.Delete:
		return gone
	default:
		return changed
	}
}

// printPlanned shows what an order would do. One that would change nothing is only counted.
func (p *program) printPlanned(o plannedOrder) {
	mark := markOf(o.Operation)
	head := phrase(string(o.Operation), o.Entity, cmp.Or(o.Title, o.ObjectID))
	switch {
	case o.Error != nil:
		fmt.Fprintf(p.stdout, "! %s: would fail: %s  (order %s)\n", head, o.Error.Message, o.Order)
		if o.Error.Hint != "" {
			fmt.Fprintf(p.stdout, "    %s\n", sentence(o.Error.Hint))
		}
	case !o.Unchanged:
		fmt.Fprintf(p.stdout, "%s %s  (order %s)\n", mark, head, o.Order)
		for _, c := range o.Changes {
			p.printChange(c, mark == made)
		}
	}
}

// printChange shows what would change of an attribute or of links. isNew says that the object is made.
func (p *program) printChange(c plannedChange, isNew bool) {
	switch {
	case c.Links:
		for _, target := range items(c.Before) {
			fmt.Fprintf(p.stdout, "    - %s %s\n", c.Path, target)
		}
		for _, target := range items(c.After) {
			fmt.Fprintf(p.stdout, "    + %s %s\n", c.Path, target)
		}
	case isNew || len(c.Before) == 0:
		fmt.Fprintf(p.stdout, "    %s = %s\n", c.Path, c.After)
	default:
		fmt.Fprintf(p.stdout, "    %s: %s -> %s\n", c.Path, c.Before, c.After)
	}
}

// items are the texts of a list, or a text alone.
func items(value json.RawMessage) (all []string) {
	if json.Unmarshal(value, &all) == nil {
		return all
	}
	var one string
	if json.Unmarshal(value, &one) == nil {
		return []string{one}
	}
	return nil
}
