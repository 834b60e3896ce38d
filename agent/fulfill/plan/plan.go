// Package plan tells which orders may be carried out side by side and which have to wait for each
// other.
//
// An order claims the objects that it names, each in a [Role]. Claims become holds of tokens, as
// of locks that many may share or one may have: of two orders that hold a token, one of them
// exclusively, the later one waits. An object has two tokens, for being there and for what it
// looks like, so that a link to it waits for its making and its deletion, but not for a change of
// it.
//
// Objects are known by the names that orders give them: an id and a natural key of one object
// are two names. Only a name that an order gives to what it makes is known to be the same as that
// order's object.
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
	Object string // a name that is the same for the same Ref
	Role   Role
	// Natural says that Object is a natural key.
	Natural bool
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

// Presence is the token of the object's being there.
func (c Claim) Presence() Token { return token("p", c.Object) }

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
		add(Hold{Token: c.Presence(), Exclusive: c.Role == Life, Target: c.Role == Target})
		if c.Role == Join || c.Role == Change {
			add(Hold{Token: token("c", c.Object), Exclusive: c.Role == Change})
		}
	}
	return holds
}
