package job

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/usher-iga/usher/agent/durable"
	"github.com/usher-iga/usher/agent/fulfill"
	"github.com/usher-iga/usher/agent/fulfill/folder"
	"github.com/usher-iga/usher/agent/fulfill/journal"
	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Fulfilled tells what became of files of orders.
type Fulfilled struct {
	Connection string
	Files      []TakenFile
	Ran        bool // orders were carried out, or looked for
	Run        fulfill.Report
	Warnings   []sdk.Warning
}

// TakenFile is one file of orders.
type TakenFile struct {
	Path    string         // absolute
	Refused error          // why nothing of it was accepted; nil: Intake tells
	Intake  journal.Intake // as it is at the end
}

// Fulfill takes files of orders and carries out what they ask for, and what is left of earlier ones.
// by is who asks, for orders that do not say it. progress, if not nil, is told how far it is. Each
// file is accepted whole or refused whole; how its orders ended is written beside it. Without files it
// carries out what is left.
//
// A file that is refused or held and orders that fail are no error; the result tells them. Errors are
// faults: fault.Conflict while another process carries out orders of the connection, and those of
// settings, connector and sign-in, of the disk and of ctx. Orders that were accepted then are carried
// out by the next call.
func (r *Runner) Fulfill(ctx context.Context, id string, files []string, by string, progress func(fulfill.Snapshot)) (done Fulfilled, err error) {
	if files, err = absolute(files); err != nil {
		return done, err
	}
	f, err := r.openFulfillment(ctx, id)
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	return f.fulfill(ctx, files, by, progress)
}

// fulfill is [Runner.Fulfill] for files by their absolute paths.
func (f *fulfillment) fulfill(ctx context.Context, files []string, by string, progress func(fulfill.Snapshot)) (done Fulfilled, err error) {
	done.Connection, done.Warnings = f.connection.ID, f.warnings
	accepted := len(files) == 0
	for _, path := range files {
		taken, err := f.take(ctx, path, by)
		if err != nil {
			return done, errors.Join(err, f.conclude(ctx, &done))
		}
		done.Files = append(done.Files, taken)
		accepted = accepted || taken.Refused == nil
	}
	if !accepted {
		return done, nil
	}
	done.Ran = true
	done.Run, err = f.run(ctx, progress)
	done.Warnings = append(done.Warnings, notDelivered(done.Run)...)
	return done, errors.Join(locate(f.connection, err), f.conclude(ctx, &done))
}

// absolute checks that the files are there, before anything is taken.
func absolute(files []string) ([]string, error) {
	all := make([]string, len(files))
	for i, file := range files {
		path, err := filepath.Abs(file)
		if err != nil {
			return nil, fault.Errorf(fault.Storage, "find %s: %w", file, err)
		}
		switch info, err := os.Stat(path); {
		case errors.Is(err, fs.ErrNotExist):
			return nil, fault.Errorf(fault.Invalid, "there is no file %s", path).WithHint("Correct its name")
		case err != nil:
			return nil, durable.Fault(err, "read", path)
		case !info.Mode().IsRegular():
			return nil, fault.Errorf(fault.Invalid, "%s is not a file", path).
				WithHint("Name files; 'usher fulfill CONNECTION --watch' takes those of a folder")
		}
		all[i] = path
	}
	return all, nil
}

// take brings a file into the journal, or writes down why it is refused.
func (f *fulfillment) take(ctx context.Context, path, by string) (TakenFile, error) {
	taken := TakenFile{Path: path}
	in, file, err := f.input(path)
	if err != nil {
		return taken, err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return taken, durable.Fault(err, "read", path)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return taken, durable.Fault(err, "read", path)
	}
	in.Source.RequestedBy, in.Source.Digest = by, hex.EncodeToString(hash.Sum(nil))
	taken.Intake, err = f.accept(ctx, in)
	if _, refused := errors.AsType[*order.Refusal](err); !refused {
		return taken, err
	}
	taken.Refused = err
	return taken, fulfill.WriteRefusal(path, f.connection.ID, path, err)
}

// input is a file of orders, open. Close it.
func (f *fulfillment) input(path string) (fulfill.Input, *os.File, error) {
	file, err := os.Open(path)
	if err != nil {
		return fulfill.Input{}, nil, durable.Fault(err, "read", path)
	}
	return fulfill.Input{Source: journal.Source{Name: path}, Reader: file, Decode: f.decode}, file, nil
}

