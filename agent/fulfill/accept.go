package fulfill

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"

	"github.com/usher-iga/usher/agent/durable"
	"github.com/usher-iga/usher/agent/fulfill/journal"
	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Decoder reads an input and calls emit for each order, in the sequence of the input, each with its
// Place, also of an input that has something wrong elsewhere, so that everything can be told together.
// It returns an error of emit as it is. What is wrong with the input is a fault of code Invalid with an
// [order.Refusal] as cause; name is what the input is called in places. An order's relation to others is not its
// concern.
type Decoder func(name string, r io.Reader, emit func(order.Order) error) error

// Input is one input of orders, such as a file.
type Input struct {
	Source journal.Source
	// Reader is read from its beginning, more than once: everything that is wrong with an input is found
	// before anything of it is written down. nil if Decode reads nothing.
	Reader io.ReadSeeker
	Decode Decoder
}

// read decodes the input. digest is that of its content. What the decoder finds wrong is the refusal,
// which is nil if nothing is; errors are others, and those of emit. fault.Conflict tells that the
// content is not that of Source.Digest.
func (in Input) read(emit func(order.Order) error) (digest string, refusal *order.Refusal, err error) {
	h := sha256.New()
	var content io.Reader
	if in.Reader != nil {
		if _, err := in.Reader.Seek(0, io.SeekStart); err != nil {
			return "", nil, durable.Fault(err, "read", in.Source.Name)
		}
		content = io.TeeReader(in.Reader, h)
	}
	emitted := false // the error is one of emit
	decoded := in.Decode(in.Source.Name, content, func(o order.Order) error {
		err := emit(o)
		emitted = emitted || err != nil
		return err
	})
	if emitted {
		return "", nil, decoded
	}
	if content != nil {
		if _, err := io.Copy(io.Discard, content); err != nil {
			return "", nil, durable.Fault(err, "read", in.Source.Name)
		}
		digest = hex.EncodeToString(h.Sum(nil))
		if in.Source.Digest != "" && digest != in.Source.Digest {
			return "", nil, in.changed()
		}
	}
	if refusal, ok := errors.AsType[*order.Refusal](decoded); ok || !fault.Is(decoded, fault.Invalid) {
		if ok {
			decoded = nil
		}
		return digest, refusal, decoded
	}
	refusal = &order.Refusal{Source: in.Source.Name, Partial: true}
	refusal.Add(order.Problem{Message: decoded.Error(), Hint: fault.Of(decoded).Hint})
	return digest, refusal, nil
}

func (in Input) changed() error {
	return fault.Errorf(fault.Conflict, "the file %s changed while it was read", in.Source.Name).
		WithHint("Write files elsewhere and move them to their place when they are whole")
}

// Accept takes an input into the journal, whole or not at all. An intake beyond a limit is
// held: its State says so, and [Held] makes the error of it.
//
// Something wrong with the input is fault.Invalid with an order.Refusal as cause, and a file that is
// written to meanwhile fault.Conflict. Other errors are those of the connector, of ctx, of the reader and of
// the disk.
func Accept(ctx context.Context, o Options, in Input) (journal.Intake, error) {
	o = o.withDefaults()
	digest, err := screen(ctx, o, in)
	if err != nil {
		return journal.Intake{}, err
	}
	counts := newTally(o)
	receipt, err := o.Journal.Begin(ctx, in.Source, counts.add)
	if err != nil {
		return journal.Intake{}, err
	}
	defer receipt.Discard() //nolint:errcheck // what it leaves is dropped when the journal is opened
	find := &resolver{ctx: ctx, Options: o, next: receipt.Add}
	again, refusal, err := in.read(func(got order.Order) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return find.add(got)
	})
	if err == nil {
		err = find.flush()
	}
	switch {
	case err != nil:
		return journal.Intake{}, err
	case again != digest || refusal != nil: // it had no faults before
		return journal.Intake{}, in.changed()
	}
	return receipt.Accept(ctx, counts.exceeded)
}

// Held is the error of an intake that is held.
func Held(connection string, in journal.Intake) *fault.Error {
	return fault.Errorf(fault.Held, "intake %d of connection %s, %s, is held: %s. None of its orders has begun", in.Number, connection, in.Source.Name, in.Reason).
		WithHint("If it is right, 'usher orders release %[1]s %[2]d' lets it begin; if not, 'usher orders cancel %[1]s %[2]d' drops it", connection, in.Number)
}
