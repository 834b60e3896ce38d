package job

import (
	"cmp"
	"context"
	"errors"
	"os"

	"github.com/usher-iga/usher/agent/audit"
	"github.com/usher-iga/usher/agent/durable"
	"github.com/usher-iga/usher/agent/fulfill/journal"
	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/agent/settings"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// WithOrders calls work with the journal of a connection, named in any case of letters; where there
// is none, with an empty one, of which nothing stays. Errors are those of work, and fault.Conflict while another
// process has the journal, for which it waits some seconds.
func (r *Runner) WithOrders(ctx context.Context, id string, work func(*journal.Journal) error) error {
	connection, err := r.Settings.Connection(id)
	if err != nil {
		return err
	}
	return r.withJournal(ctx, connection, work)
}

// withJournal is [Runner.WithOrders] for a connection.
func (r *Runner) withJournal(ctx context.Context, c *settings.Connection, work func(*journal.Journal) error) (err error) {
	folder := r.Settings.WorkFolder
	stamp, err := journal.StampOf(folder, c.ID)
	if err != nil {
		return err
	}
	if stamp == (journal.Stamp{}) {
		if err := durable.MakeFolder(r.Settings.TempFolder); err != nil {
			return err
		}
		if folder, err = os.MkdirTemp(r.Settings.TempFolder, "orders-"); err != nil {
			return durable.Fault(err, "make a folder in", r.Settings.TempFolder)
		}
		defer func() { err = errors.Join(err, durable.Fault(os.RemoveAll(folder), "delete", folder)) }()
	}
	decisions := &decisions{ctx: ctx, options: audit.Options{WorkFolder: folder, Connection: c.ID, Clock: r.Clock}}
	j, err := r.openJournal(ctx, c, journal.Options{WorkFolder: folder, Wait: patience, Decided: decisions.add})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, j.Close(), decisions.close()) }()
	return work(j)
}

// decisions writes what an operator decides into the audit log, which is opened for the first one.
type decisions struct {
	ctx     context.Context
	options audit.Options
	log     *audit.Log
}

func (d *decisions) add(decision journal.Decision) (err error) {
	if d.log == nil {
		if d.log, err = audit.Open(d.ctx, d.options); err != nil {
			return err
		}
	}
	return d.log.Decide(decision)
}

func (d *decisions) close() error {
	if d.log == nil {
		return nil
	}
	return d.log.Close()
}

// RetryIntake lets the orders of an intake that ended as Errored begin again, and tells how many. Errors
// are those of [journal.Journal.Retry]. An order that cannot be retried keeps no other from it; the error tells the
// first one.
func RetryIntake(ctx context.Context, j *journal.Journal, intake uint64, by string) (retried int, err error) {
	// An order can stand before the one on which it depends, which has to begin again first.
	for before := -1; before < retried; {
		var refused error
		before = retried
		err = j.Results(ctx, intake, func(r order.Result) error {
			if r.State != order.Errored {
				return nil
			}
			err := j.Retry(ctx, r.Order, by)
			switch {
			case err == nil:
				retried++
			case fault.Is(err, fault.Conflict):
				refused = cmp.Or(refused, err)
			default:
				return err
			}
			return nil
		})
		if err != nil || refused == nil {
			return retried, err
		}
		err = refused
	}
	return retried, err
}

// AuditFolder is where the audit log of a connection lies.
func (r *Runner) AuditFolder(id string) (string, error) {
	connection, err := r.Settings.Connection(id)
	if err != nil {
		return "", err
	}
	return audit.Folder(r.Settings.WorkFolder, connection.ID), nil
}
