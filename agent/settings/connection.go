package settings

import (
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/usher-iga/usher/agent/settings/tree"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// defaultConnector is the connector of a connection that names none.
const defaultConnector = "entra-export"

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
	err := fault.Errorf(fault.Invalid, "there is no connection %q in the settings of %s%s", id, s.Dir, tree.DidYouMean(id, ids))
	if len(ids) == 0 {
		return nil, err.WithHint("Add it to Connections in appsettings.agent.json")
	}
	return nil, err.WithHint("The connections are: %s", strings.Join(ids, ", "))
}

// connections reads the root section Connections. work is the work folder.
func connections(s tree.Section, work string) []*Connection {
	given := s.Node.Find("Connections")
	s = s.Child("Connections")
	if len(s.Node.Members) == 0 && (given == nil || given.Shape == tree.Object) {
		s.Warn(Origin{Layer: "appsettings.agent.json", File: filepath.Join(s.Dir, "appsettings.agent.json")},
			"there is no connection", "Add one to Connections; the sample appsettings.agent.json shows how")
	}
	var all []*Connection
	for _, member := range s.Node.Members {
		if member.Shape == tree.Null {
			continue
		}
		checkID(s, member.Name, member.Origin)
		if c := s.Child(member.Name); member.Shape == tree.Object {
			all = append(all, connection(c, member.Name, work))
		}
	}
	return all
}

// connection reads one connection.
func connection(s tree.Section, id, work string) *Connection {
	c := &Connection{ID: id, Values: map[string]Value{}, Origin: s.Node.Origin, dir: s.Dir}
	// The connector's own keys first: reading Usher's adds defaults.
	for _, member := range s.Node.Members {
		switch {
		case tree.Contains(connectionKeys, member.Name):
		case member.IsScalar():
			c.Values[member.Name] = Value{Text: member.Secret(), Origin: member.Origin}
		case member.Shape != tree.Null:
			c.Values[member.Name] = Value{Section: true, Origin: member.Origin}
		}
	}
	c.Connector = connectorName(s, "Connector", defaultConnector)
	c.IgnoreCookieFile = s.Truth("IgnoreCookieFile")
	c.MaximumCookieAge = s.Duration("MaximumCookieAge", "144h")
	c.Thresholds = thresholds(s)
	c.CSV = csv(s.Child("Csv"))
	c.Fulfillment = fulfillment(s, id, work)
	mapping(s, c)
	return c
}

// connectorName reads the name of a connector program.
func connectorName(s tree.Section, key, byDefault string) string {
	name, at := s.Text(key, byDefault)
	if name == "" || strings.ContainsAny(name, `/\:`) {
		s.Invalid(at, "%s is no name of a connector: %q", s.Name(key), name).
			WithHint("List the connectors with usher connectors list")
	}
	return name
}

// checkID checks a connection's id: it becomes part of file names, on Windows too.
func checkID(s tree.Section, id string, at Origin) {
	bad := func(format string, args ...any) {
		s.Invalid(at, "the connection name %q "+format, append([]any{id}, args...)...).
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
		s.Warn(at, "the connection name \""+id+"\" holds an underscore",
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
	return tree.Contains([]string{"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"}, name)
}

func isPort(stem string) bool {
	return utf8.RuneCountInString(stem) == 1 && strings.Contains("0123456789¹²³", stem)
}

// thresholds reads the bounds of an incremental export.
func thresholds(s tree.Section) Thresholds {
	return Thresholds{
		MaximumInsertedLines:           s.Count("MaximumInsertedLines"),
		MaximumUpdatedLines:            s.Count("MaximumUpdatedLines"),
		MaximumDeletedLines:            s.Count("MaximumDeletedLines"),
		MaximumLinkInsertedLines:       s.Count("MaximumLinkInsertedLines"),
		MaximumLinkDeletedLines:        s.Count("MaximumLinkDeletedLines"),
		MaxPercentageInsertedLines:     s.Count("MaxPercentageInsertedLines"),
		MaxPercentageUpdatedLines:      s.Count("MaxPercentageUpdatedLines"),
		MaxPercentageDeletedLines:      s.Count("MaxPercentageDeletedLines"),
		MaxLinkPercentageInsertedLines: s.Count("MaxLinkPercentageInsertedLines"),
		MaxLinkPercentageDeletedLines:  s.Count("MaxLinkPercentageDeletedLines"),
	}
}

// csv reads the section Csv of a connection.
func csv(s tree.Section) CSV {
	s.Unknown(csvKeys)
	return CSV{
		Delimiter: tree.Choose(s, "Delimiter", ",", "one character other than a quote or a line break", func(given string) (rune, bool) {
			r, size := utf8.DecodeRuneInString(given)
			return r, size == len(given) && r != utf8.RuneError && !strings.ContainsRune("\"\r\n\x00", r)
		}),
		ValueSeparator: tree.Choose(s, "ValueSeparator", "\n", "at least one character", func(given string) (string, bool) {
			return given, given != ""
		}),
		TypeName: tree.Choose(s, "TypeName", string(TypeNameBare), `"bare" or "full"`, func(given string) (TypeName, bool) {
			name := TypeName(strings.ToLower(given))
			return name, name == TypeNameBare || name == TypeNameFull
		}),
	}
}
