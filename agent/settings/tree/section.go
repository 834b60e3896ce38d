package tree

import (
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/usher-iga/usher/agent/secret"
)

// Section reads the typed values of one object. What is absent it adds to the tree with its
// default, so that the tree shows every value in effect. A wrong value is reported and read as the default.
type Section struct {
	*Report
	Node *Node
	Path string // the keys down to here, joined by dots; empty at the root
	Dir  string // absolute; where relative paths start
}

// Name is the full name of a key for messages.
func (s Section) Name(key string) string {
	if s.Path == "" {
		return key
	}
	return s.Path + "." + key
}

// Unknown reports every key of the section that is not known.
func (s Section) Unknown(known []string) {
	for _, member := range s.Node.Members {
		if Contains(known, member.Name) {
			continue
		}
		s.Invalid(member.Origin, "unknown key %q in %s%s", member.Name, s.Path, DidYouMean(member.Name, known)).
			WithHint("Known keys: %s", strings.Join(known, ", "))
	}
}

// Scalar returns the member with a text, a number or a truth value. It returns nil if the key is
// absent or, which it reports, has another value.
func (s Section) Scalar(key string) *Node {
	n := s.Node.Find(key)
	if n != nil && !n.IsScalar() {
		s.Invalid(n.Origin, "%s must be a single value, not a list or an object", s.Name(key))
		return nil
	}
	return n
}

// Text returns the text of a key.
func (s Section) Text(key, byDefault string) (string, Origin) {
	if n := s.Scalar(key); n != nil {
		return n.Text(), n.Origin
	}
	return byDefault, s.SetDefault(key, Text, byDefault)
}

// Given returns the text of a key that has no default, "" if it is absent; the place of the section
// is then its place.
func (s Section) Given(key string) (string, Origin) {
	if n := s.Scalar(key); n != nil {
		return n.Text(), n.Origin
	}
	return "", s.Node.Origin
}

// Secret returns the text of a key as a secret, the empty one if it is absent.
func (s Section) Secret(key string) secret.String {
	if n := s.Scalar(key); n != nil {
		return n.Secret()
	}
	return secret.String{}
}

// Choose returns what parse makes of the text of a key; must says what the text must be.
func Choose[T any](s Section, key, byDefault, must string, parse func(string) (T, bool)) T {
	given, at := s.Text(key, byDefault)
	value, ok := parse(given)
	if !ok {
		s.Invalid(at, "%s must be %s, is %s", s.Name(key), must, Shown(key, given))
		value, _ = parse(byDefault)
	}
	return value
}

// Truth returns a truth value; false by default.
func (s Section) Truth(key string) bool {
	return Choose(s, key, "false", "true or false", ParseBool)
}

// Count returns a whole number; 0 by default.
func (s Section) Count(key string) uint64 {
	return Choose(s, key, "0", "a whole number, or 0 for no bound", func(given string) (uint64, bool) {
		n, err := strconv.ParseUint(given, 10, 32)
		return n, err == nil
	})
}

// Duration returns a time.
func (s Section) Duration(key, byDefault string) time.Duration {
	return Choose(s, key, byDefault, "a time such as 30s or 5m", func(given string) (time.Duration, bool) {
		d, err := time.ParseDuration(given)
		return d, err == nil && d > 0
	})
}

// Folder returns an absolute path; a relative one starts at the settings' folder.
func (s Section) Folder(key, byDefault string) (string, Origin) {
	given, at := s.Text(key, byDefault)
	if strings.TrimSpace(given) == "" {
		s.Invalid(at, "%s is empty", s.Name(key)).WithHint("Name a folder, or remove the key for the default %s", byDefault)
		given = byDefault
	}
	return Absolute(s.Dir, given), at
}

// Item is one text of a list.
type Item struct {
	Text   string
	Origin Origin
}

// Texts returns the texts of items.
func Texts(items []Item) []string {
	all := make([]string, len(items))
	for i, item := range items {
		all[i] = item.Text
	}
	return all
}

// List returns the texts of a list; a single text is a list of one.
func (s Section) List(key string) []Item {
	n := s.Node.Find(key)
	switch {
	case n == nil:
		return nil
	case n.IsScalar():
		return []Item{{n.Text(), n.Origin}}
	case n.Shape == Object:
		s.Invalid(n.Origin, "%s must be a text or a list of texts", s.Name(key))
		return nil
	}
	var items []Item
	for _, member := range n.Members {
		switch {
		case member.IsScalar():
			items = append(items, Item{member.Text(), member.Origin})
		case member.Shape != Null:
			s.Invalid(member.Origin, "%s must be a list of texts", s.Name(key))
		}
	}
	return items
}

// Words returns the words of a text, or of a list of texts. They must differ in more than case.
func (s Section) Words(key, byDefault string) []Item {
	if s.Node.Find(key) == nil {
		s.SetDefault(key, Text, byDefault)
	}
	var words []Item
	seen := map[string]bool{}
	for _, item := range s.List(key) {
		for word := range strings.FieldsSeq(item.Text) {
			if seen[fold(word)] {
				s.Invalid(item.Origin, "%s names %q twice", s.Name(key), word).WithHint("Remove one of them")
				continue
			}
			seen[fold(word)] = true
			item.Text = word
			words = append(words, item)
		}
	}
	return words
}

// Child returns the section below a key. If the key is absent the section is empty; so it is if,
// which it reports, the key has no object.
func (s Section) Child(key string) Section {
	n := s.Node.Find(key)
	if n != nil && n.Shape != Object {
		s.Invalid(n.Origin, "%s must be an object in braces", s.Name(key))
		return s.at(&Node{Shape: Object, Origin: n.Origin}, key)
	}
	if n == nil {
		s.SetDefault(key, Object, "")
		n = s.Node.Find(key)
	}
	return s.at(n, key)
}

func (s Section) at(n *Node, key string) Section {
	return Section{Report: s.Report, Node: n, Path: s.Name(key), Dir: s.Dir}
}

// SetDefault adds a default to the tree if the key is absent. It returns the default's origin.
func (s Section) SetDefault(key string, as Shape, value string) Origin {
	at := Origin{Layer: LayerDefault}
	n := s.Node.byName[fold(key)]
	switch {
	case n == nil:
		s.Node.Add(&Node{Name: key, Shape: as, text: secret.New(value), Origin: at})
	case n.Shape == Null:
		n.Shape, n.text, n.Origin = as, secret.New(value), at
	}
	return at
}

// Absolute makes a path absolute: it starts at dir, which is absolute, if it is relative. Slashes
// serve on Windows too.
func Absolute(dir, path string) string {
	path = filepath.FromSlash(path)
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}

// ParseBool takes true and false in any case.
func ParseBool(given string) (value, ok bool) {
	value, err := strconv.ParseBool(strings.ToLower(given))
	return value, err == nil && len(given) > 1
}
