// Package tree holds settings as they stand in files: values below values, each with the place it
// comes from. It reads JSON with comments and variables of the environment into trees, lays one
// over the other, reads typed values out of them, and tells everything that is wrong with its place.
//
// The text of every value is a [secret.String], because any of them may be a secret.
package tree

import (
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/usher-iga/usher/agent/secret"
)

// Shape is what a node holds.
type Shape int

// The shapes.
const (
	Null   Shape = iota // as if the key were absent
	Text                // a JSON string, or the value of a variable
	Number              // its digits as written
	Bool                // true or false
	Object
	Array
)

// Node is one value with the key that it stands under. The items of an array are members named
// "0", "1" and so on, because layers replace them by index.
type Node struct {
	Name    string
	Shape   Shape
	Origin  Origin
	Members []*Node // in order; added by [Node.Add] alone

	text   secret.String    // of a scalar
	byName map[string]*Node // members by folded name
}

// NewText makes a scalar.
func NewText(name, text string, at Origin) *Node {
	return &Node{Name: name, Shape: Text, Origin: at, text: secret.New(text)}
}

// fold makes keys that differ only in case the same.
func fold(key string) string { return strings.ToLower(key) }

// Text is the text of a scalar as written, "" for all else.
func (n *Node) Text() string { return n.text.Reveal() }

// Secret is what [Node.Text] is.
func (n *Node) Secret() secret.String { return n.text }

// SetText makes n a scalar with that text.
func (n *Node) SetText(text secret.String) { n.Shape, n.text = Text, text }

// IsScalar reports whether n is a text, a number or a truth value.
func (n *Node) IsScalar() bool { return n.Shape == Text || n.Shape == Number || n.Shape == Bool }

// Find returns what stands at a path below n, in whatever case, or nil if it is absent or null.
func (n *Node) Find(path ...string) *Node {
	for _, name := range path {
		member := n.byName[fold(name)]
		if member == nil || member.Shape == Null {
			return nil
		}
		n = member
	}
	return n
}

// Add appends a member, whose name must be new.
func (n *Node) Add(member *Node) {
	if n.byName == nil {
		n.byName = map[string]*Node{}
	}
	n.byName[fold(member.Name)] = member
	n.Members = append(n.Members, member)
}

// Scalars goes through the scalars below n in order, each with the names on the way to it. The
// path may be kept.
func (n *Node) Scalars() iter.Seq2[[]string, *Node] {
	return func(yield func([]string, *Node) bool) { n.scalars(nil, yield) }
}

func (n *Node) scalars(path []string, yield func([]string, *Node) bool) bool {
	for _, member := range n.Members {
		below := slices.Concat(path, []string{member.Name})
		if member.IsScalar() && !yield(below, member) || !member.scalars(below, yield) {
			return false
		}
	}
	return true
}

// Clone returns a deep copy.
func (n *Node) Clone() *Node {
	clone := *n
	clone.Members, clone.byName = nil, nil
	for _, member := range n.Members {
		clone.Add(member.Clone())
	}
	return &clone
}

// Merge lays over on n; afterwards they share nodes. Objects merge key by key and arrays index by
// index; all else is replaced, but keeps the place and the spelling of the key that it had.
func (n *Node) Merge(over *Node) {
	if n.Shape != over.Shape || n.Shape != Object && n.Shape != Array {
		name := n.Name
		*n = *over
		n.Name = name
		return
	}
	for _, member := range over.Members {
		if below := n.byName[fold(member.Name)]; below != nil {
			below.Merge(member)
		} else {
			n.Add(member)
		}
	}
	if n.Shape == Array {
		n.sortItems()
	}
}

// Set puts a value at a path below n. That the path is taken it reports.
func (n *Node) Set(path []string, value secret.String, at Origin, r *Report) {
	for i, key := range path {
		member, isLast := n.byName[fold(key)], i == len(path)-1
		switch {
		case member == nil && isLast:
			n.Add(&Node{Name: key, Shape: Text, text: value, Origin: at})
		case member == nil:
			member = &Node{Name: key, Shape: Object, Origin: at}
			n.Add(member)
		case isLast || member.Shape == Text:
			r.Invalid(at, "the %s sets the same key", member.Origin).WithHint("Remove one of them")
			return
		}
		n = member
	}
}

// MakeArrays turns objects whose keys are all indexes into arrays.
func (n *Node) MakeArrays() {
	indexes := len(n.Members) > 0
	for _, member := range n.Members {
		member.MakeArrays()
		_, isIndex := index(member.Name)
		indexes = indexes && isIndex
	}
	if indexes && n.Shape == Object {
		n.Shape = Array
		n.sortItems()
	}
}

// sortItems puts the items of an array in order of their indexes.
func (n *Node) sortItems() {
	slices.SortStableFunc(n.Members, func(a, b *Node) int {
		i, _ := index(a.Name)
		j, _ := index(b.Name)
		return i - j
	})
}

// index reads the name of an array's item.
func index(name string) (int, bool) {
	i, err := strconv.Atoi(name)
	return i, err == nil && i >= 0 && strconv.Itoa(i) == name
}
