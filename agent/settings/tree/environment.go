package tree

import (
	"slices"
	"strings"

	"github.com/usher-iga/usher/agent/secret"
)

// Lookup finds a variable of the environment, in whatever case of its name, as Windows does. The
// last one that is set and not empty counts.
func Lookup(environ []string, name string) (value, variable string) {
	for _, entry := range environ {
		if key, v, _ := strings.Cut(entry, "="); strings.EqualFold(key, name) && v != "" {
			value, variable = v, key
		}
	}
	return value, variable
}

// ReadEnvironment makes a tree of the variables that are settings: the first part of the name is
// a key of the root, one of ours or of theirs, and "__" (or a colon, as on Windows) joins it to the
// keys below. All other variables belong to other programs, except that one whose first part is a
// slightly misspelled key of ours is reported.
func ReadEnvironment(environ, ours, theirs []string, r *Report) *Node {
	root := &Node{Shape: Object}
	environ = slices.Clone(environ)
	slices.Sort(environ)
	for _, entry := range environ {
		variable, value, ok := strings.Cut(entry, "=")
		if !ok {
			continue
		}
		path := strings.Split(strings.ReplaceAll(variable, "__", ":"), ":")
		at := Origin{Layer: LayerEnvironment, Variable: variable}
		if !Contains(ours, path[0]) && !Contains(theirs, path[0]) {
			if near := Nearest(path[0], ours, CloseBy); near != "" && len(path) > 1 {
				r.Invalid(at, "unknown setting %q, did you mean %q?", path[0], near)
			}
			continue
		}
		if slices.Contains(path, "") {
			r.Invalid(at, "a part of the name is empty").WithHint("Join keys with exactly two underscores")
			continue
		}
		root.Set(path, secret.New(value), at, r)
	}
	root.MakeArrays()
	return root
}
