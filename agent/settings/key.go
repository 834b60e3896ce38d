package settings

import (
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/usher-iga/usher/agent/durable"
	"github.com/usher-iga/usher/agent/secret"
	"github.com/usher-iga/usher/agent/settings/tree"
	"github.com/usher-iga/usher/connectors/sdk"
)

// guid is the textual form of a UUID, RFC 9562 section 4.
var guid = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)

// Resolve checks the connection's values against the keys that one of its connectors describes, and
// fills in the defaults. others names keys that are there for another connector: they are passed over. Both maps have the names as keys spells them; keys that are absent and have no
// default are absent. The error is a [Problems] whose faults have Setting set. It may be called
// any number of times.
func (c *Connection) Resolve(keys []sdk.Setting, others ...string) (plain map[string]string, secrets map[string]secret.String, err error) {
	var r tree.Report
	plain, secrets = map[string]string{}, map[string]secret.String{}
	c.reportUnknown(keys, others, &r)
	for _, key := range keys {
		given, at := c.value(key.Name)
		if c.isSection(key.Name) {
			r.Invalid(at, "%s of connection %s must be a single value", key.Name, c.ID).WithSetting(key.Name).WithHint("%s", key.Help)
			continue
		}
		if given == "" && key.Required {
			r.Invalid(c.Origin, "the connection %s has no %s", c.ID, key.Name).
				WithSetting(key.Name).
				WithHint("%s", c.whereToPut(key))
			continue
		}
		if given == "" {
			if key.Default == "" {
				continue
			}
			given = key.Default
		}
		value, must := check(key, given, c.dir)
		switch {
		case must != "":
			is := tree.Shown(key.Name, value)
			if key.Secret {
				is = secret.Hidden
			}
			r.Invalid(at, "%s of connection %s must be %s, is %s", key.Name, c.ID, must, is).
				WithSetting(key.Name).WithHint("%s", key.Help)
		case !c.isPrivate(key, value, at, &r):
		case key.Secret:
			secrets[key.Name] = secret.New(value)
		default:
			plain[key.Name] = value
		}
	}
	if err := r.Err(); err != nil {
		return nil, nil, err
	}
	return plain, secrets, nil
}

// isPrivate reports a file that others can read and that holds a secret: a private key, or the
// settings with a secret that only the connector knows to be one. It returns false then.
func (c *Connection) isPrivate(key sdk.Setting, value string, at Origin, r *tree.Report) bool {
	file := ""
	switch {
	case key.Kind == sdk.File && strings.HasSuffix(strings.ToLower(key.Name), "certificatefile"):
		file = value
	case key.Secret && !at.Protected:
		file = at.File // empty for a variable
	}
	if file == "" {
		return true
	}
	err := durable.CheckPrivate(file)
	if err != nil {
		r.Fault(at, key.Name+" of connection "+c.ID, err).WithSetting(key.Name)
	}
	return err == nil
}

// Locate returns where a key of the connection, in whatever case, or a column of its mapping was
// set; the place of the connection if it was not.
func (c *Connection) Locate(key string) Origin {
	for _, p := range c.Mapping.Properties {
		if p.Column == key {
			return p.Origin
		}
	}
	_, at := c.value(key)
	return at
}

// value returns the text of a key, "" if it is not set, and its place as [Connection.Locate] does.
func (c *Connection) value(key string) (string, Origin) {
	for name, value := range c.Values {
		if strings.EqualFold(name, key) {
			return value.Text.Reveal(), value.Origin
		}
	}
	return "", c.Origin
}

// isSection reports whether a key of the connection holds a list or an object.
func (c *Connection) isSection(key string) bool {
	for name, value := range c.Values {
		if value.Section && strings.EqualFold(name, key) {
			return true
		}
	}
	return false
}

// Knows reports whether keys, or else Usher itself, know all keys of the connection.
func (c *Connection) Knows(keys []sdk.Setting) bool {
	var r tree.Report
	c.reportUnknown(keys, nil, &r)
	return r.Len() == 0
}

// reportUnknown reports the values that nobody knows.
func (c *Connection) reportUnknown(keys []sdk.Setting, others []string, r *tree.Report) {
	known := slices.Clone(others)
	for _, key := range keys {
		known = append(known, key.Name)
	}
	all := slices.Concat(known, connectionKeys)
	for name, value := range c.Values {
		if !tree.Contains(known, name) {
			r.Invalid(value.Origin, "unknown key %q in connection %s%s", name, c.ID, tree.DidYouMean(name, all)).
				WithSetting(name).
				WithHint("Known keys: %s", strings.Join(all, ", "))
		}
	}
}

// whereToPut tells an admin how to give a key that is missing.
func (c *Connection) whereToPut(key sdk.Setting) string {
	hint := `Add "` + key.Name + `" to Connections.` + c.ID + ` in appsettings.agent.json, or set the variable Connections__` + c.ID + `__` + key.Name
	if key.Help != "" {
		hint += ": " + key.Help
	}
	return hint
}

// check returns the value of a key in its final form, or what it must be. Relative files start at
// dir; braces may stand in the path of a URL.
func check(key sdk.Setting, given, dir string) (value, must string) {
	switch key.Kind {
	case sdk.GUID:
		if !guid.MatchString(given) {
			return given, "a GUID such as 01234567-89ab-cdef-0123-456789abcdef"
		}
	case sdk.URL:
		u, err := url.Parse(given)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
			return given, "a URL such as https://host/path"
		}
	case sdk.File:
		given = tree.Absolute(dir, given)
		if info, err := os.Stat(given); err != nil || !info.Mode().IsRegular() {
			return given, "an existing file"
		}
	case sdk.Bool:
		if _, ok := tree.ParseBool(given); !ok {
			return given, "true or false"
		}
		given = strings.ToLower(given)
	case sdk.Choice:
		i := slices.IndexFunc(key.Choices, func(choice string) bool { return strings.EqualFold(choice, given) })
		if i < 0 {
			return given, "one of " + strings.Join(key.Choices, ", ")
		}
		given = key.Choices[i]
	}
	return given, ""
}
