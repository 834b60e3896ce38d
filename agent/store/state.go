package store

import (
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/usher-iga/usher/agent/store/setfile"
)

// formatVersion is that of the whole store. A store of a later one is refused. What
// one of format 1 knows is of no world: what worlds and values were made of is another
// thing since then, so its connection is exported completely once.
const formatVersion = 2

// state is what the store knows, without the keys of the sets: one record, so that
// one checksum covers it whole.
type state struct {
	Version    int                  `json:"version"`
	Generation uint64               `json:"generation"` // counts the runs that were committed
	Files      uint64               `json:"files"`      // number of the last set file
	World      World                `json:"world"`
	Cookies    []cookie             `json:"cookies"` // sorted
	Sets       map[string]set       `json:"sets"`
	Held       map[string]*prepared `json:"held"` // by run
}

// set is where the keys of a set are.
type set struct {
	Base    *setfile.Info `json:"base"`    // nil: no file
	Overlay tally         `json:"overlay"` // of its changes in the database
	Keys    int64         `json:"keys"`    // in all
}

// tally is a checksum of keys and values in any order.
type tally struct {
	Entries int64  `json:"entries"`
	Sum     uint64 `json:"sum"`
}

// cookie is a [Cookie] as it is stored.
type cookie struct {
	Entity   string    `json:"entity"`
	Hash     []byte    `json:"hash"`
	Text     []byte    `json:"text"` // bytes, as JSON would change a text that is not UTF-8
	Obtained time.Time `json:"obtained"`
	Listed   time.Time `json:"listed,omitzero"`
	Run      string    `json:"run"`
	Basis    string    `json:"basis,omitempty"`
}

// prepared is the content of a commit.
type prepared struct {
	Generation uint64            `json:"generation"` // on which it was built
	World      *World            `json:"world,omitempty"`
	Cookies    []cookie          `json:"cookies,omitempty"` // Text nil: deleted
	Sets       map[string]newsOf `json:"sets,omitempty"`
	Run        *Run              `json:"run,omitempty"`
}

// newsOf is what a commit does to a set.
type newsOf struct {
	Kind kind          `json:"kind"`
	File *setfile.Info `json:"file,omitempty"` // the new base, or the sorted changes
}

// kind is a way to change a set.
type kind string

const (
	replaced kind = "replaced"
	changed  kind = "changed"
	dropped  kind = "dropped"
)

// clone copies a state so that a commit can change it; what it holds by pointer is
// never changed.
func (s *state) clone() *state {
	c := *s
	c.Cookies = slices.Clone(s.Cookies)
	c.Sets, c.Held = map[string]set{}, map[string]*prepared{}
	maps.Copy(c.Sets, s.Sets)
	maps.Copy(c.Held, s.Held)
	return &c
}

// files gives the set files that the state needs.
func (s *state) files() iter.Seq[setfile.Info] {
	return func(yield func(setfile.Info) bool) {
		for _, known := range s.Sets {
			if known.Base != nil && !yield(*known.Base) {
				return
			}
		}
		for _, held := range s.Held {
			for _, news := range held.Sets {
				if news.File != nil && !yield(*news.File) {
					return
				}
			}
		}
	}
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// add counts an entry in, remove counts it out.
func (t *tally) add(key, value []byte) {
	t.Entries++
	t.Sum += uint64(checksum(key, value))
}

func (t *tally) remove(key, value []byte) {
	t.Entries--
	t.Sum -= uint64(checksum(key, value))
}

func checksum(key, value []byte) uint32 {
	var length [4]byte // so that key and value cannot be parted elsewhere
	binary.LittleEndian.PutUint32(length[:], uint32(len(key)))
	sum := crc32.Update(crc32.Checksum(length[:], castagnoli), castagnoli, key)
	return crc32.Update(sum, castagnoli, value)
}

// seal makes the value of a record in the database: the checksum of key and content,
// and the content as JSON.
func seal(key []byte, content any) ([]byte, error) {
	text, err := json.Marshal(content)
	if err != nil {
		return nil, err
	}
	return append(binary.LittleEndian.AppendUint32(nil, checksum(key, text)), text...), nil
}

// unseal gives the JSON of a record; false if it is not what was written.
func unseal(key, value []byte) ([]byte, bool) {
	if len(value) < 4 || binary.LittleEndian.Uint32(value) != checksum(key, value[4:]) {
		return nil, false
	}
	return value[4:], true
}
