package settings

import (
	"slices"
	"strings"

	"github.com/usher-iga/usher/agent/secret"
	"github.com/usher-iga/usher/agent/settings/tree"
	"github.com/usher-iga/usher/connectors/sdk"
)

// Entry is one value of the settings, for people to read.
type Entry struct {
	Path   string // the keys joined by colons, such as "Connections:Contoso:TenantId"
	Value  string // [secret.Hidden] for a secret
	Origin Origin
}

// Entries lists every value in effect in the order of the files, each with the layer that gave it.
// Secrets are hidden: those that connectors describe as such, and everything that by its name or
// form may be one. connectors has for a connector's name the keys it describes; it may be nil.
func (s *Settings) Entries(connectors map[string][]sdk.Setting) []Entry {
	if s.root == nil {
		return nil
	}
	l := lister{settings: s, connectors: connectors}
	l.list(s.root, nil, false)
	return l.entries
}

type lister struct {
	settings   *Settings
	connectors map[string][]sdk.Setting
	entries    []Entry
}

// list adds the values below n, which stands at path. hidden says that all of them are secrets.
func (l *lister) list(n *tree.Node, path []string, hidden bool) {
	for _, member := range n.Members {
		below := slices.Concat(path, []string{member.Name})
		switch {
		case member.IsScalar():
			l.add(below, member.Text(), member.Origin, hidden || l.isSecret(below) || member.Origin.Protected && !l.isPlain(below))
		case member.Shape == tree.Array:
			l.list(member, below, hidden || l.isSecret(below))
		case member.Shape == tree.Object:
			l.list(member, below, hidden || tree.IsSecretSection(below) || l.isForeign(below))
		}
	}
	if c := l.connection(path); c != nil && len(path) == 2 && c.CheckMapping() == nil {
		l.defaults(c, path)
	}
}

// defaults adds the connector's keys that are not set and have a default.
func (l *lister) defaults(c *Connection, path []string) {
	for _, key := range l.connectors[c.Connector] {
		if value, _ := c.value(key.Name); value == "" && key.Default != "" {
			l.add(slices.Concat(path, []string{key.Name}), key.Default, Origin{Layer: LayerDefault}, key.Secret || tree.IsSecretKey(key.Name))
		}
	}
}

func (l *lister) add(path []string, value string, at Origin, hidden bool) {
	value = tree.HideUserinfo(value)
	if hidden {
		value = secret.Hidden
	}
	l.entries = append(l.entries, Entry{Path: strings.Join(path, ":"), Value: value, Origin: at})
}

// isSecret reports whether the value at path is a secret by its name or by what the connector says.
func (l *lister) isSecret(path []string) bool {
	key := path[len(path)-1]
	if tree.IsSecretKey(key) {
		return true
	}
	if l.isForeign(path) {
		return true
	}
	spec := l.spec(path)
	return spec != nil && spec.Secret
}

// isPlain reports whether the value at path is known to be no secret: a key of Usher, or one that its
// connector describes so.
func (l *lister) isPlain(path []string) bool {
	if l.connection(path) == nil || len(path) < 3 {
		return tree.Contains(rootKeys, path[0]) && !strings.EqualFold(path[0], "Connections")
	}
	return tree.Contains(connectionKeys, path[2]) || l.spec(path) != nil
}

// isForeign reports whether path is a key of a connection that neither Usher nor the connector
// knows: nobody can tell whether it is a secret.
func (l *lister) isForeign(path []string) bool {
	return len(path) == 3 && l.connection(path) != nil && !tree.Contains(connectionKeys, path[2]) && l.spec(path) == nil
}

// spec returns what the connector says of the key at path, or nil.
func (l *lister) spec(path []string) *sdk.Setting {
	c := l.connection(path)
	if c == nil || len(path) != 3 {
		return nil
	}
	specs := slices.Concat(l.connectors[c.Connector], l.connectors[c.Fulfillment.Connector])
	i := slices.IndexFunc(specs, func(s sdk.Setting) bool { return strings.EqualFold(s.Name, path[2]) })
	if i < 0 {
		return nil
	}
	return &specs[i]
}

// connection returns the connection that path leads into, or nil.
func (l *lister) connection(path []string) *Connection {
	if len(path) < 2 || !strings.EqualFold(path[0], "Connections") {
		return nil
	}
	for _, c := range l.settings.Connections {
		if strings.EqualFold(c.ID, path[1]) {
			return c
		}
	}
	return nil
}
