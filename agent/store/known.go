package store

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/usher-iga/usher/agent/secret"
)

// World is what everything known depends on, such as the tenant and its address:
// what is known of one world must never meet what is known of another. The zero
// World is that of an empty store.
type World struct {
	Hash [32]byte `json:"hash"`
	Text string   `json:"text"` // for people, such as "tenant contoso.com at graph.microsoft.com"
}

// Cookie is the place in a system's changes from which the next run goes on with an
// entity.
type Cookie struct {
	Entity string
	// Hash is of what the cookie depends on: tenant, base URL, selected attributes,
	// navigations, scope. A cookie of another hash is of no use.
	Hash     [32]byte
	Text     secret.String // as the system gave it
	Obtained time.Time
	// Listed is when the run started that made everything of the entity known, with what
	// Hash is of. A cookie from before it may be of something else.
	Listed time.Time
	Run    string // on whose set the next one goes on
	// Basis is what Hash is of, in a form that who made it can read. It is no secret.
	Basis string
}

func (c Cookie) stored() cookie {
	return cookie{c.Entity, c.Hash[:], []byte(c.Text.Reveal()), c.Obtained, c.Listed, c.Run, c.Basis}
}

func (c cookie) public() Cookie {
	p := Cookie{
		Entity: c.Entity, Text: secret.New(string(c.Text)), Obtained: c.Obtained, Listed: c.Listed, Run: c.Run, Basis: c.Basis,
	}
	copy(p.Hash[:], c.Hash)
	return p
}

func compareCookies(a, b cookie) int {
	return cmp.Or(cmp.Compare(a.Entity, b.Entity), bytes.Compare(a.Hash, b.Hash))
}

// Known is what is known since the last commit. It can be read while the next commit
// is prepared. Once that is finished, reading its sets gives what was known before or
// is fault.Internal: ask the store for what is known then.
type Known struct {
	store *Store
	state *state
}

// Known gives what is known now.
func (s *Store) Known() (*Known, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.usable(); err != nil {
		return nil, err
	}
	return &Known{s, s.state}, nil
}

// World is the world of all sets and cookies.
func (k *Known) World() World { return k.state.World }

// IsEmpty reports whether nothing is known.
func (k *Known) IsEmpty() bool { return len(k.state.Sets) == 0 && len(k.state.Cookies) == 0 }

// Names are the names of the sets, sorted.
func (k *Known) Names() []string { return slices.Sorted(maps.Keys(k.state.Sets)) }

// Cookies are all cookies, sorted by entity.
func (k *Known) Cookies() []Cookie {
	cookies := make([]Cookie, len(k.state.Cookies))
	for i, c := range k.state.Cookies {
		cookies[i] = c.public()
	}
	return cookies
}

// Cookie is the cookie of an entity that depends on what hash says.
func (k *Known) Cookie(entity string, hash [32]byte) (Cookie, bool) {
	i, ok := slices.BinarySearchFunc(k.state.Cookies, cookie{Entity: entity, Hash: hash[:]}, compareCookies)
	if !ok {
		return Cookie{}, false
	}
	return k.state.Cookies[i].public(), true
}

// Set gives the set of a name; an empty one if there is none.
func (k *Known) Set(name string) *Set {
	return &Set{store: k.store, state: k.state, name: name, set: k.state.Sets[name]}
}
