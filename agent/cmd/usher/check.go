package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/usher-iga/usher/agent/job"
	"github.com/usher-iga/usher/agent/settings"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

func (p *program) checkCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check [CONNECTION]",
		Short: "Examine settings, network, sign-in, permissions and credentials",
		Long: `Examine what an export needs: settings, folders and disk, where secrets come from,
the way to the tenant, clock, sign-in, permissions, one page of each entity, and
when credentials end. Nothing is changed, but folders that are missing are made.

Exit codes: 0 everything that the configuration needs is there, 1 something is
missing, 2 wrong usage or settings, 130 cancelled.`,
		Args: args(cobra.MaximumNArgs(1)),
		RunE: p.check,
	}
}

func (p *program) check(cmd *cobra.Command, arguments []string) error {
	s, runner, err := p.open(cmd.Context())
	if _, usage := errors.AsType[usageError](err); usage || cmd.Context().Err() != nil {
		return err
	}
	if err != nil { // settings that cannot be read are what a check is for
		if err := p.printChecked([]job.Checked{job.Unreadable(err)}); err != nil {
			return err
		}
		return told(exitFailed)
	}
	connections := s.Connections
	if len(arguments) > 0 {
		one, err := s.Connection(arguments[0])
		if err != nil {
			return err
		}
		connections = []*settings.Connection{one}
	}
	all := []job.Checked{runner.CheckInstallation()}
	for _, c := range connections {
		if len(arguments) == 0 && c.CheckMapping() != nil {
			all = append(all, job.NotExported(c))
			continue
		}
		checked, err := runner.CheckConnection(cmd.Context(), c, sdk.Full)
		if err != nil {
			return err
		}
		all = append(all, checked)
	}
	if err := p.printChecked(all); err != nil {
		return err
	}
	for _, c := range all {
		if c.Failed() {
			return told(exitFailed)
		}
	}
	return nil
}

// checkedResult is one part of a check as --json prints it.
type checkedResult struct {
	Connection  string             `json:"connection,omitempty"`
	OK          bool               `json:"ok"`
	Findings    []findingResult    `json:"findings"`
	Permissions []permissionResult `json:"permissions,omitempty"`
	ConsentURL  string             `json:"consentUrl,omitempty"`
}

type findingResult struct {
	State   string     `json:"state"`
	Subject string     `json:"subject"`
	Message string     `json:"message"`
	Hint    string     `json:"hint,omitempty"`
	Setting string     `json:"setting,omitempty"`
	Ends    *time.Time `json:"ends,omitempty"`
}

type permissionResult struct {
	Name      string   `json:"name"`
	ID        string   `json:"id,omitempty"`
	Purpose   string   `json:"purpose"`
	State     string   `json:"state"` // granted, missing or unknown
	Optional  bool     `json:"optional,omitempty"`
	GrantedBy string   `json:"grantedBy,omitempty"`
	Instead   []string `json:"instead,omitempty"`
}

func newCheckedResult(c job.Checked) checkedResult {
	result := checkedResult{Connection: c.Connection, OK: !c.Failed(), Findings: []findingResult{}, ConsentURL: c.ConsentURL}
	for _, f := range c.Findings {
		one := findingResult{State: string(f.State), Subject: f.Subject, Message: f.Message, Hint: f.Hint, Setting: f.Setting}
		if !f.Ends.IsZero() {
			one.Ends = &f.Ends
		}
		result.Findings = append(result.Findings, one)
	}
	for _, permission := range c.Permissions {
		result.Permissions = append(result.Permissions, newPermissionResult(permission))
	}
	return result
}

func newPermissionResult(p sdk.Permission) permissionResult {
	state := string(p.Grant)
	if p.Grant == sdk.Unknown {
		state = "unknown"
	}
	return permissionResult{
		Name: p.Name, ID: p.ID, Purpose: p.Purpose, State: state, Optional: p.Optional, GrantedBy: p.GrantedBy, Instead: p.Instead,
	}
}

func (p *program) printChecked(all []job.Checked) error {
	if p.json {
		results := make([]checkedResult, len(all))
		ok := true
		for i, c := range all {
			results[i] = newCheckedResult(c)
			ok = ok && results[i].OK
		}
		return p.printJSON(struct {
			OK     bool            `json:"ok"`
			Checks []checkedResult `json:"checks"`
		}{ok, results})
	}
	for i, c := range all {
		if i > 0 {
			fmt.Fprintln(p.stdout)
		}
		p.printOne(c)
	}
	return nil
}

