package edit

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strings"
)

// Body is the JSON object of a request.
type Body map[string]json.RawMessage

// ParseBody reads a request's body, which must be one object.
func ParseBody(data []byte) (Body, error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, unread("An unexpected 'EndOfInput' node was found when reading from the JSON reader. A 'StartObject' node was expected.")
	}
	var body Body
	if err := json.Unmarshal(data, &body); err != nil || body == nil {
		return nil, unread("Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.")
	}
	for name, value := range body {
		var compact bytes.Buffer
		if json.Compact(&compact, value) == nil {
			body[name] = compact.Bytes()
		}
	}
	return body, nil
}

// take removes a member and returns it.
func (b Body) take(name string) (value json.RawMessage, ok bool) {
	value, ok = b[name]
	delete(b, name)
	return value, ok
}

// takeBinds removes a list of references and returns the ids in it.
func (b Body) takeBinds(relation string) ([]string, error) {
	value, ok := b.take(relation + "@odata.bind")
	if !ok {
		return nil, nil
	}
	var addresses []string
	if json.Unmarshal(value, &addresses) != nil {
		var one string
		if json.Unmarshal(value, &one) != nil {
			return nil, badReference()
		}
		addresses = []string{one}
	}
	ids := make([]string, len(addresses))
	for i, address := range addresses {
		var err error
		if ids[i], err = referenced(address); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// Reference returns the id in a body with an @odata.id.
func (b Body) Reference() (string, error) {
	value, ok := b["@odata.id"]
	if !ok {
		return "", badReference()
	}
	return referenced(textOf(value))
}

func badReference() *Refusal { return unread("Invalid URL format specified in payload.") }

// collections are the names that a reference may have before the id.
var collections = map[string]bool{
	"directoryobjects": true, "users": true, "groups": true, "devices": true, "serviceprincipals": true, "contacts": true,
	"applications": true,
}

// referenced returns the id in an address such as
// https://graph.microsoft.com/v1.0/directoryObjects/{id}.
func referenced(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return "", badReference()
	}
	segments := strings.Split(strings.Trim(u.Path, "/"), "/")
	if len(segments) != 3 || segments[0] != "v1.0" && segments[0] != "beta" || !collections[strings.ToLower(segments[1])] {
		return "", badReference()
	}
	return segments[2], nil
}

// missing is the refusal of an action whose parameters are not all there.
func missing(action string, names ...string) *Refusal {
	return unread("One or more parameters of the function import '%s' are missing from the request payload. The missing parameters are: %s.",
		action, strings.Join(names, ", "))
}

// read reads a member into a variable; without the member it stays as it is.
func (b Body) read(name string, into any) error {
	value, ok := b[name]
	if !ok || string(value) == "null" {
		return nil
	}
	if json.Unmarshal(value, into) != nil {
		return unread("Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.")
	}
	return nil
}

// Texts is a member that is a list of texts; nil if it is none.
func (b Body) Texts(name string) []string { return textsOf(b[name]) }
