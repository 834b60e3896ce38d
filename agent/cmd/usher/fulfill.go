package main

import (
	"cmp"
	"fmt"
	"os/user"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/usher-iga/usher/agent/fulfill"
	"github.com/usher-iga/usher/agent/fulfill/journal"
	"github.com/usher-iga/usher/agent/job"
)

func (p *program) fulfillCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "fulfill CONNECTION [FILE...]",
		Short: "Carry out provisioning orders",
		Long: `Carry out the provisioning orders in files, and what is left of earlier ones.

Each file is accepted whole or refused whole. How its orders ended is written
beside it, to FILE.results.json and FILE.results.csv. The same order again is not
carried out again: it is answered with its first result. Without files, what is
left is carried out: after a crash, or what was released or retried.

--plan shows what would change and changes nothing. --watch takes the files that
are put into ProvisioningOrders/CONNECTION below WorkFolderPath, until it is
interrupted.

Exit codes: 0 all orders are executed, 1 some failed, 2 wrong usage, settings or
file, 3 held for an operator, 130 cancelled.`,
		Args: args(cobra.MinimumNArgs(1)),
		RunE: p.fulfill,
	}
	command.Flags().Bool("plan", false, "show what would change, and change nothing")
	command.Flags().Bool("watch", false, "take the files that are put into the folder for orders")
	return command
}

func (p *program) fulfill(cmd *cobra.Command, arguments []string) error {
	plan, err := cmd.Flags().GetBool("plan")
	if err != nil {
		return usageError{err}
	}
	watch, err := cmd.Flags().GetBool("watch")
	if err != nil {
		return usageError{err}
	}
	files := arguments[1:]
	switch {
	case plan && watch:
		return misuse(cmd, "--plan and --watch exclude each other")
	case plan && len(files) == 0:
		return misuse(cmd, "--plan needs a file")
	case watch && len(files) > 0:
		return misuse(cmd, "--watch takes no files: put them into the folder for orders")
	case plan:
		return p.plan(cmd, arguments[0], files)
	case watch:
		return p.watch(cmd, arguments[0])
	}
	s, runner, progress, err := prepareShown(cmd.Context(), p, p.orderDisplay)
	if err != nil {
		return err
	}
	done, err := runner.Fulfill(cmd.Context(), arguments[0], files, p.who(), progress.show)
	progress.done(err == nil)
	return p.printFulfilled(done, warnings(s), err)
}

// who is who runs this program, for the audit.
func (p *program) who() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "somebody on the command line"
}

// fulfilledResult is what became of files of orders as --json prints it.
type fulfilledResult struct {
	Connection string         `json:"connection,omitempty"`
	Files      []takenResult  `json:"files,omitempty"`
	Run        *fulfillReport `json:"run,omitempty"`
	Warnings   []warning      `json:"warnings,omitempty"`
	Errors     []failure      `json:"errors,omitempty"` // why the run ended before its time
}

