package journal

import (
	"bytes"
	"encoding/binary"
	"maps"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/agent/fulfill/plan"
)

// status is how far an order is.
type status struct {
	State    order.State `json:"state"`
	Intake   uint64      `json:"intake"`
	Phase    plan.Phase  `json:"phase"`
	Pack     uint64      `json:"pack,omitempty"`    // the same for orders that go well together
	Waiting  uint32      `json:"waiting,omitempty"` // orders that have to end before
	Place    uint64      `json:"place"`             // in its lanes: orders queue by it
	Attempts int         `json:"attempts,omitempty"`
	First    time.Time   `json:"first,omitzero"`   // when the first attempt began
	Doom     string      `json:"doom,omitempty"`   // the order that failed, and this one with it
	Sealed   []byte      `json:"sealed,omitempty"` // its secrets, encrypted
	Given    bool        `json:"given,omitempty"`  // its secrets were delivered, of an object that it made
	// Undelivered is why its secrets could not be delivered the last time.
	Undelivered *order.Undelivered `json:"undelivered,omitempty"`
	RetriedBy   string             `json:"retriedBy,omitempty"`
	Retried     time.Time          `json:"retried,omitzero"`
	// Also has further names of the objects that it names, while it holds its places: see plan.Claims.
	Also map[string][]string `json:"also,omitempty"`
}

// identity is what is known of the id of an order.
type identity struct {
	Seq  uint64 `json:"seq"`
	Hash []byte `json:"hash"`
}

// txn is one transaction. Statuses and intakes are read once and written at its end.
type txn struct {
	tx       *bbolt.Tx
	journal  *Journal
	statuses map[uint64]*status
	intakes  map[uint64]*intake
}

func number(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func numbers(a, b uint64) []byte { return binary.BigEndian.AppendUint64(number(a), b) }

// status returns that of an order, to be changed in place; nil if there is none.
func (t *txn) status(seq uint64) (*status, error) {
	if s := t.statuses[seq]; s != nil {
		return s, nil
	}
	key := number(seq)
	value := t.tx.Bucket(statesBucket).Get(key)
	if value == nil {
		return nil, nil
	}
	s := &status{}
	if err := unseal(key, value, s); err != nil {
		return nil, err
	}
	t.keep(seq, s)
	return s, nil
}

// known is status where there has to be one.
func (t *txn) known(seq uint64) (*status, error) {
	s, err := t.status(seq)
	if s == nil && err == nil {
		err = damage("an order has no state")
	}
	return s, err
}

func (t *txn) keep(seq uint64, s *status) {
	if t.statuses == nil {
		t.statuses = map[uint64]*status{}
	}
	t.statuses[seq] = s
}

// intake returns an intake, to be changed in place; nil if there is none.
func (t *txn) intake(n uint64) (*intake, error) {
	if i := t.intakes[n]; i != nil {
		return i, nil
	}
	key := number(n)
	value := t.tx.Bucket(intakesBucket).Get(key)
	if value == nil {
		return nil, nil
	}
	i := &intake{}
	if err := unseal(key, value, i); err != nil {
		return nil, err
	}
	t.keepIntake(i)
	return i, nil
}

// knownIntake is intake where there has to be one.
func (t *txn) knownIntake(n uint64) (*intake, error) {
	i, err := t.intake(n)
	if i == nil && err == nil {
		err = damage("an intake is missing")
	}
	return i, err
}

func (t *txn) keepIntake(i *intake) {
	if t.intakes == nil {
		t.intakes = map[uint64]*intake{}
	}
	t.intakes[i.Number] = i
}

// flush writes what was read and perhaps changed, in the order of keys.
func (t *txn) flush() error {
	for _, seq := range slices.Sorted(maps.Keys(t.statuses)) {
		if err := t.put(statesBucket, number(seq), t.statuses[seq]); err != nil {
			return err
		}
	}
	for _, n := range slices.Sorted(maps.Keys(t.intakes)) {
		if err := t.put(intakesBucket, number(n), t.intakes[n]); err != nil {
			return err
		}
	}
	return nil
}

func (t *txn) put(bucket, key []byte, content any) error {
	value, err := seal(key, content)
	if err != nil {
		return err
	}
	return t.tx.Bucket(bucket).Put(key, value)
}

// mark puts a key that says it all. Its value is not empty, as bbolt may show an empty one as
// none.
func (t *txn) mark(bucket, key []byte) error { return t.tx.Bucket(bucket).Put(key, []byte{0}) }

func (t *txn) drop(bucket, key []byte) error { return t.tx.Bucket(bucket).Delete(key) }

func (t *txn) has(bucket, key []byte) bool { return t.tx.Bucket(bucket).Get(key) != nil }

func (t *txn) isEmpty(bucket []byte) bool {
	key, _ := t.tx.Bucket(bucket).Cursor().First()
	return key == nil
}

// order reads what was asked for; nil if it is forgotten.
func (t *txn) order(seq uint64) (*order.Order, error) {
	key := number(seq)
	value := t.tx.Bucket(ordersBucket).Get(key)
	if value == nil {
		return nil, nil
	}
	o := &order.Order{}
	return o, unseal(key, value, o)
}

// identity looks an order up by its id; nil if there is none.
func (t *txn) identity(id string) (*identity, error) {
	value := t.tx.Bucket(idsBucket).Get([]byte(id))
	if value == nil {
		return nil, nil
	}
	i := &identity{}
	return i, unseal([]byte(id), value, i)
}

// result reads how an order ended; nil if it has not.
func (t *txn) result(seq uint64) (*order.Result, error) {
	key := number(seq)
	value := t.tx.Bucket(resultsBucket).Get(key)
	if value == nil {
		return nil, nil
	}
	r := &order.Result{}
	return r, unseal(key, value, r)
}

// end is the least key that is greater than all that begin with prefix; nil if there is none.
func end(prefix []byte) []byte {
	next := slices.Clone(prefix)
	for i := len(next) - 1; i >= 0; i-- {
		next[i]++
		if next[i] != 0 {
			return next[:i+1]
		}
	}
	return nil
}

// clear deletes all keys of a bucket that begin with prefix.
func (t *txn) clear(bucket, prefix []byte) error {
	c := t.tx.Bucket(bucket).Cursor()
	for key, _ := c.Seek(prefix); bytes.HasPrefix(key, prefix); key, _ = c.Seek(prefix) {
		if err := c.Delete(); err != nil {
			return err
		}
	}
	return nil
}
