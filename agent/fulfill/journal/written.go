package journal

import "time"

// written is when an order that has ended last wrote to the target system, or may have.
type written struct {
	At time.Time `json:"at"`
}

var writtenKey = []byte("written")

// LastWrite is when an order last wrote to the target system, or may have; zero: never. Of orders that were
// started and have not ended nobody knows: they may have written until this moment. So ask before Start.
// Errors are fault.Storage.
func (j *Journal) LastWrite() (time.Time, error) {
	var last written
	err := j.view(func(t *txn) error {
		if !t.isEmpty(startedBucket) {
			last.At = j.now()
			return nil
		}
		value := t.tx.Bucket(metaBucket).Get(writtenKey)
		if value == nil {
			return nil
		}
		return unseal(writtenKey, value, &last)
	})
	return last.At, err
}

// written notes that some of the orders that end now have written, if so.
func (t *txn) written(all []Finished) error {
	for _, f := range all {
		if f.Wrote {
			return t.put(metaBucket, writtenKey, written{At: t.journal.now()})
		}
	}
	return nil
}