// conclude writes how the orders of the files ended, or how far they are, and forgets what is old. It
// does so also after ctx has ended.
func (f *fulfillment) conclude(ctx context.Context, done *Fulfilled) error {
	ctx = context.WithoutCancel(ctx)
	err := errors.Join(f.reportFiles(ctx), f.reportWatched(ctx))
	for i := range done.Files {
		file := &done.Files[i]
		if file.Refused != nil {
			continue
		}
		in, intakeErr := f.journal.Intake(file.Intake.Number)
		if intakeErr != nil {
			return errors.Join(err, intakeErr)
		}
		file.Intake = in
		if !in.Complete() { // what has ended was written above
			err = errors.Join(err, fulfill.WriteResults(ctx, f.journal, in.Number, file.Path))
		}
	}
	return errors.Join(err, f.forget(ctx))
}

// forget forgets what was asked for so long ago that nobody wants to know.
func (f *fulfillment) forget(ctx context.Context) error {
	return f.journal.Compact(ctx, f.runner.Clock.Now().Add(-f.connection.Fulfillment.Retention))
}

// reportWatched is reportFiles for those of the watched folder, which then move.
func (f *fulfillment) reportWatched(ctx context.Context) error {
	intakes, err := f.journal.Unreported()
	if err != nil || !slices.ContainsFunc(intakes, func(in journal.Intake) bool { return in.Complete() && in.Source.Watched }) {
		return err
	}
	watched, err := folder.New(folder.Options{Path: f.connection.Fulfillment.OrdersFolder})
	if err != nil {
		return err
	}
	return watched.Report(ctx, f.journal)
}

// reportFiles writes the results of the files all of whose orders have ended, but for those of the watched folder.
func (f *fulfillment) reportFiles(ctx context.Context) error {
	intakes, err := f.journal.Unreported()
	for _, in := range intakes {
		if !in.Complete() || in.Source.Watched {
			continue
		}
		if filepath.IsAbs(in.Source.Name) { // an action has no file
			if e := fulfill.WriteResults(ctx, f.journal, in.Number, in.Source.Name); e != nil {
				if _, missing := os.Stat(filepath.Dir(in.Source.Name)); !errors.Is(missing, fs.ErrNotExist) {
					err = cmp.Or(err, f.unwritten(e))
					continue
				}
				// Its folder is gone, and with it who would read them.
			}
		}
		if e := f.journal.Reported(in.Number); e != nil {
			err = cmp.Or(err, e)
		}
	}
	return err
}

// unwritten says of results that could not be written how to get them.
func (f *fulfillment) unwritten(err error) error {
	cause := fault.Of(err)
	if cause == nil || cause.Hint != "" {
		return err
	}
	with := *cause
	return with.WithHint("Put away what is in its place; then 'usher fulfill %s' writes the results", f.connection.ID)
}

// Plan tells what would become of files of orders, by reading only; emit gets each order with what it
// would change, in the sequence of the files. Nothing changes, neither in the target system nor in the
// journal. A file that would be refused or held is no error; the result tells it, with intakes that have
// no number. Errors are those of [Runner.Fulfill] and of emit.
func (r *Runner) Plan(ctx context.Context, id string, files []string, emit func(fulfill.Previewed) error) (planned []TakenFile, err error) {
	if files, err = absolute(files); err != nil {
		return nil, err
	}
	f, err := r.prepareFulfillment(ctx, id)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	err = r.withJournal(ctx, f.connection, func(j *journal.Journal) error {
		f.journal = j
		defer func() { f.journal = nil }()
		planned, err = f.plan(ctx, files, emit)
		return err
	})
	return planned, err
}

// plan is [Runner.Plan] for files by their absolute paths.
func (f *fulfillment) plan(ctx context.Context, files []string, emit func(fulfill.Previewed) error) (planned []TakenFile, err error) {
	o := f.options()
	if o.Known, err = f.known(ctx); err != nil {
		return nil, err
	}
	rehearsal, err := fulfill.Rehearse(o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rehearsal.Close()) }()
	for _, path := range files {
		in, file, err := f.input(path)
		if err != nil {
			return nil, err
		}
		would := TakenFile{Path: path}
		would.Intake, err = rehearsal.Input(ctx, in, emit)
		if _, refused := errors.AsType[*order.Refusal](err); refused {
			would.Refused, err = err, nil
		}
		if err := errors.Join(err, durable.Fault(file.Close(), "read", path)); err != nil {
			return nil, locate(f.connection, err)
		}
		planned = append(planned, would)
	}
	return planned, nil
}
