// Package order holds what Usher understands by a provisioning order, whatever format it came
// in, and by its result.
package order

import (
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/usher-iga/usher/connectors/sdk"
)

// Order asks for one object of a connection to be changed. Decoders make it; ID, Operation and
// Entity are obligatory, and Key except where an object is made.
type Order struct {
	// ID is unique within the connection, for ever. The same ID with the same content is the
	// same order; with other content it is refused.
	ID         string        `json:"id"`
	Connection string        `json:"connection,omitempty"` // empty: the one that it is given to
	Operation  sdk.Operation `json:"operation"`
	Entity     string        `json:"entity"`       // such as "user"
	Key        Ref           `json:"key,omitzero"` // of the object; zero for one that is made
	Attributes []Attribute   `json:"attributes,omitempty"`
	Links      []Link        `json:"links,omitempty"`
	Secrets    []Secret      `json:"secrets,omitempty"`

	// DependsOn are the ids of orders that have to be executed before.
	DependsOn   []string  `json:"dependsOn,omitempty"`
	RequestedBy string    `json:"requestedBy,omitempty"`
	Deadline    time.Time `json:"deadline,omitzero"` // it is not begun after; zero: none

	// Received is when the agent took it, and SubmittedBy who gave it the input; intake sets them.
	Received    time.Time `json:"received,omitzero"`
	SubmittedBy string    `json:"submittedBy,omitempty"`
	// Place is where it was read, such as "orders.json:12:5"; empty if that is not known.
	Place string `json:"place,omitempty"`
}

// Ref names an object in one of three ways: by its id, by a natural key, or by the order that
// makes it.
type Ref struct {
	ID        string `json:"id,omitempty"`
	Attribute string `json:"attribute,omitempty"` // such as "userPrincipalName", with Value
	Value     string `json:"value,omitempty"`
	Order     string `json:"order,omitempty"` // the id of the order
	// Found is the id that a natural key led to when the order was taken; intake sets it. It tells which
	// orders are about one object. Whoever carries the order out looks again.
	Found string `json:"found,omitempty"`
}

// IsZero reports whether r names nothing.
func (r Ref) IsZero() bool { return r == Ref{} }

// Key is r as a connector understands it. It is zero for an object that an order has yet to
// make.
func (r Ref) Key() sdk.ObjectKey {
	return sdk.ObjectKey{ID: r.ID, Attribute: r.Attribute, Value: r.Value}
}

// String names the object in a message.
func (r Ref) String() string {
	switch {
	case r.ID != "":
		return r.ID
	case r.Order != "":
		return "what order " + r.Order + " makes"
	default:
		return fmt.Sprintf("%s %q", r.Attribute, r.Value)
	}
}

// Attribute is a new value of an attribute.
type Attribute struct {
	Path  string          `json:"path"`  // a property, or a path into one: "employeeOrgData/costCenter"
	Value json.RawMessage `json:"value"` // one JSON value; null clears the attribute
}

// Link adds and removes targets of one navigation, such as "members".
type Link struct {
	Navigation string `json:"navigation"`
	Add        []Ref  `json:"add,omitempty"`
	Remove     []Ref  `json:"remove,omitempty"`
	// Details belong to the added targets, by position, as JSON. It may be shorter than Add.
	Details []json.RawMessage `json:"details,omitempty"`
}

// Secret asks for a value of an attribute that must not be seen: one to generate, or one that
// came with the order and was encrypted at once. The value itself never stands in an Order.
type Secret struct {
	Path    string `json:"path"`              // such as "passwordProfile/password"
	Setting string `json:"setting,omitempty"` // says how it is generated and delivered; empty: the default one
	Sealed  []byte `json:"sealed,omitempty"`  // the given value, encrypted; empty: generate one
}

// Makes reports whether the order makes an object.
func (o *Order) Makes() bool { return o.Operation == sdk.Create || o.Operation == sdk.Invite }

// Disables reports whether the order switches an account off, by its operation or by an
// attribute.
func (o *Order) Disables() bool {
	if o.Operation == sdk.Disable {
		return true
	}
	return o.Operation == sdk.Update && slices.ContainsFunc(o.Attributes, func(a Attribute) bool {
		return strings.EqualFold(a.Path, "accountEnabled") && isFalse(a.Value)
	})
}

// isFalse reports whether a connector may take a value for false, however it is written; see
// [sdk.OrderAttribute].
func isFalse(value json.RawMessage) bool {
	var v any
	if json.Unmarshal(value, &v) != nil {
		return false
	}
	switch v := v.(type) {
	case bool:
		return !v
	case float64:
		return v == 0
	case string:
		text := strings.TrimSpace(v)
		return strings.EqualFold(text, "false") || text == "0"
	default:
		return false
	}
}

// Refs gives every object that the order names, its own first.
func (o *Order) Refs() iter.Seq[*Ref] {
	return func(yield func(*Ref) bool) {
		if !o.Key.IsZero() && !yield(&o.Key) {
			return
		}
		for r := range o.Targets() {
			if !yield(r) {
				return
			}
		}
	}
}

// Targets gives the objects that the order links and unlinks.
func (o *Order) Targets() iter.Seq[*Ref] {
	return func(yield func(*Ref) bool) {
		for i := range o.Links {
			for _, list := range [][]Ref{o.Links[i].Add, o.Links[i].Remove} {
				for j := range list {
					if !yield(&list[j]) {
						return
					}
				}
			}
		}
	}
}

// Weight is about how many bytes the order takes.
func (o *Order) Weight() int {
	n := 200
	for _, a := range o.Attributes {
		n += len(a.Path) + len(a.Value) + 20
	}
	for _, l := range o.Links {
		n += 100 * (len(l.Add) + len(l.Remove))
	}
	return n
}

// Removals counts the links that the order removes.
func (o *Order) Removals() (n uint64) {
	for _, l := range o.Links {
		n += uint64(len(l.Remove))
	}
	return n
}
