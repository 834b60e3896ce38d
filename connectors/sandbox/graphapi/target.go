package graphapi

import (
	"net/url"
	"strings"

	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// target is what the path of a request points to.
type target struct {
	version  string // v1.0 or beta
	path     string // without the version and in lower case
	folder   string // "directory/" where the path has that
	set      string // a set that is no collection of a kind, see sets
	kind     tenant.Kind
	anyKind  bool // /directoryObjects
	id       string
	relation string // a name such as members, in lower case
	related  string // an id below it
	ref      bool   // $ref stands at the end
	cast     tenant.Kind
	count    bool
	delta    bool
}

// sets are what stands below / and /directory and is no collection of a kind.
var sets = map[string]bool{
	"directory/deleteditems": true, "rolemanagement/directory/roleassignments": true, "rolemanagement/directory/roledefinitions": true,
	"directory/attributesets": true, "directory/customsecurityattributedefinitions": true,
}

// Names of the sets.
const (
	deletedItems       = "deleteditems"
	roleAssignments    = "roleassignments"
	roleDefinitions    = "roledefinitions"
	attributeSets      = "attributesets"
	securityAttributes = "customsecurityattributedefinitions"
)

// parseTarget reads a path. Names of segments are the same in either case.
func parseTarget(u *url.URL) (target, error) {
	var t target
	version, segments, err := splitPath(u)
	if err != nil {
		return t, err
	}
	t.version = version
	t.path = "/" + strings.ToLower(strings.Join(segments, "/"))
	for n := 2; n <= min(3, len(segments)); n++ {
		if sets[strings.ToLower(strings.Join(segments[:n], "/"))] {
			t.set = strings.ToLower(segments[n-1])
			return t, t.parseSet(segments[n:])
		}
	}
	if len(segments) > 1 && strings.EqualFold(segments[0], "directory") {
		if !strings.EqualFold(segments[1], tenant.AdministrativeUnit.Collection()) {
			return t, errNoSegment(segments[1])
		}
		t.folder, segments = "directory/", segments[1:]
	}
	if len(segments) == 0 {
		return t, errNoSegment("")
	}
	if err := t.parseCollection(segments[0]); err != nil {
		return t, err
	}
	rest := segments[1:]
	if t.id == "" && len(rest) > 0 {
		if t.parseFunction(rest[0]) {
			if len(rest) > 1 {
				return t, errNoSegment(rest[1])
			}
			return t, nil
		}
		t.id, rest = rest[0], rest[1:]
	}
	return t, t.parseRelation(rest)
}

// splitPath splits a path into the version, in lower case, and its segments.
func splitPath(u *url.URL) (version string, segments []string, err error) {
	segments = strings.Split(strings.Trim(u.EscapedPath(), "/"), "/")
	for i, s := range segments {
		plain, err := url.PathUnescape(s)
		if err != nil {
			return "", nil, errBadRequest("BadRequest", "The request URI is not valid.")
		}
		segments[i] = plain
	}
	version = strings.ToLower(segments[0])
	if version != "v1.0" && version != "beta" {
		return "", nil, errBadRequest("BadRequest", "Invalid version: "+segments[0])
	}
	return version, segments[1:], nil
}

// parseSet reads what follows a set: nothing, an id or a cast.
func (t *target) parseSet(segments []string) error {
	switch {
	case len(segments) == 0:
	case len(segments) > 1:
		return errNoSegment(segments[1])
	case t.set == deletedItems:
		if t.cast = castNamed(segments[0]); t.cast == 0 {
			t.id = segments[0]
		}
	default:
		t.id = segments[0]
	}
	return nil
}

// castNamed returns the kind of a cast such as microsoft.graph.user; 0 if it is
// none.
func castNamed(segment string) tenant.Kind {
	name, ok := strings.CutPrefix(strings.TrimPrefix(strings.ToLower(segment), "microsoft."), "graph.")
	for _, k := range tenant.Kinds() {
		if ok && strings.ToLower(k.Entity()) == name {
			return k
		}
	}
	return 0
}

// parseCollection reads a first segment such as users, users('id') or
// applications(appId='id').
func (t *target) parseCollection(segment string) error {
	name, key, hasKey := strings.Cut(segment, "(")
	if hasKey {
		t.id = strings.TrimSuffix(key, ")")
		if quoted, ok := strings.CutPrefix(t.id, "'"); ok {
			t.id = strings.TrimSuffix(quoted, "'")
		}
	}
	if strings.EqualFold(name, "directoryObjects") {
		t.anyKind = true
		return nil
	}
	for _, k := range append(tenant.Kinds(), tenant.Sku) {
		if strings.EqualFold(name, k.Collection()) {
			t.kind = k
			return nil
		}
	}
	return errNoSegment(name)
}

// parseFunction reads a segment after a collection that is no id.
func (t *target) parseFunction(segment string) bool {
	switch strings.ToLower(segment) {
	case "delta", "delta()", "microsoft.graph.delta", "microsoft.graph.delta()":
		t.delta = true
	case "$count":
		t.count = true
	default:
		return false
	}
	return true
}

func (t *target) parseRelation(segments []string) error {
	if len(segments) == 0 {
		return nil
	}
	t.relation = strings.ToLower(segments[0])
	segments = segments[1:]
	if len(segments) > 0 {
		if t.cast = castNamed(segments[0]); t.cast != 0 {
			segments = segments[1:]
		}
	}
	if len(segments) > 0 && t.cast == 0 && !strings.HasPrefix(segments[0], "$") {
		t.related = segments[0]
		segments = segments[1:]
	}
	if len(segments) > 0 && strings.EqualFold(segments[0], "$count") {
		t.count = true
		segments = segments[1:]
	} else if len(segments) > 0 && strings.EqualFold(segments[0], "$ref") {
		t.ref = true
		segments = segments[1:]
	}
	if len(segments) > 0 {
		return errNoSegment(segments[0])
	}
	return nil
}