type takenResult struct {
	File     string    `json:"file"`
	State    string    `json:"state"` // Refused, or that of the intake
	Intake   uint64    `json:"intake,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	Orders   uint64    `json:"orders,omitempty"`
	Executed uint64    `json:"executed,omitempty"`
	Errored  uint64    `json:"errored,omitempty"`
	Canceled uint64    `json:"canceled,omitempty"`
	Pending  uint64    `json:"pending,omitempty"`
	Answered uint64    `json:"answered,omitempty"` // of them, those that had ended before
	Results  string    `json:"results,omitempty"`
	Errors   []failure `json:"errors,omitempty"`
}

type fulfillReport struct {
	Started          time.Time `json:"started"`
	Finished         time.Time `json:"finished"`
	Seconds          float64   `json:"seconds"`
	Executed         uint64    `json:"executed"`
	Unchanged        uint64    `json:"unchanged"`
	Errored          uint64    `json:"errored"`
	Pending          uint64    `json:"pending"`
	Held             uint64    `json:"held"`
	Requests         uint64    `json:"requests"`
	Writes           uint64    `json:"writes"`
	ThrottledSeconds float64   `json:"throttledSeconds"`
	Relaunches       uint64    `json:"relaunches,omitempty"`
	PasswordsOwed    uint64    `json:"passwordsOwed,omitempty"`
}

func newFulfillReport(r fulfill.Report) *fulfillReport {
	return &fulfillReport{
		Started: r.Started, Finished: r.Finished, Seconds: r.Finished.Sub(r.Started).Seconds(),
		Executed: r.Executed, Unchanged: r.Unchanged, Errored: r.Errored, Pending: r.Pending, Held: r.Held,
		Requests: r.Requests, Writes: r.Writes, ThrottledSeconds: r.Throttled.Seconds(),
		Relaunches: r.Relaunches, PasswordsOwed: r.Owed,
	}
}

func newTakenResult(f job.TakenFile) takenResult {
	if f.Refused != nil {
		return takenResult{File: f.Path, State: "Refused", Errors: failures(f.Refused), Results: f.Path + fulfill.JSONEnding}
	}
	in := f.Intake
	return takenResult{
		File: f.Path, State: string(in.State), Intake: in.Number, Reason: in.Reason, Orders: in.Orders,
		Executed: in.Executed, Errored: in.Errored, Canceled: in.Canceled, Pending: in.Pending(),
		Answered: in.Answered.Orders, Results: f.Path + fulfill.JSONEnding,
	}
}

// printFulfilled tells what became of files, and returns what ends the command. found are the
// warnings about the settings, which a person has seen already.
func (p *program) printFulfilled(done job.Fulfilled, found []warning, err error) error {
	if p.json {
		return p.printFulfilledJSON(done, found, err)
	}
	for _, w := range done.Warnings {
		p.printWarning(warning(w))
	}
	for _, f := range done.Files {
		p.printTaken(done.Connection, f)
	}
	if done.Ran {
		p.printRan(done.Connection, done.Run)
	}
	if err != nil {
		return err
	}
	return told(fulfilledCode(done))
}

func (p *program) printFulfilledJSON(done job.Fulfilled, found []warning, err error) error {
	if err != nil && len(done.Files) == 0 {
		return err
	}
	result := fulfilledResult{Connection: done.Connection, Warnings: append(found, asWarnings(done.Warnings)...)}
	for _, f := range done.Files {
		result.Files = append(result.Files, newTakenResult(f))
	}
	if done.Ran {
		result.Run = newFulfillReport(done.Run)
	}
	if err != nil {
		result.Errors = failures(err)
	}
	if err := p.printJSON(result); err != nil {
		return err
	}
	return told(cmp.Or(exitCode(err), fulfilledCode(done)))
}

// fulfilledCode is the exit code of what was done without an error. Orders that are pending then wait for
// an operator: they were held when they came in another intake, or wait for held ones. Who names no file asks for all
// that is left.
func fulfilledCode(done job.Fulfilled) int {
	refused, held, failed := false, len(done.Files) == 0 && done.Run.Held > 0, done.Run.Errored > 0
	for _, f := range done.Files {
		refused = refused || f.Refused != nil
		held = held || f.Intake.Pending() > 0
		failed = failed || f.Intake.Errored+f.Intake.Canceled > 0
	}
	switch {
	case refused:
		return exitUsage
	case held:
		return exitHeld
	case failed:
		return exitFailed
	default:
		return exitDone
	}
}

// printTaken tells a person what became of a file.
func (p *program) printTaken(connection string, f job.TakenFile) {
	in := f.Intake
	switch {
	case f.Refused != nil:
		p.printError(f.Refused)
	case in.State == journal.IntakeHeld:
		p.printError(fulfill.Held(connection, in))
	default:
		p.printIntakeLine(in)
		fmt.Fprintf(p.stdout, "  results: %s\n", f.Path+fulfill.CSVEnding)
	}
}

// printIntakeLine tells a person what was accepted, and how its orders are.
func (p *program) printIntakeLine(in journal.Intake) {
	fmt.Fprintf(p.stdout, "%s: intake %d, %s\n", in.Source.Name, in.Number, outcomes(in))
	if in.Answered.Orders > 0 {
		fmt.Fprintf(p.stdout, "  %s\n", answered(in.Answered))
	}
}

// outcomes tells how the orders of an intake ended.
func outcomes(in journal.Intake) string {
	left := "pending"
	if in.State == journal.IntakeHeld {
		left = "held"
	}
	var parts []string
	for _, c := range []struct {
		n    uint64
		what string
	}{{in.Executed, "executed"}, {in.Errored, "errored"}, {in.Canceled, "canceled"}, {in.Pending(), left}} {
		if c.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.what))
		}
	}
	if len(parts) == 0 {
		return count(in.Orders, "order")
	}
	return count(in.Orders, "order") + ": " + strings.Join(parts, ", ")
}

// printRan tells a person what a run did.
func (p *program) printRan(connection string, r fulfill.Report) {
	switch ended := r.Executed + r.Errored; {
	case ended == 0 && r.Held+r.Pending == 0:
		fmt.Fprintln(p.stdout, "There was nothing left to carry out.")
	case ended == 0:
		fmt.Fprintln(p.stdout, "No order was carried out.")
	default:
		fmt.Fprintf(p.stdout, "Carried out %s in %v: %d executed", count(ended, "order"), r.Finished.Sub(r.Started).Round(10*time.Millisecond), r.Executed)
		if r.Unchanged > 0 {
			fmt.Fprintf(p.stdout, " (%d of them without a change: it was so already)", r.Unchanged)
		}
		fmt.Fprintf(p.stdout, ", %d errored; %s", r.Errored, count(r.Requests, "request"))
		if r.Throttled > 0 {
			fmt.Fprintf(p.stdout, ", held back by Graph for %v", r.Throttled.Round(100*time.Millisecond))
		}
		fmt.Fprintln(p.stdout, ".")
	}
	left := ""
	if r.Held > 0 {
		left = "Held for an operator: " + count(r.Held, "order") + ". "
	}
	switch {
	case r.Pending > 0 && r.Held > 0:
		left += "Left until then, or for the next run: " + count(r.Pending, "order") + " of other intakes. "
	case r.Pending > 0:
		left += "Left for the next run: " + count(r.Pending, "order") + "."
	}
	if r.Held > 0 {
		left += fmt.Sprintf("See 'usher orders list %s'", connection)
		if r.Pending > 0 {
			left += fmt.Sprintf("; 'usher orders show %s INTAKE' tells what an order waits for", connection)
		}
		left += "."
	}
	if left != "" {
		fmt.Fprintln(p.stdout, left)
	}
}

// told ends a command that has said everything itself; it is the exit code.
type told int

func (t told) Error() string { return fmt.Sprintf("exit code %d", int(t)) }
