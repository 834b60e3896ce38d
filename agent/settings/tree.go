package settings

import (
	"slices"
	"strconv"
	"strings"
)

// shape is what a node holds.
type shape int

const (
	nullShape shape = iota // as if the key were absent
	textShape
	numberShape // its digits as written
	boolShape
	objectShape
	arrayShape
)

// node is one value of the settings with the key that it stands under. The items of an array are
// members named "0", "1" and so on, because layers replace them by index.
type node struct {
	name    string
	shape   shape
	text    string // of a scalar
	origin  Origin
	members []*node
	byName  map[string]*node // members by folded name
}

// fold makes keys that differ only in case the same.
func fold(key string) string { return strings.ToLower(key) }

func (n *node) isScalar() bool {
	return n.shape == textShape || n.shape == numberShape || n.shape == boolShape
}

// find returns the member with the name in whatever case, or nil if it is absent or null.
func (n *node) find(name string) *node {
	if member := n.byName[fold(name)]; member != nil && member.shape != nullShape {
		return member
	}
	return nil
}

// add appends a member, whose name must be new.
func (n *node) add(member *node) {
	if n.byName == nil {
		n.byName = map[string]*node{}
	}
	n.byName[fold(member.name)] = member
	n.members = append(n.members, member)
}

// merge lays over on n. Objects merge key by key and arrays index by index; all else is replaced,
// but keeps the place and the spelling of the key that it had.
func (n *node) merge(over *node) {
	if n.shape != over.shape || n.shape != objectShape && n.shape != arrayShape {
		name := n.name
		*n = *over
		n.name = name
		return
	}
	for _, member := range over.members {
		if below := n.byName[fold(member.name)]; below != nil {
			below.merge(member)
		} else {
			n.add(member)
		}
	}
	if n.shape == arrayShape {
		n.sortItems()
	}
}

// sortItems puts the items of an array in order of their indexes.
func (n *node) sortItems() {
	slices.SortStableFunc(n.members, func(a, b *node) int {
		i, _ := index(a.name)
		j, _ := index(b.name)
		return i - j
	})
}

// index reads the name of an array's item.
func index(name string) (int, bool) {
	i, err := strconv.Atoi(name)
	return i, err == nil && i >= 0 && strconv.Itoa(i) == name
}
