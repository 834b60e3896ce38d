package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/usher-iga/usher/agent/fulfill"
	"github.com/usher-iga/usher/agent/fulfill/journal"
	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/agent/secret"
)

// explained is of how many orders of an intake it is told what they wait for; to find it out takes a while.
const explained = 100

func (p *program) showIntake(cmd *cobra.Command, j *journal.Journal, n uint64) error {
	in, err := j.Intake(n)
	if err != nil {
		return err
	}
	if p.json {
		result := struct {
			journal.Intake
			Results []order.Result `json:"results"`
		}{in, []order.Result{}}
		err := j.Results(cmd.Context(), n, func(r order.Result) error {
			result.Results = append(result.Results, r)
			return nil
		})
		if err != nil {
			return err
		}
		return p.printJSON(result)
	}
	p.printIntake(j.Connection(), in)
	table := tabwriter.NewWriter(p.stdout, 0, 4, 2, ' ', 0)
	pending := 0
	err = j.Results(cmd.Context(), n, func(r order.Result) error {
		if r.State == order.Pending && pending < explained {
			pending++
			wait, err := j.WaitsFor(r.Order)
			if err != nil {
				return err
			}
			if wait != nil {
				r.Message = wait.String()
			}
		}
		row := fmt.Sprintf("  %s\t%s\t%s %s", r.Order, r.State, r.Operation, r.Entity)
		switch {
		case r.Message != "" && r.State != order.Held: // why it is held stands above
			row += "\t" + r.ObjectID + "\t" + r.Message
		case r.ObjectID != "":
			row += "\t" + r.ObjectID
		}
		_, err := fmt.Fprintln(table, row)
		return err
	})
	return errors.Join(err, table.Flush())
}

// printIntake tells a person what became of an intake, and of whoever decided on it.
func (p *program) printIntake(connection string, in journal.Intake) {
	fmt.Fprintf(p.stdout, "Intake %d: %s, received %s from %s\n", in.Number, stateOf(in), moment(in.Received), in.Source.Name)
	fmt.Fprintf(p.stdout, "%s\n", outcomes(in))
	switch {
	case in.State == journal.IntakeHeld:
		fmt.Fprintf(p.stdout, "It is held: %s\n%s\n", sentence(in.Reason), sentence(fulfill.Held(connection, in).Hint))
	case in.Reason != "":
		fmt.Fprintf(p.stdout, "It was held: %s; %s decided on it at %s.\n", in.Reason, in.DecidedBy, moment(in.Decided))
	}
}

// times counts attempts.
func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprint(n, " times")
}

func (p *program) showOrder(_ *cobra.Command, j *journal.Journal, id string) error {
	o, r, err := j.Order(id)
	if err != nil {
		return err
	}
	wait, err := j.WaitsFor(id)
	if err != nil {
		return err
	}
	if p.json {
		return p.printJSON(struct {
			Order    *order.Order  `json:"order,omitempty"`
			Result   order.Result  `json:"result"`
			WaitsFor *journal.Wait `json:"waitsFor,omitempty"`
		}{shown(o), r, wait})
	}
	fmt.Fprintf(p.stdout, "Order %s: %s %s, %s\n", r.Order, r.Operation, r.Entity, r.State)
	if err := p.printResult(r); err != nil {
		return err
	}
	if r.State == order.Pending && wait != nil {
		if err := p.printWait(j, *wait); err != nil {
			return err
		}
	}
	if r.Undelivered != nil {
		fmt.Fprintf(p.stdout, "'usher orders notify %[1]s %[2]s' sends the password now, with --email to another address; 'usher orders drop-password %[1]s %[2]s' erases it.\n", j.Connection(), r.Order)
	}
	if o == nil {
		fmt.Fprintln(p.stdout, "What it asked for is forgotten (OrderRetention).")
		return nil
	}
	p.printAsked(o)
	return nil
}

