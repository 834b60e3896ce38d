package export

import (
	"context"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/usher-iga/usher/agent/export/csvfile"
	"github.com/usher-iga/usher/agent/export/ledger"
	"github.com/usher-iga/usher/agent/export/publish"
	"github.com/usher-iga/usher/agent/spool"
	"github.com/usher-iga/usher/agent/store"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/clock"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Source is where rows come from: a running connector.
type Source interface {
	// Export is sdk.Exporter.Export.
	Export(ctx context.Context, req sdk.ExportRequest, sink sdk.Sink) error
}

// Options say what to export, from where, and into which files. Connection, RunID,
// Request, Columns, CSV.Delimiter, Folders.Temp, Folders.Work, Source and Clock are
// obligatory.
type Options struct {
	Connection string // its name; files are named after it
	RunID      string // see NewRunID
	Request    sdk.ExportRequest
	Columns    []Column
	CSV        CSV
	Folders    Folders
	Source     Source
	Clock      clock.Clock
	Logger     hclog.Logger // nil: silent
	Usher      string       // version of the agent, for the manifest

	// Complete asks for everything, whatever is known: it is somebody's decision, so
	// thresholds do not hold, another world is replaced, and so is a run that is held.
	Complete bool
	// WithoutCookies asks for everything too, as the settings do: it decides nothing.
	WithoutCookies bool
	// World is what is exported: what is known of one never meets what is known of
	// another.
	World store.World
	// MaxCookieAge is how old cookies may be without a warning: the system forgets them
	// at some time, and each run renews them all. 0: any age.
	MaxCookieAge time.Duration
	Thresholds   Thresholds
	// Warnings are what was found before the run; its report begins with them.
	Warnings []sdk.Warning

	// Progress is told how far the run is, a few times a second at most and once a
	// second at least, from one goroutine. The run does not wait for it, except at its
	// end. May be nil.
	Progress func(Snapshot)

	Spool spool.Options

	// Cut is for crash tests: it is called before each step that changes the disk,
	// and an error of it fails the step. Files are written side by side, so calls are
	// too.
	Cut func(step string) error
}

// Folders are absolute paths. Missing ones are made.
type Folders struct {
	Temp   string // spool
	Work   string // locks, and what is known
	Output string // published files; empty: ExportOutput in Temp
}

// CSV is how the files are written.
type CSV struct {
	Delimiter      rune
	ValueSeparator string // between the values of a multi-valued attribute
	TypePrefix     string // before the value of @odata.type, such as "#microsoft.graph."; empty: the bare name
}

// Column is a column of the objects file.
type Column struct {
	Name string // in the header
	From int    // position in Request.Attributes, or FromID
}

// FromID is the Column.From of the object's id.
const FromID = -1

// typeColumn is always there, after Command.
const typeColumn = "@odata.type"

// NewRunID makes the name of a run: names of later runs sort behind. random gives
// what keeps apart those of one second.
func NewRunID(now time.Time, random io.Reader) (string, error) {
	const letters = "0123456789abcdefghjkmnpqrstvwxyz" // 32 that are not mistaken for each other
	suffix := make([]byte, 6)
	if _, err := io.ReadFull(random, suffix); err != nil {
		return "", fault.Errorf(fault.Internal, "make the id of a run: %w", err)
	}
	for i, b := range suffix {
		suffix[i] = letters[b%32]
	}
	return now.UTC().Format("20060102T150405Z") + "-" + string(suffix), nil
}

// plan is a checked Options with what follows from it.
type plan struct {
	Options
	dialect *csvfile.Dialect
	columns []Column // without @odata.type
}

// check refuses what would go wrong later, as fault.Invalid.
func (o Options) check() (*plan, error) {
	for _, name := range []struct{ what, name string }{{"connection", o.Connection}, {"run", o.RunID}} {
		if !publish.IsPlainName(name.name) {
			return nil, fault.Errorf(fault.Invalid, "the %s %q cannot be part of a file name", name.what, name.name).
				WithHint("Choose a name without any of / \\ :")
		}
	}
	dialect, err := csvfile.NewDialect(o.CSV.Delimiter)
	if err != nil {
		return nil, err
	}
	if o.Logger == nil {
		o.Logger = hclog.NewNullLogger()
	}
	if o.Folders.Output == "" {
		o.Folders.Output = Output(o.Folders.Temp)
	}
	p := &plan{Options: o, dialect: dialect}
	for _, c := range o.Columns {
		if c.From < FromID || c.From >= len(o.Request.Attributes) {
			return nil, fault.Errorf(fault.Internal, "column %q of connection %s is of attribute %d, and there are %d",
				c.Name, o.Connection, c.From, len(o.Request.Attributes))
		}
		if c.Name != typeColumn {
			p.columns = append(p.columns, c)
		}
	}
	return p, p.checkNames()
}

// Output is the folder of the published files unless options name another.
func Output(temp string) string { return filepath.Join(temp, "ExportOutput") }

// ledger says where the published files and what is known are.
func (p *plan) ledger() ledger.Options {
	return ledger.Options{
		Connection: p.Connection, Run: p.RunID, Work: p.Folders.Work, Output: p.Folders.Output, Clock: p.Clock, Cut: p.Cut,
	}
}

// checkNames refuses names that make no file name, and two of one name.
func (p *plan) checkNames() error {
	seen := map[string]bool{} // in lower case: on Windows they would be one file
	for _, c := range p.Request.Collections {
		if c.Cookie != "" {
			return fault.Errorf(fault.Internal, "the export of connection %s was given a cookie for %q: cookies are in the store", p.Connection, c.Entity)
		}
		names := []string{c.Entity}
		for _, navigation := range c.Navigations {
			names = append(names, p.linksFile(c.Entity, navigation))
		}
		for _, name := range names {
			if !publish.IsPlainName(name) {
				return fault.Errorf(fault.Invalid, "connection %s asks for %q, which cannot be part of a file name", p.Connection, name).
					WithHint("Correct the names of entities and navigations in EntityTypeMapping")
			}
			key := strings.ToLower(name)
			if seen[key] {
				return fault.Errorf(fault.Invalid, "connection %s asks for %q twice", p.Connection, name).
					WithHint("Name each entity and each navigation once in EntityTypeMapping")
			}
			seen[key] = true
		}
	}
	return nil
}

func (p *plan) objectsFile() string { return p.Connection + "_directoryobjects.csv" }

func (p *plan) linksFile(entity, navigation string) string {
	return p.Connection + "_" + navigation + "_" + entity + ".csv"
}

// spoolFolder is the connection's own, in lower case as connection names are the
// same in any case.
func (p *plan) spoolFolder() string {
	return filepath.Join(p.Folders.Temp, "Spool", strings.ToLower(p.Connection))
}
