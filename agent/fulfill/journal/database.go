package journal

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"runtime/debug"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/usher-iga/usher/agent/durable"
	"github.com/usher-iga/usher/agent/store/boltcheck"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// formatVersion is that of the whole journal. One of a later version is refused.
const formatVersion = 1

// The buckets. seq is the number of an order, in the sequence of intake; numbers are big endian.
var (
	metaBucket    = []byte("meta")    // metaKey → meta, writtenKey → written
	intakesBucket = []byte("intakes") // number → intake
	itemsBucket   = []byte("items")   // intake, position → seq
	ordersBucket  = []byte("orders")  // seq → the order as it was asked for; dropped in time
	statesBucket  = []byte("states")  // seq → status
	resultsBucket = []byte("results") // seq → order.Result
	idsBucket     = []byte("ids")     // id of an order → identity

	// What waits for what.
	exclusiveBucket = []byte("exclusive") // token, place → seq, and the id of an order that makes the object
	sharedBucket    = []byte("shared")    // token, place → seq, and 1 if the object only has to be there, else 0
	edgesBucket     = []byte("edges")     // seq, seq that waits for it → 1 if it fails with it, else 0
	namesBucket     = []byte("names")     // token of a name → seq of an order that has ended, and another name of the same object
	missingBucket   = []byte("missing")   // id that no order has yet, 0, seq that wants it → nothing; of one intake
	freedBucket     = []byte("freed")     // seq that has ended, and whose edges are still there → nothing

	// What to do next.
	openingBucket = []byte("opening") // intake whose orders are not all in ready yet → nothing
	readyBucket   = []byte("ready")   // phase, intake, pack, seq → nothing
	startedBucket = []byte("started") // seq → nothing
	owedBucket    = []byte("owed")    // seq whose secrets are to be delivered → nothing
	watchBucket   = []byte("watch")   // seq, intake that repeats it → nothing

	unreportedBucket = []byte("unreported") // accepted intake whose results were not handed over → nothing
)

var metaKey = []byte("meta")

func buckets() [][]byte {
	return [][]byte{
		metaBucket, intakesBucket, itemsBucket, ordersBucket, statesBucket, resultsBucket, idsBucket,
		exclusiveBucket, sharedBucket, namesBucket, edgesBucket, missingBucket, freedBucket,
		openingBucket, readyBucket, startedBucket, owedBucket, watchBucket, unreportedBucket,
	}
}

// meta is about the journal as a whole.
type meta struct {
	Version int `json:"version"`
}

// foreign is how long bbolt waits for its own lock: one attempt, as only a program that
// ignores ours, such as a tool of bbolt, can hold it.
const foreign = time.Millisecond

func openBolt(path string) (*bbolt.DB, error) {
	return bbolt.Open(path, durable.FileMode, &bbolt.Options{
		Timeout: foreign, FreelistType: bbolt.FreelistArrayType,
	})
}

// create makes an empty journal. It gets its name when it is whole: bbolt does not survive a
// power cut while it makes a file.
func (j *Journal) create() error {
	if err := j.step("create"); err != nil {
		return err
	}
	db, err := openBolt(j.path(newName))
	if err != nil {
		return durable.Fault(err, "create", j.path(fileName))
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range buckets() {
			if _, err := tx.CreateBucket(name); err != nil {
				return err
			}
		}
		value, err := seal(metaKey, meta{Version: formatVersion})
		if err != nil {
			return err
		}
		return tx.Bucket(metaBucket).Put(metaKey, value)
	})
	if err := errors.Join(err, db.Close()); err != nil {
		return durable.Fault(err, "create", j.path(fileName))
	}
	if err := j.step("name"); err != nil {
		return err
	}
	return durable.Rename(j.path(newName), j.path(fileName))
}

// openDatabase opens the file and looks whether this release understands it.
func (j *Journal) openDatabase() error {
	path := j.path(j.file)
	why, err := boltcheck.Check(path)
	if err != nil {
		return err
	}
	if why != "" {
		return damage(why)
	}
	var m meta
	err = guard(func() (err error) {
		if j.db, err = openBolt(path); err != nil {
			return err
		}
		return j.db.View(func(tx *bbolt.Tx) error {
			b := tx.Bucket(metaBucket)
			if b == nil {
				return damage("it has no bucket meta")
			}
			if err := unseal(metaKey, b.Get(metaKey), &m); err != nil || m.Version > formatVersion {
				return err
			}
			for _, name := range buckets() {
				if tx.Bucket(name) == nil {
					return damage("it has no bucket " + string(name))
				}
			}
			return nil
		})
	})
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return fault.Errorf(fault.Conflict, "the file %s is open in another program", path).WithHint("Close that program")
	case err != nil:
		return j.failed("open", err)
	case m.Version > formatVersion:
		return fault.Errorf(fault.Storage, "the journal %s of connection %s was written by a later release of Usher: it has format %d; this release knows formats up to %d",
			j.folder, j.options.Connection, m.Version, formatVersion).
			WithHint("Use that release; orders must not be forgotten")
	}
	return nil
}

