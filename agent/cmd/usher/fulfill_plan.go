package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/usher-iga/usher/agent/fulfill"
	"github.com/usher-iga/usher/agent/fulfill/journal"
	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/agent/job"
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
	Answered   int            `json:"answered"` // have a result already
	Orders     []plannedOrder `json:"orders"`
	Files      []plannedFile  `json:"files,omitempty"`
	Warnings   []warning      `json:"warnings,omitempty"`
}

// plannedFile is what would become of a file.
type plannedFile struct {
	File   string    `json:"file"`
	State  string    `json:"state"` // Refused, or that of the intake
	Reason string    `json:"reason,omitempty"`
	Errors []failure `json:"errors,omitempty"`
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
	Error     *failure        `json:"error,omitempty"`    // why it would fail
	Answered  *answer         `json:"answered,omitempty"` // by this, and nothing is done
}

// answer is the result that an order has already.
type answer struct {
	State    order.State `json:"state"`
	Finished time.Time   `json:"finished,omitzero"`
	Message  string      `json:"message,omitempty"`
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
	planned, err := runner.Plan(cmd.Context(), connection, files, func(v fulfill.Previewed) error {
		result.add(v)
		return nil
	})
	if err != nil {
		return err
	}
	for _, f := range planned {
		result.addFile(f)
	}
	if p.json {
		err = p.printJSON(result)
	} else {
		p.printPlan(result, planned)
	}
	refused := slices.ContainsFunc(planned, func(f job.TakenFile) bool { return f.Refused != nil })
	if err == nil && refused {
		err = told(exitUsage)
	}
	return err
}

// printPlan tells a person what would change.
func (p *program) printPlan(r planResult, files []job.TakenFile) {
	for _, o := range r.Orders {
		p.printPlanned(r.Connection, o)
	}
	for _, f := range files {
		switch {
		case f.Refused != nil:
			p.printError(f.Refused)
		case f.Intake.State == journal.IntakeHeld:
			fmt.Fprintf(p.stdout, "%s would be held: %s.\n", f.Path, f.Intake.Reason)
		}
		if a := f.Intake.Answered; a.Orders > 0 {
			fmt.Fprintf(p.stdout, "%s: %s\n", f.Path, answered(a)+": nothing to do.")
		}
	}
	if len(files) > 0 && !slices.ContainsFunc(files, func(f job.TakenFile) bool { return f.Refused == nil }) {
		return
	}
	fmt.Fprintf(p.stdout, "%d to create, %d to change, %d to delete, %d as they should be already", r.Create, r.Change, r.Delete, r.Unchanged)
	if r.Fail > 0 {
		fmt.Fprintf(p.stdout, ", %d would fail", r.Fail)
	}
	fmt.Fprintln(p.stdout, ". Nothing was changed.")
}

// answered tells of orders that came before and have ended.
func answered(a journal.Answered) string {
	if a.Orders == 1 {
		return "1 order came before and is answered by its first result of " + a.Dates()
	}
	return fmt.Sprintf("%d orders came before and are answered by their first results of %s", a.Orders, a.Dates())
}

// add counts an order and keeps what it would do.
func (r *planResult) add(p fulfill.Previewed) {
	o, v := p.Order, p.Preview
	planned := plannedOrder{
		Order: o.ID, Place: o.Place, Operation: o.Operation, Entity: o.Entity,
		ObjectID: v.ObjectID, Title: cmp.Or(v.Title, named(o.Key)), Unchanged: v.Unchanged,
	}
	for _, c := range v.Changes {
		isLinks := slices.ContainsFunc(o.Links, func(l order.Link) bool { return strings.EqualFold(l.Navigation, c.Path) })
		planned.Changes = append(planned.Changes, plannedChange{Path: c.Path, Links: isLinks, Before: c.Before, After: c.After})
	}
	switch {
	case p.Answer != nil:
		planned.Answered = &answer{State: p.Answer.State, Finished: p.Answer.Finished, Message: p.Answer.Message}
		r.Answered++
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

func (r *planResult) addFile(f job.TakenFile) {
	planned := plannedFile{File: f.Path, State: string(f.Intake.State), Reason: f.Intake.Reason}
	if f.Refused != nil {
		planned.State, planned.Errors = "Refused", failures(f.Refused)
	}
	r.Files = append(r.Files, planned)
}

// named tells the object that an order names; nothing of one that is made.
func named(key order.Ref) string {
	if key.IsZero() {
		return ""
	}
	return key.String()
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
func (p *program) printPlanned(connection string, o plannedOrder) {
	mark := markOf(o.Operation)
	head := phrase(string(o.Operation), o.Entity, cmp.Or(o.Title, o.ObjectID))
	switch {
	case o.Answered != nil && o.Answered.State == order.Held:
		fmt.Fprintf(p.stdout, "! %s: came before and is held: %s  (order %s)\n", head, o.Answered.Message, o.Order)
	case o.Answered != nil && o.Answered.State != order.Executed:
		fmt.Fprintf(p.stdout, "! %s: %s already on %s, and is not tried again", head, strings.ToLower(string(o.Answered.State)), o.Answered.Finished.UTC().Format(time.DateOnly))
		if o.Answered.Message != "" {
			fmt.Fprintf(p.stdout, ": %s", o.Answered.Message)
		}
		fmt.Fprintf(p.stdout, "  (order %[1]s)\n    'usher orders retry %[2]s %[1]s --order' lets it begin again.\n", o.Order, connection)
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