// printWait tells a person what an order waits for, and what can be done about it.
func (p *program) printWait(j *journal.Journal, w journal.Wait) error {
	text := w.String()
	fmt.Fprintf(p.stdout, "%s\n", sentence(strings.ToUpper(text[:1])+text[1:]))
	if w.State != order.Held {
		return nil
	}
	in, err := j.Intake(w.Intake)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "That intake is held: %s\n%s\n", sentence(in.Reason), sentence(fulfill.Held(j.Connection(), in).Hint))
	return nil
}

// shown is an order without the ciphertext of its secrets, which helps nobody.
func shown(o *order.Order) *order.Order {
	if o == nil {
		return nil
	}
	plain := *o
	plain.Secrets = nil
	for _, s := range o.Secrets {
		s.Sealed = nil
		plain.Secrets = append(plain.Secrets, s)
	}
	return &plain
}

// printResult tells a person how an order ended, or how far it is.
func (p *program) printResult(r order.Result) error {
	table := tabwriter.NewWriter(p.stdout, 0, 4, 2, ' ', 0)
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(table, "  %s\t%s\n", name, value)
		}
	}
	line("message", r.Message)
	if r.Hint != "" {
		line("", "-> "+sentence(r.Hint))
	}
	line("object", r.ObjectID)
	line("Graph code", r.SystemCode)
	line("request id", r.RequestID)
	if r.Unchanged {
		line("unchanged", "it was so already")
	}
	if r.Attempts > 0 {
		line("attempts", strconv.Itoa(r.Attempts))
		line("started", moment(r.Started))
	}
	if !r.Finished.IsZero() {
		line("finished", moment(r.Finished))
	}
	for _, l := range r.FailedLinks {
		line("not done", failedLink(l))
	}
	for _, name := range slices.Sorted(maps.Keys(r.Details)) {
		line(name, r.Details[name])
	}
	if r.RetriedBy != "" {
		line("retried", "by "+r.RetriedBy+" at "+moment(r.Retried))
	}
	if u := r.Undelivered; u != nil && u.Tries > 0 {
		line("password", fmt.Sprintf("not sent, tried %s, the last time at %s: %s", times(u.Tries), moment(u.Last), u.Message))
		if u.Hint != "" {
			line("", "-> "+sentence(u.Hint))
		}
	} else if u != nil {
		line("password", "to be sent by the next run")
	}
	return table.Flush()
}

// failedLink tells which link could not be changed, and why.
func failedLink(l order.FailedLink) string {
	mark := "+"
	if l.Removal {
		mark = "-"
	}
	return fmt.Sprintf("%s %s %s: %s", mark, l.Navigation, l.Target, l.Message)
}

// printAsked tells a person what an order asks for.
func (p *program) printAsked(o *order.Order) {
	text := "received " + moment(o.Received)
	if o.Place != "" {
		text += " from " + o.Place
	}
	if o.SubmittedBy != "" && o.SubmittedBy != o.RequestedBy {
		text = "given by " + o.SubmittedBy + ", " + text
	}
	if o.RequestedBy != "" {
		text = "asked for by " + o.RequestedBy + ", " + text
	}
	fmt.Fprintf(p.stdout, "%s\n", strings.ToUpper(text[:1])+text[1:])
	if !o.Key.IsZero() {
		fmt.Fprintf(p.stdout, "  object %s\n", o.Key)
	}
	for _, a := range o.Attributes {
		fmt.Fprintf(p.stdout, "  %s = %s\n", a.Path, a.Value)
	}
	for _, s := range o.Secrets {
		fmt.Fprintf(p.stdout, "  %s = %s\n", s.Path, secret.Hidden)
	}
	for _, l := range o.Links {
		for _, target := range l.Remove {
			fmt.Fprintf(p.stdout, "  - %s %s\n", l.Navigation, target)
		}
		for _, target := range l.Add {
			fmt.Fprintf(p.stdout, "  + %s %s\n", l.Navigation, target)
		}
	}
	for _, id := range o.DependsOn {
		fmt.Fprintf(p.stdout, "  after order %s\n", id)
	}
	if !o.Deadline.IsZero() {
		fmt.Fprintf(p.stdout, "  not after %s\n", moment(o.Deadline))
	}
}
