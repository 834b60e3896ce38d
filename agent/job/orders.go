package job

import (
	"cmp"
	"context"
	"errors"

	"github.com/usher-iga/usher/agent/audit"
	"github.com/usher-iga/usher/agent/fulfill/journal"
	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// WithOrders calls work with the journal of a connection, named in any case of letters. Errors are
// those of work, and fault.Conflict while another process has the journal.
func (r *Runner) WithOrders(ctx context.Context, id string, work func(*journal.Journal) error) (err error) {
	connection, err := r.Settings.Connection(id)
	if err != nil {
		return err
	}
	j, err := r.openJournal(ctx, connection)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	return work(j)
}

// RetryIntake lets the orders of an intake that ended as Errored begin again, and tells how many. Errors
// are those of [journal.Journal.Retry]. An order that cannot be retried keeps no other from it; the error tells the
// first one.
func RetryIntake(ctx context.Context, j *journal.Journal, intake uint64) (retried int, err error) {
	// An order can stand before the one on which it depends, which has to begin again first.
	for before := -1; before < retried; {
		var refused error
		before = retried
		err = j.Results(ctx, intake, func(r order.Result) error {
			if r.State != order.Errored {
				return nil
			}
			err := j.Retry(ctx, r.Order)
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
