package graph

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// A Request is one request for [Client.Send] and [Client.Batch]. The functions of this
// file are the only way to make one, and none of them takes a method: so what can be
// deleted is decided here alone.
type Request struct {
	method     string
	path       string // below the root, encoded, with its query
	headers    map[string]string
	body       json.RawMessage
	shown      json.RawMessage // the body as it may be shown, if that differs
	bound      int             // links that it adds at once
	repeatable bool
}

// An Object names an object by its collection below the root, such as "users", and its id.
type Object struct{ Set, ID string }

// Path is where the object is, below the root and encoded.
func (o Object) Path() string { return o.Set + "/" + url.PathEscape(o.ID) }

// A Link is a reference from one object to another, such as that from a group to a member.
// Requests about it always end in /$ref: without that, Graph takes them to be about the
// target itself, and deletes it
// (https://learn.microsoft.com/graph/api/group-delete-members).
type Link struct {
	From       Object
	Navigation string
	Target     string // id; not needed to remove the only link of a navigation such as manager
}

// Get makes a request that reads path, which is below the root and encoded.
func Get(path string) Request {
	return Request{method: http.MethodGet, path: path, repeatable: true}
}

// Post makes a request that creates something or calls an action, which may have no body. It is
// not repeated where that could do harm, unless [Request.Repeatable] says that it cannot.
func Post(path string, body json.RawMessage) Request {
	return Request{method: http.MethodPost, path: path, body: body}
}

// Patch makes a request that changes properties. The same values again do no harm.
func Patch(path string, body json.RawMessage) Request {
	return Request{method: http.MethodPatch, path: path, body: body, repeatable: true}
}

// Upsert is a Patch that creates the object if there is none with the key in path, such as
// "groups(uniqueName='x')" (https://learn.microsoft.com/graph/api/group-upsert).
func Upsert(path string, body json.RawMessage) Request {
	r := Patch(path, body)
	r.headers = map[string]string{"Prefer": "create-if-missing"}
	return r
}

// Delete makes a request that deletes an object.
func Delete(o Object) Request {
	return Request{method: http.MethodDelete, path: o.Path(), repeatable: true}
}

// Unassign makes a request that deletes an app role assignment, which is no link but an
// object that belongs to its principal.
func Unassign(principal Object, assignment string) Request {
	return Request{
		method: http.MethodDelete, path: principal.Path() + "/appRoleAssignments/" + url.PathEscape(assignment), repeatable: true,
	}
}

// Add makes a request that adds the link to those of its navigation. Root is [Client.Root].
func (l Link) Add(root string) Request {
	return Request{method: http.MethodPost, path: l.collection(), body: l.reference(root), repeatable: true}
}

// Set makes a request that puts the link in place of the one that there is.
func (l Link) Set(root string) Request {
	return Request{method: http.MethodPut, path: l.collection(), body: l.reference(root), repeatable: true}
}

// Remove makes a request that removes the link.
func (l Link) Remove() Request {
	path := l.collection()
	if l.Target != "" {
		path = l.From.Path() + "/" + l.Navigation + "/" + url.PathEscape(l.Target) + "/$ref"
	}
	return Request{method: http.MethodDelete, path: path, repeatable: true}
}

// Bind makes a request that adds several links of one navigation at once: all of them or none
// (https://learn.microsoft.com/graph/api/group-post-members#example-2-add-multiple-members-to-a-group-in-a-single-request).
func Bind(root string, from Object, navigation string, targets []string) Request {
	links := make([]string, len(targets))
	for i, id := range targets {
		links[i] = root + Object{"directoryObjects", id}.Path()
	}
	body, _ := json.Marshal(map[string][]string{navigation + "@odata.bind": links}) // no string fails
	r := Patch(from.Path(), body)
	r.bound = len(targets)
	return r
}

func (l Link) collection() string { return l.From.Path() + "/" + l.Navigation + "/$ref" }

func (l Link) reference(root string) json.RawMessage {
	set := "directoryObjects"
	if l.Navigation == "manager" {
		set = "users"
	}
	return json.RawMessage(`{"@odata.id":` + Quote(root+Object{set, l.Target}.Path()) + `}`)
}

// Quote returns text as JSON.
func Quote(text string) string {
	quoted, err := json.Marshal(text)
	if err != nil {
		return `""` // no string fails
	}
	return string(quoted)
}

// Repeatable returns r, marked as one that does no harm if Graph carries it out twice.
func (r Request) Repeatable() Request {
	r.repeatable = true
	return r
}

// Showing returns r with the body that may be shown in place of one that has secrets.
func (r Request) Showing(body json.RawMessage) Request {
	r.shown = body
	return r
}

// With returns r with a header.
func (r Request) With(header, value string) Request {
	headers := map[string]string{header: value}
	maps.Copy(headers, r.headers)
	r.headers = headers
	return r
}

// Method is the HTTP method.
func (r Request) Method() string { return r.method }

// Path is the path below the root, with its query.
func (r Request) Path() string { return r.path }

// Shown is the body without secrets.
func (r Request) Shown() json.RawMessage {
	if r.shown != nil {
		return r.shown
	}
	return r.body
}

// IsRead reports whether r changes nothing.
func (r Request) IsRead() bool { return r.method == http.MethodGet }

// Cost is how many writes the quota of writes takes r for; 0 if it reads. Links that are bound in
// one request cost one for three of them: Microsoft has told others so, its documentation
// does not tell.
func (r Request) Cost() int {
	if r.IsRead() {
		return 0
	}
	return max(1, (r.bound+2)/3)
}

// IsRepeatable reports whether r does no harm if Graph carries it out twice.
func (r Request) IsRepeatable() bool { return r.repeatable }

// Writes names the object that r writes to, or is empty if r reads or creates. Graph
// refuses writes to one object that come side by side.
func (r Request) Writes() string {
	if r.IsRead() {
		return ""
	}
	path, _, _ := strings.Cut(r.path, "?")
	parts := strings.Split(path, "/")
	n := 2
	if parts[0] == "directory" {
		n = 3
	}
	switch {
	case len(parts) >= n:
		return strings.ToLower(strings.Join(parts[:n], "/"))
	case strings.Contains(path, "('") || strings.Contains(path, "='"):
		return strings.ToLower(path)
	}
	return ""
}

// guid matches an id.
const guid = `[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}`

// deletable matches what may be deleted: an object of a collection, a permission grant, an app
// role assignment, and what ends in /$ref.
var deletable = regexp.MustCompile(`^(?:(?:directory/)?\w+/` + guid +
	`|oauth2PermissionGrants/[\w-]+` +
	`|\w+/` + guid + `/appRoleAssignments/[^/]+` +
	`|(?:directory/)?\w+/` + guid + `/\w+(?:/` + guid + `)?/\$ref)$`)

// check holds the last line before the network: whatever a Request was made of, no DELETE
// reaches the target of a link.
func (r Request) check() error {
	if r.method == http.MethodDelete && !deletable.MatchString(r.path) {
		return fault.Errorf(fault.Internal, "refused to send DELETE %s: it is neither an object nor a link", r.path).
			WithHint("Report this")
	}
	return nil
}
