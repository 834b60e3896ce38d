package main

import (
	"errors"
	"fmt"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/usher-iga/usher/agent/fulfill/journal"
	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/agent/job"
)

func (p *program) ordersCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "orders",
		Short: "Show orders, and decide on those that are held or have failed",
		Long: `Show orders, and decide on those that are held or have failed.

An intake is what was accepted at once, such as a file. A number names an intake,
all else the id of an order; --order takes a number for the id of an order, too.`,
		RunE: parent,
	}
	list := &cobra.Command{
		Use:   "list CONNECTION",
		Short: "List the last intakes, the newest first",
		Args:  args(cobra.ExactArgs(1)),
		RunE:  p.listOrders,
	}
	list.Flags().Int("last", 20, "how many; 0: all")
	all := []*cobra.Command{
		{
			Use:   "show CONNECTION INTAKE|ORDER",
			Short: "Show the orders of an intake, or one order with its result",
			RunE:  p.onOrders(p.showIntake, p.showOrder),
		},
		{
			Use:   "retry CONNECTION INTAKE|ORDER",
			Short: "Let the failed orders of an intake, or one order, begin again",
			RunE:  p.onOrders(p.retryIntake, p.retryOrder),
		},
		{
			Use:   "cancel CONNECTION INTAKE|ORDER",
			Short: "Drop an intake that is held, or an order that has not begun",
			RunE:  p.onOrders(p.cancelIntake, p.cancelOrder),
		},
		{
			Use:   "release CONNECTION INTAKE",
			Short: "Let an intake that is held begin",
			RunE: p.onOrders(p.releaseIntake, func(cmd *cobra.Command, _ *journal.Journal, _ string) error {
				return misuse(cmd, "an intake is released as a whole: name it by its number")
			}),
		},
	}
	for _, c := range all {
		c.Args = args(cobra.ExactArgs(2))
		c.Flags().Bool("order", false, "a number is the id of an order, too")
		command.AddCommand(c)
	}
	command.AddCommand(list)
	return command
}

// withOrders calls work with the journal of a connection.
func (p *program) withOrders(cmd *cobra.Command, connection string, work func(*journal.Journal) error) error {
	_, runner, err := p.prepare(cmd.Context())
	if err != nil {
		return err
	}
	return runner.WithOrders(cmd.Context(), connection, work)
}

// onOrders makes a command that works on an intake or on an order.
func (p *program) onOrders(onIntake func(*cobra.Command, *journal.Journal, uint64) error, onOrder func(*cobra.Command, *journal.Journal, string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, arguments []string) error {
		isOrder, err := cmd.Flags().GetBool("order")
		if err != nil {
			return usageError{err}
		}
		intake, notNumber := strconv.ParseUint(arguments[1], 10, 64)
		return p.withOrders(cmd, arguments[0], func(j *journal.Journal) error {
			if isOrder || notNumber != nil {
				return onOrder(cmd, j, arguments[1])
			}
			return onIntake(cmd, j, intake)
		})
	}
}

func (p *program) listOrders(cmd *cobra.Command, arguments []string) error {
	last, err := cmd.Flags().GetInt("last")
	if err != nil {
		return usageError{err}
	}
	return p.withOrders(cmd, arguments[0], func(j *journal.Journal) error {
		intakes := []journal.Intake{}
		err := j.Intakes(func(in journal.Intake) bool {
			intakes = append(intakes, in)
			return last <= 0 || len(intakes) < last
		})
		if err != nil {
			return err
		}
		if p.json {
			return p.printJSON(struct {
				Intakes []journal.Intake `json:"intakes"`
			}{intakes})
		}
		table := tabwriter.NewWriter(p.stdout, 0, 4, 2, ' ', 0)
		for _, in := range intakes {
			fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\n", in.Number, stateOf(in), in.Received.Format(time.DateTime+" MST"), outcomes(in), in.Source.Name)
		}
		return table.Flush()
	})
}

// stateOf is the state of an intake for people, who want to know whether it has ended.
func stateOf(in journal.Intake) string {
	if in.State == journal.IntakeOpen && in.Complete() {
		return "Ended"
	}
	return string(in.State)
}

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
	fmt.Fprintf(p.stdout, "Intake %d: %s, %s, received %s from %s\n", in.Number, stateOf(in), outcomes(in), in.Received.Format(time.DateTime+" MST"), in.Source.Name)
	if in.Reason != "" {
		fmt.Fprintf(p.stdout, "It was held: %s\n", sentence(in.Reason))
	}
	if in.DecidedBy != "" {
		fmt.Fprintf(p.stdout, "%s decided on it at %s\n", in.DecidedBy, in.Decided.Format(time.DateTime+" MST"))
	}
	table := tabwriter.NewWriter(p.stdout, 0, 4, 2, ' ', 0)
	err = j.Results(cmd.Context(), n, func(r order.Result) error {
		_, err := fmt.Fprintf(table, "  %s\t%s\t%s %s\t%s\t%s\n", r.Order, r.State, r.Operation, r.Entity, r.ObjectID, r.Message)
		return err
	})
	return errors.Join(err, table.Flush())
}

