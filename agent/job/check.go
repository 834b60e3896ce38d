package job

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/usher-iga/usher/agent/durable"
	"github.com/usher-iga/usher/agent/settings"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Checked is what a check found of one connection, or of the installation.
type Checked struct {
	Connection string // empty: the installation
	sdk.CheckReport
}

// Failed reports whether something that the configuration needs is missing.
func (c Checked) Failed() bool {
	for _, f := range c.Findings {
		if f.State == sdk.Failed {
			return true
		}
	}
	for _, p := range c.Permissions {
		if p.Grant == sdk.Missing && !p.Optional {
			return true
		}
	}
	return false
}

// Unreadable is the check of an installation whose settings cannot be read.
func Unreadable(err error) Checked {
	c := Checked{}
	for _, problem := range split(err) {
		c.Findings = append(c.Findings, finding("settings", "", problem))
	}
	return c
}

// NotExported is the check of a connection from which nothing is exported.
func NotExported(c *settings.Connection) Checked {
	f := sdk.Finding{State: sdk.Warned, Subject: "connection", Message: "It was not looked at: it has no EntityTypeMapping, so there is nothing to export"}
	if problem := fault.Of(c.CheckMapping()); problem != nil {
		f.Hint = problem.Hint
	}
	return Checked{Connection: c.ID, CheckReport: sdk.CheckReport{Findings: []sdk.Finding{f}}}
}

// CheckInstallation examines what all connections stand on: folders, disk, and where
// secrets come from. What is wrong is a finding.
func (r *Runner) CheckInstallation() Checked {
	c := Checked{}
	c.Findings = append(c.Findings, sdk.Finding{State: sdk.OK, Subject: "settings", Message: "The settings in " + r.Settings.Dir + " can be read"})
	for _, w := range r.Settings.Warnings {
		c.Findings = append(c.Findings, sdk.Finding{State: sdk.Warned, Subject: "settings", Message: w.Message, Hint: w.Hint})
	}
	c.Findings = append(c.Findings, r.checkSources()...)
	c.Findings = append(c.Findings,
		checkFolder("work folder", r.Settings.WorkFolder, "WorkFolderPath"),
		checkFolder("temp folder", r.Settings.TempFolder, "TempFolderPath"),
	)
	return c
}

// checkSources tells what the sources of secrets gave.
func (r *Runner) checkSources() (findings []sdk.Finding) {
	for _, source := range r.Settings.Sources() {
		f := sdk.Finding{State: sdk.OK, Subject: source.Kind, Message: source.Address + ": " + source.Message}
		if source.Err != nil {
			f.State, f.Message = sdk.Failed, source.Address+": "+source.Err.Error()
			if problem := fault.Of(source.Err); problem != nil {
				f.Hint = problem.Hint
			}
		}
		findings = append(findings, f)
	}
	return append(findings, endingCertificates(r.Settings, r.Clock.Now())...)
}

// ahead is how long before its end a certificate is warned about.
const ahead = 30 * 24 * time.Hour

// endingCertificates tells which certificates of the sources of secrets end soon, or are over.
func endingCertificates(s *settings.Settings, now time.Time) (findings []sdk.Finding) {
	for _, source := range s.Sources() {
		left := source.Ends.Sub(now)
		if source.Ends.IsZero() || left > ahead {
			continue
		}
		f := sdk.Finding{
			State: sdk.Warned, Subject: source.Kind, Ends: source.Ends, Hint: "Make another one in time, and name it there",
			Message: fmt.Sprintf("The certificate %s ends on %s, in %d days", source.Certificate, source.Ends.Format(time.DateOnly), int(left.Hours()/24)),
		}
		if left <= 0 {
			f.Message = fmt.Sprintf("The certificate %s has ended on %s", source.Certificate, source.Ends.Format(time.DateOnly))
		}
		findings = append(findings, f)
	}
	return findings
}

