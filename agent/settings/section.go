package settings

import (
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// section reads the typed values of one object. What is absent it adds to the tree with its
// default, so that the tree shows every value in effect. A wrong value is reported and read as the default.
type section struct {
	*loader
	node *node
	path string // the keys down to here, joined by dots; empty at the root
}

// name is the full name of a key for messages.
func (s section) name(key string) string {
	if s.path == "" {
		return key
	}
	return s.path + "." + key
}

// unknown reports every key of the section that is not known.
func (s section) unknown(known []string) {
	for _, member := range s.node.members {
		if contains(known, member.name) {
			continue
		}
		s.invalid(member.origin, "unknown key %q in %s%s", member.name, s.path, didYouMean(member.name, known)).
			WithHint("Known keys: %s", strings.Join(known, ", "))
	}
}

// scalar returns the member with a text, a number or a truth value. It returns nil if the key is
// absent or, which it reports, has another value.
func (s section) scalar(key string) *node {
	n := s.node.find(key)
	if n != nil && !n.isScalar() {
		s.invalid(n.origin, "%s must be a single value, not a list or an object", s.name(key))
		return nil
	}
	return n
}

// text returns the text of a key.
func (s section) text(key, byDefault string) (string, Origin) {
	if n := s.scalar(key); n != nil {
		return n.text, n.origin
	}
	return byDefault, s.setDefault(key, textShape, byDefault)
}

// choose returns what parse makes of the text of a key; must says what the text must be.
func choose[T any](s section, key, byDefault, must string, parse func(string) (T, bool)) T {
	given, at := s.text(key, byDefault)
	value, ok := parse(given)
	if !ok {
		s.invalid(at, "%s must be %s, is %s", s.name(key), must, shown(key, given))
		value, _ = parse(byDefault)
	}
	return value
}

func (s section) truth(key string) bool {
	return choose(s, key, "false", "true or false", parseBool)
}

// count returns a whole number; 0 by default.
func (s section) count(key string) uint64 {
	return choose(s, key, "0", "a whole number, or 0 for no bound", func(given string) (uint64, bool) {
		n, err := strconv.ParseUint(given, 10, 32)
		return n, err == nil
	})
}

func (s section) duration(key, byDefault string) time.Duration {
	return choose(s, key, byDefault, "a time such as 30s or 5m", func(given string) (time.Duration, bool) {
		d, err := time.ParseDuration(given)
		return d, err == nil && d > 0
	})
}

// folder returns an absolute path; a relative one starts at the settings' folder.
func (s section) folder(key, byDefault string) (string, Origin) {
	given, at := s.text(key, byDefault)
	if strings.TrimSpace(given) == "" {
		s.invalid(at, "%s is empty", s.name(key)).WithHint("Name a folder, or remove the key for the default %s", byDefault)
		given = byDefault
	}
	return absolute(s.dir, given), at
}

// item is one text of a list.
type item struct {
	text   string
	origin Origin
}

// list returns the texts of a list; a single text is a list of one.
func (s section) list(key string) []item {
	n := s.node.find(key)
	switch {
	case n == nil:
		return nil
	case n.isScalar():
		return []item{{n.text, n.origin}}
	case n.shape == objectShape:
		s.invalid(n.origin, "%s must be a text or a list of texts", s.name(key))
		return nil
	}
	var items []item
	for _, member := range n.members {
		switch {
		case member.isScalar():
			items = append(items, item{member.text, member.origin})
		case member.shape != nullShape:
			s.invalid(member.origin, "%s must be a list of texts", s.name(key))
		}
	}
	return items
}

// words returns the words of a text, or of a list of texts. They must differ in more than case.
func (s section) words(key, byDefault string) []item {
	if s.node.find(key) == nil {
		s.setDefault(key, textShape, byDefault)
	}
	var words []item
	seen := map[string]bool{}
	for _, item := range s.list(key) {
		for word := range strings.FieldsSeq(item.text) {
			if seen[fold(word)] {
				s.invalid(item.origin, "%s names %q twice", s.name(key), word).WithHint("Remove one of them")
				continue
			}
			seen[fold(word)] = true
			item.text = word
			words = append(words, item)
		}
	}
	return words
}

// child returns the section below a key. If the key is absent the section is empty; so it is if,
// which it reports, the key has no object.
func (s section) child(key string) section {
	n := s.node.find(key)
	if n != nil && n.shape != objectShape {
		s.invalid(n.origin, "%s must be an object in braces", s.name(key))
		return section{s.loader, &node{shape: objectShape, origin: n.origin}, s.name(key)}
	}
	if n == nil {
		s.setDefault(key, objectShape, "")
		n = s.node.find(key)
	}
	return section{s.loader, n, s.name(key)}
}

// setDefault adds a default to the tree if the key is absent. It returns the default's origin.
func (s section) setDefault(key string, as shape, value string) Origin {
	at := Origin{Layer: LayerDefault}
	n := s.node.byName[fold(key)]
	switch {
	case n == nil:
		s.node.add(&node{name: key, shape: as, text: value, origin: at})
	case n.shape == nullShape:
		n.shape, n.text, n.origin = as, value, at
	}
	return at
}

func texts(items []item) []string {
	all := make([]string, len(items))
	for i, item := range items {
		all[i] = item.text
	}
	return all
}

// absolute makes a path absolute: it starts at dir, which is absolute, if it is relative. Slashes
// serve on Windows too.
func absolute(dir, path string) string {
	path = filepath.FromSlash(path)
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}

// parseBool takes true and false in any case.
func parseBool(given string) (value, ok bool) {
	value, err := strconv.ParseBool(strings.ToLower(given))
	return value, err == nil && len(given) > 1
}