func (p *program) showOrder(_ *cobra.Command, j *journal.Journal, id string) error {
	o, r, err := j.Order(id)
	if err != nil {
		return err
	}
	if p.json {
		return p.printJSON(struct {
			Order  *order.Order `json:"order,omitempty"`
			Result order.Result `json:"result"`
		}{shown(o), r})
	}
	fmt.Fprintf(p.stdout, "Order %s: %s %s, %s\n", r.Order, r.Operation, r.Entity, r.State)
	p.printResult(r)
	if o == nil {
		fmt.Fprintln(p.stdout, "What it asked for is forgotten (OrderRetention).")
		return nil
	}
	p.printAsked(o)
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
func (p *program) printResult(r order.Result) {
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(p.stdout, "  %-12s%s\n", name, value)
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
		line("started", r.Started.Format(time.DateTime+" MST"))
	}
	if !r.Finished.IsZero() {
		line("finished", r.Finished.Format(time.DateTime+" MST"))
	}
	for _, l := range r.FailedLinks {
		done := "was not added"
		if l.Removal {
			done = "was not removed"
		}
		line(l.Navigation, fmt.Sprintf("%s %s: %s", l.Target, done, l.Message))
	}
	for _, name := range sortedKeys(r.Details) {
		line(name, r.Details[name])
	}
}

// printAsked tells a person what an order asks for.
func (p *program) printAsked(o *order.Order) {
	fmt.Fprintf(p.stdout, "Asked for by %s, received %s, %s\n", o.RequestedBy, o.Received.Format(time.DateTime+" MST"), o.Place)
	if !o.Key.IsZero() {
		fmt.Fprintf(p.stdout, "  object %s\n", o.Key)
	}
	for _, a := range o.Attributes {
		fmt.Fprintf(p.stdout, "  %s = %s\n", a.Path, a.Value)
	}
	for _, s := range o.Secrets {
		fmt.Fprintf(p.stdout, "  %s = (hidden)\n", s.Path)
	}
	for _, l := range o.Links {
		for _, target := range l.Add {
			fmt.Fprintf(p.stdout, "  + %s %s\n", l.Navigation, target)
		}
		for _, target := range l.Remove {
			fmt.Fprintf(p.stdout, "  - %s %s\n", l.Navigation, target)
		}
	}
	for _, id := range o.DependsOn {
		fmt.Fprintf(p.stdout, "  after order %s\n", id)
	}
}

// decided tells what was decided on orders, and how they go on.
func (p *program) decided(connection, subject, state string, goesOn bool) error {
	if p.json {
		return p.printJSON(struct {
			Connection string `json:"connection"`
			Subject    string `json:"subject"`
			State      string `json:"state"`
		}{connection, subject, state})
	}
	fmt.Fprintf(p.stdout, "%s of %s: %s.\n", subject, connection, state)
	if goesOn {
		fmt.Fprintf(p.stdout, "Carry out what waits with: usher fulfill %s\n", connection)
	}
	return nil
}

func (p *program) retryIntake(cmd *cobra.Command, j *journal.Journal, n uint64) error {
	retried, err := job.RetryIntake(cmd.Context(), j, n)
	if err != nil {
		return err
	}
	return p.decided(j.Connection(), fmt.Sprintf("intake %d", n), count(uint64(retried), "order")+" to begin again", retried > 0)
}

func (p *program) retryOrder(cmd *cobra.Command, j *journal.Journal, id string) error {
	if err := j.Retry(cmd.Context(), id); err != nil {
		return err
	}
	return p.decided(j.Connection(), "order "+id, "to begin again", true)
}

func (p *program) cancelIntake(cmd *cobra.Command, j *journal.Journal, n uint64) error {
	if _, err := j.CancelIntake(cmd.Context(), n, p.who()); err != nil {
		return err
	}
	return p.decided(j.Connection(), fmt.Sprintf("intake %d", n), "canceled", false)
}

func (p *program) cancelOrder(_ *cobra.Command, j *journal.Journal, id string) error {
	if err := j.Cancel(id, p.who()); err != nil {
		return err
	}
	return p.decided(j.Connection(), "order "+id, "canceled", false)
}

func (p *program) releaseIntake(_ *cobra.Command, j *journal.Journal, n uint64) error {
	if _, err := j.Release(n, p.who()); err != nil {
		return err
	}
	return p.decided(j.Connection(), fmt.Sprintf("intake %d", n), "released", true)
}
