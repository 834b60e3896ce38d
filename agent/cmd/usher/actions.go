package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/usher-iga/usher/agent/durable"
	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/agent/job"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

func (p *program) actionsCommand() *cobra.Command {
	command := &cobra.Command{Use: "actions", Short: "List and run single requests, such as to add a user to a group", RunE: parent}
	run := &cobra.Command{
		Use:   "run CONNECTION ACTION",
		Short: "Run an action",
		Long: `Run an action and print what it gives, as JSON. An action that writes is an order
of its own: it goes through the journal and the audit log as all orders do.

--input takes JSON, @FILE for that of a file, or - for that of standard input. Give
passwords by @FILE or -: other users of the machine can see a command line.`,
		Args: args(cobra.ExactArgs(2)),
		RunE: p.runAction,
	}
	run.Flags().String("input", "{}", "the input as `JSON`, @FILE or -")
	command.AddCommand(&cobra.Command{
		Use:   "list CONNECTION",
		Short: "List the actions",
		Args:  args(cobra.ExactArgs(1)),
		RunE:  p.listActions,
	}, &cobra.Command{
		Use:   "describe CONNECTION ACTION",
		Short: "Show what an action takes and gives, and the permissions that it needs",
		Args:  args(cobra.ExactArgs(2)),
		RunE:  p.describeAction,
	}, run)
	return command
}

// actionResult describes an action as --json prints it.
type actionResult struct {
	Name         string          `json:"name"`
	Title        string          `json:"title"`
	Description  string          `json:"description"`
	Writes       bool            `json:"writes"`
	Permissions  []string        `json:"permissions"`
	InputSchema  json.RawMessage `json:"inputSchema"`
	OutputSchema json.RawMessage `json:"outputSchema"`
}

func newActionResult(a sdk.Action) actionResult {
	return actionResult{a.Name, a.Title, a.Description, a.Writes, a.Permissions, a.InputSchema, a.OutputSchema}
}

func (p *program) listActions(cmd *cobra.Command, arguments []string) error {
	_, runner, err := p.prepare(cmd.Context())
	if err != nil {
		return err
	}
	actions, err := runner.Actions(cmd.Context(), arguments[0])
	if err != nil {
		return err
	}
	return p.printActions(actions)
}

func (p *program) printActions(actions []sdk.Action) error {
	if p.json {
		all := make([]actionResult, len(actions))
		for i, a := range actions {
			all[i] = newActionResult(a)
		}
		return p.printJSON(struct {
			Actions []actionResult `json:"actions"`
		}{all})
	}
	table := tabwriter.NewWriter(p.stdout, 0, 4, 2, ' ', 0)
	for _, a := range actions {
		does := "reads"
		if a.Writes {
			does = "writes"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", a.Name, does, a.Description)
	}
	return table.Flush()
}

func (p *program) describeAction(cmd *cobra.Command, arguments []string) error {
	_, runner, err := p.prepare(cmd.Context())
	if err != nil {
		return err
	}
	action, err := runner.Action(cmd.Context(), arguments[0], arguments[1])
	if err != nil {
		return err
	}
	return p.printAction(action)
}

func (p *program) printAction(a sdk.Action) error {
	if p.json {
		return p.printJSON(newActionResult(a))
	}
	does := "It reads only"
	if a.Writes {
		does = "It writes: it is an order of its own"
	}
	fmt.Fprintf(p.stdout, "%s: %s\n%s. %s.\nPermissions: %s\n", a.Name, a.Title, a.Description, does, strings.Join(a.Permissions, ", "))
	for _, schema := range []struct {
		title string
		text  json.RawMessage
	}{{"Input", a.InputSchema}, {"Output", a.OutputSchema}} {
		var indented bytes.Buffer
		if json.Indent(&indented, schema.text, "", "  ") == nil {
			fmt.Fprintf(p.stdout, "\n%s, as JSON Schema:\n%s\n", schema.title, &indented)
		}
	}
	return nil
}

func (p *program) runAction(cmd *cobra.Command, arguments []string) error {
	given, err := cmd.Flags().GetString("input")
	if err != nil {
		return usageError{err}
	}
	input, err := p.input(cmd, given)
	if err != nil {
		return err
	}
	_, runner, err := p.prepare(cmd.Context())
	if err != nil {
		return err
	}
	acted, err := runner.RunAction(cmd.Context(), arguments[0], arguments[1], input, p.who())
	if err != nil {
		return err
	}
	return p.printActed(arguments[1], acted)
}

// printActed tells what an action gave, and returns what ends the command.
func (p *program) printActed(action string, acted job.Acted) (err error) {
	if !p.json {
		for _, w := range acted.Warnings {
			p.printWarning(warning(w))
		}
	}
	switch {
	case acted.Result == nil && p.json:
		return p.printJSON(acted.Output)
	case acted.Result == nil:
		var indented bytes.Buffer
		if err := json.Indent(&indented, acted.Output, "", "  "); err != nil {
			return fault.Errorf(fault.Connector, "the connector's answer is not JSON: %w", err)
		}
		fmt.Fprintln(p.stdout, &indented)
		return nil
	case p.json:
		err = p.printJSON(acted.Result)
	default:
		r := acted.Result
		fmt.Fprintf(p.stdout, "%s: order %s is %s\n", action, r.Order, r.State)
		err = p.printResult(*r)
	}
	if err == nil && acted.Result.State != order.Executed {
		return told(exitFailed)
	}
	return err
}

// input reads what --input names.
func (p *program) input(cmd *cobra.Command, given string) (json.RawMessage, error) {
	text := []byte(given)
	var err error
	if path, isFile := strings.CutPrefix(given, "@"); isFile {
		if text, err = os.ReadFile(path); err != nil {
			return nil, durable.Fault(err, "read", path)
		}
	} else if given == "-" {
		if text, err = io.ReadAll(p.stdin); err != nil {
			return nil, fault.Errorf(fault.Storage, "read standard input: %w", err)
		}
	}
	if !json.Valid(text) {
		return nil, misuse(cmd, "the input is not JSON")
	}
	return text, nil
}
