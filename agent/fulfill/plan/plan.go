// Package plan tells which orders may be carried out side by side and which have to wait for each
// other.
//
// An order claims the objects that it names, each in a [Role]. Claims become holds of tokens, as
// of locks that many may share or one may have: of two orders that hold a token, one of them
// exclusively, the later one waits. An object has two tokens, for being there and for what it
// looks like, so that a link to it waits for its making and its deletion, but not for a change of
// it.
//
// Objects are known by names: ids, natural keys, and the orders that make them. An order claims an
// object by every name that is known of it: the one by which it calls it, the id that this led to in the
// target system when the order was taken, and what orders that came before say, such as the one that
// gives the name.
package plan

import (
	"crypto/sha256"

	"github.com/usher-iga/usher/connectors/sdk"
)

// Phase sorts what could run now: what makes objects, what changes and links them, what deletes
// them.
type Phase byte

// The phases.
const (
	Making Phase = iota
	Changing
	Deleting
)

// PhaseOf is the phase of an operation.
func PhaseOf(operation sdk.Operation) Phase {
	switch operation {
	case sdk.Create, sdk.Invite, sdk.Restore:
		return Making
	case sdk.Delete:
		return Deleting
	default:
		return Changing
	}
}

// Role is what an order does with an object.
type Role byte

// The roles, the stronger ones later.
const (
	Target Role = iota + 1 // needs it to be there
	Join                   // adds to or removes from its collections of links
	Change                 // changes it in another way
	Life                   // makes it, deletes it, restores it or gives it a name
)

// Claim is one object in an order.
type Claim struct {
	Object string // one of its names
	Role   Role
}

// Hold is one token that an order holds until it has ended.
type Hold struct {
	Token     Token
	Exclusive bool
	// Target says that the order only needs the object to be there.
	Target bool
}

// Token stands for one side of one object.
type Token [16]byte

func token(side, object string) Token {
	sum := sha256.Sum256([]byte(side + object))
	return Token(sum[:len(Token{})])
}

// Presence is the token of being there of the object of a name.
func Presence(name string) Token { return token("p", name) }

// Holds are the tokens of all claims, each once.
func Holds(claims []Claim) []Hold {
	var holds []Hold
	index := map[Token]int{}
	add := func(h Hold) {
		i, there := index[h.Token]
		if !there {
			index[h.Token] = len(holds)
			holds = append(holds, h)
			return
		}
		holds[i].Exclusive = holds[i].Exclusive || h.Exclusive
		holds[i].Target = holds[i].Target && h.Target
	}
	for _, c := range claims {
		add(Hold{Token: Presence(c.Object), Exclusive: c.Role == Life, Target: c.Role == Target})
		if c.Role == Join || c.Role == Change {
			add(Hold{Token: token("c", c.Object), Exclusive: c.Role == Change})
		}
	}
	return holds
}