// printOne prints the findings of one part, a line each, the next step below those
// that need one.
func (p *program) printOne(c job.Checked) {
	title := "This installation"
	if c.Connection != "" {
		title = "Connection " + c.Connection
	}
	fmt.Fprintln(p.stdout, title)
	width := 0
	for _, f := range c.Findings {
		width = max(width, len(f.Subject))
	}
	if len(c.Permissions) > 0 {
		width = max(width, len("permission"))
	}
	line := func(mark, subject, message, hint string) {
		fmt.Fprintf(p.stdout, "  %-7s %-*s  %s\n", mark, width, subject, message)
		if hint != "" {
			fmt.Fprintf(p.stdout, "  %7s %-*s  -> %s\n", "", width, "", sentence(hint))
		}
	}
	marks := map[sdk.FindingState]string{sdk.OK: "ok", sdk.Warned: "warning", sdk.Failed: "FAILED"}
	for _, f := range c.Findings {
		line(marks[f.State], f.Subject, strings.ReplaceAll(f.Message, "\n", " "), f.Hint)
	}
	missing := false
	for _, permission := range c.Permissions {
		switch permission.Grant {
		case sdk.Granted:
			message := permission.Name + " is granted, for " + permission.Purpose
			if permission.GrantedBy != "" {
				message = fmt.Sprintf("%s is granted by %s, for %s", permission.Name, permission.GrantedBy, permission.Purpose)
			}
			line("ok", "permission", message, "")
		case sdk.Missing:
			missing = true
			if permission.Optional {
				line("-", "permission", permission.Name+" is not granted, for "+permission.Purpose, "")
				continue
			}
			line("FAILED", "permission", permission.Name+" is missing, for "+permission.Purpose, "")
		default:
			line("?", "permission", permission.Name+" is needed, for "+permission.Purpose, "")
		}
	}
	if missing {
		fmt.Fprintf(p.stdout, "  %7s %-*s  -> 'usher consent %s' tells how to grant what is missing.\n", "", width, "", c.Connection)
	}
}

func (p *program) consentCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "consent CONNECTION",
		Short: "Show the permissions to ask for, and the link by which an admin grants them",
		Args:  args(cobra.ExactArgs(1)),
		RunE:  p.consent,
	}
}

func (p *program) consent(cmd *cobra.Command, arguments []string) error {
	s, runner, err := p.open(cmd.Context())
	if err != nil {
		return err
	}
	connection, err := s.Connection(arguments[0])
	if err != nil {
		return err
	}
	checked, err := runner.CheckConnection(cmd.Context(), connection, sdk.Offline)
	if err != nil {
		return err
	}
	if checked.ConsentURL == "" {
		for _, f := range checked.Findings {
			if f.State == sdk.Failed {
				return fault.Errorf(fault.Invalid, "%s", f.Message).WithHint("%s", f.Hint)
			}
		}
	}
	if p.json {
		permissions := make([]permissionResult, len(checked.Permissions))
		for i, permission := range checked.Permissions {
			permissions[i] = newPermissionResult(permission)
		}
		return p.printJSON(struct {
			Connection  string             `json:"connection"`
			Permissions []permissionResult `json:"permissions"`
			ConsentURL  string             `json:"consentUrl,omitempty"`
		}{checked.Connection, permissions, checked.ConsentURL})
	}
	fmt.Fprintf(p.stdout, "Connection %s needs these application permissions:\n", checked.Connection)
	for _, permission := range checked.Permissions {
		fmt.Fprintf(p.stdout, "  %-36s %s  for %s\n", permission.Name, permission.ID, permission.Purpose)
	}
	if checked.ConsentURL == "" {
		fmt.Fprintln(p.stdout, "\nThere is no link by which an admin grants them to an identity of a machine: docs/register.md shows the commands that do.")
	} else {
		fmt.Fprintf(p.stdout, "\nAdd them to the application registration (docs/register.md has the steps).\nThen an admin of the tenant opens this link and accepts:\n\n  %s\n", checked.ConsentURL)
	}
	return nil
}
