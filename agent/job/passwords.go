package job

import (
	"context"
	"errors"

	"github.com/usher-iga/usher/agent/fulfill/journal"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Notify sends the password of an order that could not be sent before, to another address if email is not empty. by is
// who asks for that.
//
// Errors are those of [journal.Journal.Readdress], fault.Conflict while another process has the journal, those of the
// settings of passwords, and those of sending: then the password is kept, and the next run sends it to that address.
func (r *Runner) Notify(ctx context.Context, id, orderID, email, by string) error {
	c, err := r.Settings.Connection(id)
	if err != nil {
		return err
	}
	keeper, err := r.passwordKeeper(c)
	if err != nil {
		return err
	}
	if keeper == nil {
		return fault.Errorf(fault.Invalid, "the password of order %s cannot be opened: the settings name no certificate", orderID).
			WithSetting("EncryptionCertificate").WithHint("Set up EncryptionCertificate again, as it was when the order came")
	}
	return r.withJournal(ctx, c, func(j *journal.Journal) error {
		owed, err := j.OwedOf(orderID)
		if err != nil {
			return err
		}
		if email != "" {
			err := j.Readdress(orderID, by, func(of journal.Owed) (sealed []byte, err error) {
				sealed, err = keeper.Readdress(of, email)
				owed.Sealed = sealed
				return sealed, err
			})
			if err != nil {
				return err
			}
		}
		if err := keeper.Deliver(ctx, owed); err != nil {
			return errors.Join(err, j.NotDelivered(owed.Seq, err))
		}
		return j.Delivered(owed.Seq)
	})
}
