package settings

import (
	"slices"
	"strings"
)

// lookup finds a variable of the environment, in whatever case of its name, as Windows does. The
// last one that is set and not empty counts.
func lookup(environ []string, name string) (value, variable string) {
	for _, entry := range environ {
		if key, v, _ := strings.Cut(entry, "="); strings.EqualFold(key, name) && v != "" {
			value, variable = v, key
		}
	}
	return value, variable
}

// readEnvironment makes a tree of the variables that are settings: the first part of the name is a
// key of the root, and "__" (or a colon, as on Windows) joins it to the keys below. All other
// variables belong to other programs, except that a slightly misspelled first part is reported.
func readEnvironment(environ []string, r *report) *node {
	root := &node{shape: objectShape}
	environ = slices.Clone(environ)
	slices.Sort(environ)
	for _, entry := range environ {
		variable, value, ok := strings.Cut(entry, "=")
		if !ok {
			continue
		}
		path := strings.Split(strings.ReplaceAll(variable, "__", ":"), ":")
		at := Origin{Layer: LayerEnvironment, Variable: variable}
		if !contains(rootKeys, path[0]) && !contains(referenceKeys, path[0]) {
			if near := nearest(path[0], rootKeys, closeBy); near != "" && len(path) > 1 {
				r.invalid(at, "unknown setting %q, did you mean %q?", path[0], near)
			}
			continue
		}
		root.set(path, value, at, r)
	}
	root.makeArrays()
	return root
}

// set puts a value at a path below n.
func (n *node) set(path []string, value string, at Origin, r *report) {
	for i, key := range path {
		if key == "" {
			r.invalid(at, "a part of the name is empty").WithHint("Join keys with exactly two underscores")
			return
		}
		member, isLast := n.byName[fold(key)], i == len(path)-1
		switch {
		case member == nil && isLast:
			n.add(&node{name: key, shape: textShape, text: value, origin: at})
		case member == nil:
			member = &node{name: key, shape: objectShape, origin: at}
			n.add(member)
		case isLast || member.shape == textShape:
			r.invalid(at, "the %s sets the same key", member.origin).WithHint("Remove one of them")
			return
		}
		n = member
	}
}

// makeArrays turns objects whose keys are all indexes into arrays.
func (n *node) makeArrays() {
	indexes := len(n.members) > 0
	for _, member := range n.members {
		member.makeArrays()
		_, isIndex := index(member.name)
		indexes = indexes && isIndex
	}
	if indexes && n.shape == objectShape {
		n.shape = arrayShape
		n.sortItems()
	}
}
