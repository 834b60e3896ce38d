package settings

import (
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/usher-iga/usher/agent/secret"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// maxConnectionID is the most characters that the reference product allows.
const maxConnectionID = 441

// Connection returns the connection with the id, in whatever case; otherwise a
// [fault.Invalid] that lists the ids there are.
func (s *Settings) Connection(id string) (*Connection, error) {
	ids := make([]string, len(s.Connections))
	for i, c := range s.Connections {
		if strings.EqualFold(c.ID, id) {
			return c, nil
		}
		ids[i] = c.ID
	}
	err := fault.Errorf(fault.Invalid, "there is no connection %q in the settings of %s%s", id, s.Dir, didYouMean(id, ids))
	if len(ids) == 0 {
		return nil, err.WithHint("Add it to Connections in appsettings.agent.json")
	}
	return nil, err.WithHint("The connections are: %s", strings.Join(ids, ", "))
}

// connections reads the root section Connections.
func (s section) connections() []*Connection {
	given := s.node.find("Connections")
	s = s.child("Connections")
	if len(s.node.members) == 0 && (given == nil || given.shape == objectShape) {
		s.warn(Origin{Layer: "appsettings.agent.json", File: filepath.Join(s.dir, "appsettings.agent.json")},
			"there is no connection", "Add one to Connections; the sample appsettings.agent.json shows how")
	}
	var all []*Connection
	for _, member := range s.node.members {
		if member.shape == nullShape {
			continue
		}
		s.checkID(member.name, member.origin)
		if c := s.child(member.name); member.shape == objectShape {
			all = append(all, c.connection(member.name))
		}
	}
	return all
}

// connection reads one connection.
func (s section) connection(id string) *Connection {
	c := &Connection{ID: id, Values: map[string]Value{}, Origin: s.node.origin, dir: s.dir}
	// The connector's own keys first: reading Usher's adds defaults.
	for _, member := range s.node.members {
		switch {
		case contains(connectionKeys, member.name):
		case member.isScalar():
			c.Values[member.name] = Value{Text: secret.New(member.text), Origin: member.origin}
		case member.shape != nullShape:
			c.Values[member.name] = Value{Section: true, Origin: member.origin}
		}
	}
	var at Origin
	if c.Connector, at = s.text("Connector", "entra-export"); c.Connector == "" || strings.ContainsAny(c.Connector, `/\:`) {
		s.invalid(at, "%s is no name of a connector: %q", s.name("Connector"), c.Connector).
			WithHint("List the connectors with usher connectors list")
	}
	c.IgnoreCookieFile = s.truth("IgnoreCookieFile")
	c.MaximumCookieAge = s.duration("MaximumCookieAge", "144h")
	c.Thresholds = s.thresholds()
	c.CSV = s.child("Csv").csv()
	c.Mapping = s.mapping(id)
	return c
}

// checkID checks a connection's id: it becomes part of file names, on Windows too.
func (s section) checkID(id string, at Origin) {
	bad := func(format string, args ...any) {
		s.invalid(at, "the connection name %q "+format, append([]any{id}, args...)...).
			WithHint("Use letters, digits, dots and hyphens, with a letter first; names such as CON and NUL are kept by Windows")
	}
	first, _ := utf8.DecodeRuneInString(id)
	i := strings.IndexFunc(id, func(r rune) bool { return strings.ContainsRune(`<>:"/\|?*`, r) || unicode.IsControl(r) })
	switch base, _, _ := strings.Cut(id, "."); {
	case id == "":
		bad("is empty")
	case unicode.IsDigit(first):
		bad("starts with a digit")
	case i >= 0:
		r, _ := utf8.DecodeRuneInString(id[i:])
		bad("holds the character %q", r)
	case strings.TrimSpace(id) != id, strings.HasSuffix(id, "."):
		bad("starts or ends with a space, or ends with a dot")
	case utf8.RuneCountInString(id) > maxConnectionID:
		bad("is longer than %d characters", maxConnectionID)
	case isDevice(base):
		bad("is a name that Windows keeps for a device")
	case strings.Contains(id, "_"):
		s.warn(at, "the connection name \""+id+"\" holds an underscore",
			"File names such as "+id+"_members_group.csv are easier to read without; the IGA system may refuse such a name")
	}
}

// isDevice reports whether Windows takes a file of that name for a device.
// See https://learn.microsoft.com/windows/win32/fileio/naming-a-file.
func isDevice(name string) bool {
	name = strings.ToUpper(strings.TrimRight(name, " "))
	if stem, ok := strings.CutPrefix(name, "COM"); ok {
		return isPort(stem)
	}
	if stem, ok := strings.CutPrefix(name, "LPT"); ok {
		return isPort(stem)
	}
	return contains([]string{"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"}, name)
}

func isPort(stem string) bool {
	return utf8.RuneCountInString(stem) == 1 && strings.Contains("0123456789¹²³", stem)
}

// thresholds reads the bounds of an incremental export.
func (s section) thresholds() Thresholds {
	return Thresholds{
		MaximumInsertedLines:           s.count("MaximumInsertedLines"),
		MaximumUpdatedLines:            s.count("MaximumUpdatedLines"),
		MaximumDeletedLines:            s.count("MaximumDeletedLines"),
		MaximumLinkInsertedLines:       s.count("MaximumLinkInsertedLines"),
		MaximumLinkDeletedLines:        s.count("MaximumLinkDeletedLines"),
		MaxPercentageInsertedLines:     s.count("MaxPercentageInsertedLines"),
		MaxPercentageUpdatedLines:      s.count("MaxPercentageUpdatedLines"),
		MaxPercentageDeletedLines:      s.count("MaxPercentageDeletedLines"),
		MaxLinkPercentageInsertedLines: s.count("MaxLinkPercentageInsertedLines"),
		MaxLinkPercentageDeletedLines:  s.count("MaxLinkPercentageDeletedLines"),
	}
}

// csv reads the section Csv of a connection.
func (s section) csv() CSV {
	s.unknown(csvKeys)
	return CSV{
		Delimiter: choose(s, "Delimiter", ",", "one character other than a quote or a line break", func(given string) (rune, bool) {
			r, size := utf8.DecodeRuneInString(given)
			return r, size == len(given) && r != utf8.RuneError && !strings.ContainsRune("\"\r\n\x00", r)
		}),
		ValueSeparator: choose(s, "ValueSeparator", "\n", "at least one character", func(given string) (string, bool) {
			return given, given != ""
		}),
		TypeName: choose(s, "TypeName", string(TypeNameBare), `"bare" or "full"`, func(given string) (TypeName, bool) {
			name := TypeName(fold(given))
			return name, name == TypeNameBare || name == TypeNameFull
		}),
	}
}
