package job

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/usher-iga/usher/agent/durable"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// askAgain is how old what is known of a connection's credentials may be.
const askAgain = 24 * time.Hour

// askFor is how long the question may take: a run does not wait for a tenant that is
// throttled or away.
const askFor = 15 * time.Second

// endings remembers which credentials of a connection end soon or are over, so that
// the target system is asked once a day.
type endings struct {
	Checked time.Time `json:"checked"`
	// Credentials is a mark of those that were in use then: others are asked about anew. It is
	// too short to guess them by.
	Credentials string   `json:"credentials"`
	Warnings    []ending `json:"warnings"`
}

// mark gives the mark of a connection's credentials.
func mark(c sdk.Connection) string {
	hash := sha256.New()
	for _, values := range []map[string]string{c.Settings, c.Secrets} {
		for _, name := range slices.Sorted(maps.Keys(values)) {
			fmt.Fprintf(hash, "%q%q", name, values[name]) // a hash never fails
		}
	}
	return hex.EncodeToString(hash.Sum(nil)[:3])
}

type ending struct {
	Message string    `json:"message"`
	Hint    string    `json:"hint,omitempty"`
	Ends    time.Time `json:"ends"`
}

// endingCredentials tells which credentials end soon, for the report of a run. ask is
// called at most once a day for the same credentials; what it finds is remembered in the
// work folder. An answer that cannot be had is no warning: the run itself tells what is
// wrong with the sign-in.
func (r *Runner) endingCredentials(ctx context.Context, c sdk.Connection, ask func(context.Context) (sdk.CheckReport, error)) ([]sdk.Warning, error) {
	file := filepath.Join(r.Settings.WorkFolder, "Credentials", strings.ToLower(c.ID)+".json")
	known := readEndings(file)
	now := r.Clock.Now()
	if age := now.Sub(known.Checked); age < 0 || age >= askAgain || known.Credentials != mark(c) {
		limited, cancel := context.WithTimeout(ctx, askFor)
		report, err := ask(limited)
		cancel()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			r.Logger.Warn("nobody knows when the credentials end: the target system could not be asked", "connection", c.ID, "error", err)
		}
		known = endings{Checked: now, Credentials: mark(c)}
		for _, f := range report.Findings {
			if f.State == sdk.Warned && !f.Ends.IsZero() {
				known.Warnings = append(known.Warnings, ending{f.Message, f.Hint, f.Ends})
			}
		}
		if err := known.write(file); err != nil {
			return nil, err
		}
	}
	var warnings []sdk.Warning
	for _, e := range known.Warnings {
		warnings = append(warnings, sdk.Warning{Message: e.Message, Hint: e.Hint})
	}
	return warnings, nil
}

// readEndings gives nothing for a file that is missing or no use: it is written anew then.
func readEndings(file string) (e endings) {
	text, err := os.ReadFile(file)
	if err != nil || json.Unmarshal(text, &e) != nil {
		return endings{}
	}
	return e
}

func (e endings) write(file string) error {
	text, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return fault.Errorf(fault.Internal, "write %s: %w", file, err)
	}
	if err := durable.MakeFolder(filepath.Dir(file)); err != nil {
		return err
	}
	return durable.WriteFile(file, text)
}
