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
	kind     tenant.Kind
	anyKind  bool // /directoryObjects
	id       string
	relation string // a name such as members, in lower case
	cast     tenant.Kind
	count    bool
	delta    bool
}

// parseTarget reads a path. Names of segments are the same in either case.
func parseTarget(u *url.URL) (target, error) {
	var t target
	segments := strings.Split(strings.Trim(u.EscapedPath(), "/"), "/")
	for i, s := range segments {
		plain, err := url.PathUnescape(s)
		if err != nil {
			return t, errBadRequest("BadRequest", "The request URI is not valid.")
		}
		segments[i] = plain
	}
	t.version = strings.ToLower(segments[0])
	if t.version != "v1.0" && t.version != "beta" {
		return t, errBadRequest("BadRequest", "Invalid version: "+segments[0])
	}
	segments = segments[1:]
	t.path = "/" + strings.ToLower(strings.Join(segments, "/"))
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
	for _, k := range tenant.Kinds() {
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
		name := strings.TrimPrefix(strings.TrimPrefix(strings.ToLower(segments[0]), "microsoft."), "graph.")
		for _, k := range tenant.Kinds() {
			if strings.ToLower(k.Entity()) == name {
				t.cast = k
				segments = segments[1:]
				break
			}
		}
	}
	if len(segments) > 0 && strings.EqualFold(segments[0], "$count") {
		t.count = true
		segments = segments[1:]
	}
	if len(segments) > 0 {
		return errNoSegment(segments[0])
	}
	return nil
}