// damage says what is wrong with the file.
type damage string

func (d damage) Error() string { return string(d) }

// guard runs what reads the database. A disk that fails under what bbolt has mapped into memory
// is a fault of the processor, or a panic of bbolt. Here that becomes an error.
func guard(work func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = damage(fmt.Sprint(p))
		}
	}()
	return work()
}

// explain tells what to do about damage.
func (j *Journal) explain(err error) error {
	if d, ok := errors.AsType[damage](err); ok && fault.Of(err) == nil {
		return fault.Errorf(fault.Storage, "the journal of connection %s is damaged: %s: %w", j.options.Connection, j.path(j.file), d).
			WithHint("Bring the folder %s back from a backup. Without one, move it aside: which of the orders in it were carried out is then known to the target system only", j.folder)
	}
	return err
}

func (j *Journal) failed(doing string, err error) error {
	return durable.Fault(j.explain(err), doing, j.path(j.file))
}

// usable tells why the database cannot be used, if so; mu is held.
func (j *Journal) usable() error {
	if j.broken != nil {
		return j.broken
	}
	if j.db == nil {
		return fault.Errorf(fault.Internal, "the journal of connection %s is closed", j.options.Connection)
	}
	return nil
}

// view reads the journal.
func (j *Journal) view(work func(t *txn) error) error {
	j.mu.RLock()
	defer j.mu.RUnlock()
	if err := j.usable(); err != nil {
		return err
	}
	err := guard(func() error {
		return j.db.View(func(tx *bbolt.Tx) error { return work(&txn{tx: tx, journal: j}) })
	})
	return j.explain(err)
}

// update changes the journal in one transaction. After an error of work nothing has changed;
// after another one nobody knows, and the journal is of no use until it is opened again.
func (j *Journal) update(step string, work func(t *txn) error) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.usable(); err != nil {
		return err
	}
	if err := j.step(step); err != nil {
		return err
	}
	committing := false
	err := guard(func() error {
		return j.db.Update(func(tx *bbolt.Tx) error {
			t := &txn{tx: tx, journal: j}
			if err := work(t); err != nil {
				return err
			}
			if err := t.flush(); err != nil {
				return err
			}
			committing = true
			return nil
		})
	})
	if err != nil {
		err = j.failed("write", err)
		if committing {
			j.broken = err
		}
		return err
	}
	if j.updates++; j.updates%releasedAfter == 0 {
		return guard(func() error { return unmap(j.db) })
	}
	return nil
}

// releasedAfter is after how many transactions for writing mapped memory is given back. Who reads much
// calls release.
const releasedAfter = 4

// release gives mapped memory back, for who reads much.
func (j *Journal) release() error {
	j.mu.RLock()
	defer j.mu.RUnlock()
	if err := j.usable(); err != nil {
		return err
	}
	return j.explain(guard(func() error { return unmap(j.db) }))
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// seal makes the value of a record: the checksum of key and content, and the content as
// JSON.
func seal(key []byte, content any) ([]byte, error) {
	text, err := json.Marshal(content)
	if err != nil {
		return nil, err
	}
	return append(binary.LittleEndian.AppendUint32(nil, checksum(key, text)), text...), nil
}

// unseal reads a record; content stays as it was if there is none.
func unseal(key, value []byte, content any) error {
	if len(value) < 4 || binary.LittleEndian.Uint32(value) != checksum(key, value[4:]) {
		return damage("a record does not have the checksum that it was written with")
	}
	if err := json.Unmarshal(value[4:], content); err != nil {
		return damage("a record cannot be read: " + err.Error())
	}
	return nil
}

func checksum(key, value []byte) uint32 {
	var length [4]byte // so that key and value cannot be parted elsewhere
	binary.LittleEndian.PutUint32(length[:], uint32(len(key)))
	sum := crc32.Update(crc32.Checksum(length[:], castagnoli), castagnoli, key)
	return crc32.Update(sum, castagnoli, value)
}