// checkFolder looks whether a folder takes files and has room for them.
func checkFolder(subject, folder, setting string) sdk.Finding {
	if err := durable.MakeFolder(folder); err != nil {
		return finding(subject, setting, err)
	}
	probe := filepath.Join(folder, ".usher-check")
	file, err := durable.Create(probe)
	if err != nil {
		return finding(subject, setting, err)
	}
	file.Discard()
	free, err := freeSpace(folder)
	switch {
	case err != nil:
		return finding(subject, setting, durable.Fault(err, "ask for the free space of", folder))
	case free < leastSpace:
		return sdk.Finding{
			State: sdk.Failed, Subject: subject, Setting: setting, Hint: "Free some, or name another folder in " + setting,
			Message: fmt.Sprintf("%s has %d MB of free space, too little for an export", folder, free/1e6),
		}
	case free < goodSpace:
		return sdk.Finding{
			State: sdk.Warned, Subject: subject, Setting: setting, Hint: "A large tenant needs some GB; see that it does not run full",
			Message: fmt.Sprintf("%s has %d MB of free space", folder, free/1e6),
		}
	}
	return sdk.Finding{State: sdk.OK, Subject: subject, Message: fmt.Sprintf("%s can be written and has %d GB of free space", folder, free/1e9)}
}

// Free space: an export of a million users with ten million memberships takes about
// 1 GB in the temp folder while it runs, and 200 MB afterwards.
const (
	leastSpace = 100e6
	goodSpace  = 2e9
)

// CheckConnection examines one connection as far as extent says. What is wrong is a
// finding; an error is ctx's.
func (r *Runner) CheckConnection(ctx context.Context, c *settings.Connection, extent sdk.Extent) (Checked, error) {
	checked := Checked{Connection: c.ID}
	report, err := r.check(ctx, c, extent)
	if ctx.Err() != nil {
		return checked, ctx.Err()
	}
	checked.CheckReport = report
	for _, problem := range split(err) {
		checked.Findings = append(checked.Findings, finding("connection", "", problem))
	}
	return checked, nil
}

// check asks the connector; its error tells why that could not be done.
func (r *Runner) check(ctx context.Context, c *settings.Connection, extent sdk.Extent) (sdk.CheckReport, error) {
	connector, err := r.Host.Launch(ctx, c.Connector)
	if err != nil {
		return sdk.CheckReport{}, locate(c, err)
	}
	defer connector.Close()
	request, err := r.resolve(ctx, c, connector.Description)
	if err != nil {
		return sdk.CheckReport{}, err
	}
	var unknown error
	if request.Collections, unknown = collections(c.Mapping, connector.Description); unknown != nil {
		return sdk.CheckReport{}, unknown
	}
	report, err := connector.Check(ctx, sdk.CheckRequest{
		Connection: request.Connection, Extent: extent, Collections: request.Collections, Attributes: request.Attributes,
	})
	for i, f := range report.Findings {
		if f.State == sdk.Failed && f.Setting != "" {
			report.Findings[i].Message = fmt.Sprintf("%s: %s", c.Locate(f.Setting), f.Message)
		}
	}
	program := sdk.Finding{State: sdk.OK, Subject: "connector", Message: fmt.Sprintf("%s %s is genuine and runs", connector.Program.Name, connector.Description.Version)}
	report.Findings = append([]sdk.Finding{program}, report.Findings...)
	return report, err
}

// finding makes a failed finding of an error.
func finding(subject, setting string, err error) sdk.Finding {
	f := sdk.Finding{State: sdk.Failed, Subject: subject, Message: err.Error(), Setting: setting}
	if problem := fault.Of(err); problem != nil {
		f.Message, f.Hint = problem.Error(), problem.Hint
	}
	return f
}

// split takes joined errors apart.
func split(err error) []error {
	switch several, joined := err.(interface{ Unwrap() []error }); {
	case err == nil:
		return nil
	case joined:
		var all []error
		for _, one := range several.Unwrap() {
			all = append(all, split(one)...)
		}
		return all
	}
	return []error{err}
}
