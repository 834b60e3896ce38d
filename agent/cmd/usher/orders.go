package main

import (
	"errors"
	"fmt"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/usher-iga/usher/agent/fulfill/journal"
	"github.com/usher-iga/usher/agent/job"
)

func (p *program) ordersCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "orders",
		Short: "Show orders, and decide on those that are held or have failed",
		Long: `Show orders, and decide on those that are held or have failed.

An intake is what was accepted at once, such as a file. A number names an intake,
all else the id of an order; with --order a number is the id of an order, too.

While another process has the orders, such as a watch that carries them out, the
commands wait some seconds. Who decided what stands in the audit log.`,
		RunE: parent,
	}
	list := &cobra.Command{
		Use:   "list CONNECTION",
		Short: "List the last intakes, the newest first",
		Args:  args(cobra.ExactArgs(1)),
		RunE:  p.listOrders,
	}
	list.Flags().Int("last", 20, "how many; 0: all")
	several := []*cobra.Command{
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
	}
	notify := &cobra.Command{
		Use:   "notify CONNECTION ORDER",
		Short: "Send a password that could not be sent, perhaps to another address",
		Args:  args(cobra.ExactArgs(2)),
		RunE:  p.notify,
	}
	notify.Flags().String("email", "", "`address` that gets it (default: the one that it could not be sent to)")
	command.AddCommand(notify, &cobra.Command{
		Use:   "release CONNECTION INTAKE",
		Short: "Let an intake that is held begin",
		Args:  args(cobra.ExactArgs(2)),
		RunE:  p.releaseIntake,
	}, &cobra.Command{
		Use:   "drop-password CONNECTION ORDER",
		Short: "Give up sending a password, and erase it",
		Args:  args(cobra.ExactArgs(2)),
		RunE:  p.dropPassword,
	})
	for _, c := range several {
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
	if last < 0 {
		return misuse(cmd, "--last is how many intakes to list, 0 for all")
	}
	return p.withOrders(cmd, arguments[0], func(j *journal.Journal) error {
		intakes := []journal.Intake{}
		err := j.Intakes(func(in journal.Intake) bool {
			intakes = append(intakes, in)
			return last == 0 || len(intakes) < last
		})
		if err != nil {
			return err
		}
		if p.json {
			return p.printJSON(struct {
				Intakes []journal.Intake `json:"intakes"`
			}{intakes})
		}
		if len(intakes) == 0 {
			fmt.Fprintf(p.stdout, "There are no orders of %s.\n", j.Connection())
		}
		table := tabwriter.NewWriter(p.stdout, 0, 4, 2, ' ', 0)
		for _, in := range intakes {
			fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\n", in.Number, stateOf(in), moment(in.Received), outcomes(in), in.Source.Name)
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

// decision is what an operator decided on, as --json prints it.
type decision struct {
	Connection string `json:"connection"`
	Intake     uint64 `json:"intake,omitempty"`
	Order      string `json:"order,omitempty"`
	State      string `json:"state"`             // released, canceled, retried, notified or dropped
	Retried    int    `json:"retried,omitempty"` // orders of the intake
}

// decided tells what was decided, and what is done about it then.
func (p *program) decided(d decision, said, next string) error {
	if p.json {
		return p.printJSON(d)
	}
	fmt.Fprintf(p.stdout, "%s\n", said)
	if next != "" {
		fmt.Fprintf(p.stdout, "The next 'usher fulfill %s' %s, or a watch that runs.\n", d.Connection, next)
	}
	return nil
}

func (p *program) retryIntake(cmd *cobra.Command, j *journal.Journal, n uint64) error {
	retried, err := job.RetryIntake(cmd.Context(), j, n, p.who())
	if retried == 0 {
		if err != nil {
			return err
		}
		return p.decided(decision{Connection: j.Connection(), Intake: n, State: "retried"},
			fmt.Sprintf("No order of intake %d of %s has failed: nothing begins again.", n, j.Connection()), "")
	}
	if err != nil && p.json {
		return err // which may tell one thing only
	}
	begin, them := "begin", "them"
	if retried == 1 {
		begin, them = "begins", "it"
	}
	return errors.Join(err, p.decided(decision{Connection: j.Connection(), Intake: n, State: "retried", Retried: retried},
		fmt.Sprintf("%s of intake %d of %s %s again.", count(uint64(retried), "order"), n, j.Connection(), begin), "carries "+them+" out"))
}

func (p *program) retryOrder(cmd *cobra.Command, j *journal.Journal, id string) error {
	if err := j.Retry(cmd.Context(), id, p.who()); err != nil {
		return err
	}
	return p.decided(decision{Connection: j.Connection(), Order: id, State: "retried"},
		fmt.Sprintf("Order %s of %s begins again.", id, j.Connection()), "carries it out")
}

func (p *program) notify(cmd *cobra.Command, arguments []string) error {
	email, err := cmd.Flags().GetString("email")
	if err != nil {
		return usageError{err}
	}
	_, runner, err := p.prepare(cmd.Context())
	if err != nil {
		return err
	}
	connection, id := arguments[0], arguments[1]
	if err := runner.Notify(cmd.Context(), connection, id, email, p.who()); err != nil {
		return err
	}
	to := ""
	if email != "" {
		to = " to " + email
	}
	return p.decided(decision{Connection: connection, Order: id, State: "notified"}, fmt.Sprintf("The password of order %s of %s is sent%s.", id, connection, to), "")
}

func (p *program) dropPassword(cmd *cobra.Command, arguments []string) error {
	return p.withOrders(cmd, arguments[0], func(j *journal.Journal) error {
		if err := j.DropSecrets(arguments[1], p.who()); err != nil {
			return err
		}
		return p.decided(decision{Connection: j.Connection(), Order: arguments[1], State: "dropped"},
			fmt.Sprintf("The password of order %s of %s is erased, and nobody has got it. 'usher actions run %[2]s reset-password' sets another one.", arguments[1], j.Connection()), "")
	})
}

func (p *program) cancelIntake(cmd *cobra.Command, j *journal.Journal, n uint64) error {
	if _, err := j.CancelIntake(cmd.Context(), n, p.who()); err != nil {
		return err
	}
	return p.decided(decision{Connection: j.Connection(), Intake: n, State: "canceled"},
		fmt.Sprintf("Intake %d of %s is canceled.", n, j.Connection()), "writes the results")
}

func (p *program) cancelOrder(_ *cobra.Command, j *journal.Journal, id string) error {
	if err := j.Cancel(id, p.who()); err != nil {
		return err
	}
	return p.decided(decision{Connection: j.Connection(), Order: id, State: "canceled"},
		fmt.Sprintf("Order %s of %s is canceled.", id, j.Connection()), "writes the results")
}

func (p *program) releaseIntake(cmd *cobra.Command, arguments []string) error {
	n, err := strconv.ParseUint(arguments[1], 10, 64)
	if err != nil {
		return misuse(cmd, "an intake is released as a whole: name it by its number")
	}
	return p.withOrders(cmd, arguments[0], func(j *journal.Journal) error {
		if _, err := j.Release(n, p.who()); err != nil {
			return err
		}
		return p.decided(decision{Connection: j.Connection(), Intake: n, State: "released"},
			fmt.Sprintf("Intake %d of %s is released.", n, j.Connection()), "carries it out")
	})
}
