package change

import (
	"encoding/json"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/usher-iga/usher/connectors/sdk/clock"
)

// fresh remembers what orders have lately made of some properties: those of which a read decides
// what is written next, and may still show what was there before. It is made by newFresh.
type fresh struct {
	clock clock.Clock

	mu     sync.Mutex
	known  map[string]property
	pruned time.Time
}

// property is what is known of one property of an object.
type property struct {
	at      time.Time
	whole   json.RawMessage            // nil: not known
	members map[string]json.RawMessage // written since
}

func newFresh(c clock.Clock) *fresh {
	return &fresh{clock: c, known: map[string]property{}, pruned: c.Now()}
}

func nameOf(id, name string) string { return strings.ToLower(id) + "/" + name }

// wrote notes a new value. Path leads to a property, or to a member of one.
func (f *fresh) wrote(id string, path []string, value json.RawMessage) {
	now := f.clock.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	if now.Sub(f.pruned) > replication {
		maps.DeleteFunc(f.known, func(_ string, p property) bool { return now.Sub(p.at) > replication })
		f.pruned = now
	}
	p := f.known[nameOf(id, path[0])]
	if len(path) == 1 {
		p = property{whole: value}
	} else {
		members := map[string]json.RawMessage{}
		maps.Copy(members, p.members) // which others read
		members[path[1]] = value
		p.members = members
	}
	p.at = now
	f.known[nameOf(id, path[0])] = p
}

// value is what a property has been made lately; ok is false if that is not known as a whole.
func (f *fresh) value(id, name string) (value json.RawMessage, ok bool) {
	p := f.get(id, name)
	return p.whole, p.whole != nil && p.members == nil
}

// over lays what was written lately over what was read of a property.
func (f *fresh) over(id, name string, read json.RawMessage) json.RawMessage {
	p := f.get(id, name)
	if p.whole != nil {
		read = p.whole
	}
	if p.members == nil {
		return read
	}
	members := map[string]json.RawMessage{}
	if err := json.Unmarshal(read, &members); err != nil || members == nil { // nothing, or null
		members = map[string]json.RawMessage{}
	}
	maps.Copy(members, p.members)
	text, err := json.Marshal(members)
	if err != nil {
		return read // JSON is made of JSON
	}
	return text
}

func (f *fresh) get(id, name string) property {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.known[nameOf(id, name)]
	if f.clock.Now().Sub(p.at) > replication {
		return property{}
	}
	return p
}
