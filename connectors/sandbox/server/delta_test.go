package server

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-iga/usher/connectors/sandbox/graphapi"
	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// truth is a line of a snapshot.
type truth struct {
	Type       string
	OdataType  string
	ID         string
	Properties map[string]any
	Links      map[string][]string
}

func (sb *sandbox) snapshot(entity string) []truth {
	sb.t.Helper()
	a := sb.get("/sandbox/control/snapshot/" + entity)
	var all []truth
	for line := range bytes.Lines(a.body) {
		var one truth
		if err := json.Unmarshal(line, &one); err != nil {
			sb.t.Fatalf("%v in %s", err, line)
		}
		all = append(all, one)
	}
	return all
}

// merged is what a client knows of an object after a round.
type merged struct {
	properties map[string]any
	links      map[string]map[string]bool
}

// merge goes through the pages of a round as the documentation says: the last
// state of an object wins, links are added and removed one by one.
func merge(pages []answer) map[string]merged {
	objects := map[string]merged{}
	for _, page := range pages {
		for _, value := range page.values() {
			id, _ := value["id"].(string)
			if _, removed := value["@removed"]; removed {
				delete(objects, id)
				continue
			}
			o, known := objects[id]
			if !known {
				o = merged{properties: map[string]any{}, links: map[string]map[string]bool{}}
				objects[id] = o
			}
			for name, v := range value {
				relation, isLinks := strings.CutSuffix(name, "@delta")
				if !isLinks {
					o.properties[name] = v
					continue
				}
				if o.links[relation] == nil {
					o.links[relation] = map[string]bool{}
				}
				for _, link := range v.([]any) {
					link := link.(map[string]any)
					if _, gone := link["@removed"]; gone {
						delete(o.links[relation], link["id"].(string))
					} else {
						o.links[relation][link["id"].(string)] = true
					}
				}
			}
		}
	}
	return objects
}

// fullSelect is a $select of everything that a delta query can tell.
func fullSelect(w *tenant.World, kind tenant.Kind) string {
	var names []string
	for _, p := range w.Schema(kind).Properties {
		if p.Place == tenant.Directory {
			names = append(names, p.Name)
		}
	}
	for _, r := range tenant.RelationsOf(kind) {
		names = append(names, r.String())
	}
	return strings.Join(names, ",")
}

func deltaKinds() []tenant.Kind {
	return slices.DeleteFunc(tenant.Kinds(), func(k tenant.Kind) bool { return k == tenant.Organization })
}

func TestDeltaGivesTheSnapshot(t *testing.T) {
	for _, tt := range []struct {
		name  string
		pages graphapi.Options
	}{
		{"usual pages", graphapi.Options{}},
		{"small pages", graphapi.Options{DeltaObjects: 7, DeltaLinks: 5}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			config := tenant.DefaultConfig()
			config.Users, config.Memberships = 300, 900
			sb := start(t, Options{Pages: tt.pages, Tenant: config})
			for _, kind := range deltaKinds() {
				pages := sb.round("/v1.0/" + kind.Collection() + "/delta?$select=" + fullSelect(sb.World(), kind))
				if len(pages) < 3 {
					t.Errorf("%s: %d pages; a test needs several", kind, len(pages))
				}
				compareWithSnapshot(t, merge(pages), sb.snapshot(kind.Entity()))
			}
		})
	}
}

func compareWithSnapshot(t *testing.T, got map[string]merged, want []truth) {
	t.Helper()
	if !slices.IsSortedFunc(want, func(a, b truth) int { return strings.Compare(a.ID, b.ID) }) {
		t.Error("the snapshot is not sorted")
	}
	for _, object := range want {
		o, ok := got[object.ID]
		if !ok {
			t.Errorf("%s %s is missing", object.Type, object.ID)
			continue
		}
		delete(got, object.ID)
		delete(o.properties, "id")
		if special, _ := o.properties["@odata.type"].(string); strings.TrimPrefix(special, "#microsoft.graph.") != object.OdataType {
			t.Errorf("%s %s has the type %q, want %q", object.Type, object.ID, special, object.OdataType)
		}
		delete(o.properties, "@odata.type")
		maps.DeleteFunc(o.properties, func(_ string, v any) bool { return v == nil })
		if !reflect.DeepEqual(o.properties, object.Properties) {
			t.Errorf("%s %s:\n got %v\nwant %v", object.Type, object.ID, o.properties, object.Properties)
		}
		for relation, ids := range object.Links {
			if have := slices.Sorted(maps.Keys(o.links[relation])); !slices.Equal(have, ids) {
				t.Errorf("%s of %s %s: got %d, want %d", relation, object.Type, object.ID, len(have), len(ids))
			}
		}
	}
	for id := range got {
		t.Errorf("%s should not be there", id)
	}
}

// seen is which of the documented traits a round showed.
type seen struct {
	EmptyButMore, RemovedFirst, RemovedLater, Restored, DeletedReason, ChangedReason bool
	OtherStateOnLaterPage, LinkRemoved, SlicesInterleaved, Absent, Null              bool
}

// watcher looks for the traits in the pages of a round.
type watcher struct {
	seen
	page       int
	last       map[string]map[string]any // newest state by id
	firstPage  map[string]int
	sliced     map[string]bool // has told links
	lastSliced string
}

func watch(pages []answer) seen {
	w := watcher{last: map[string]map[string]any{}, firstPage: map[string]int{}, sliced: map[string]bool{}}
	for n, page := range pages {
		w.page = n
		if len(page.values()) == 0 && n < len(pages)-1 {
			w.EmptyButMore = true
		}
		for _, value := range page.values() {
			id := value["id"].(string)
			if removed, ok := value["@removed"].(map[string]any); ok {
				w.removed(id, removed["reason"])
			} else {
				w.object(id, value)
			}
			if _, known := w.firstPage[id]; !known {
				w.firstPage[id] = n
			}
			w.last[id] = value
		}
	}
	return w.seen
}

func (w *watcher) removed(id string, reason any) {
	_, known := w.last[id]
	w.RemovedFirst = w.RemovedFirst || !known
	w.RemovedLater = w.RemovedLater || known
	w.DeletedReason = w.DeletedReason || reason == "deleted"
	w.ChangedReason = w.ChangedReason || reason == "changed"
}

func (w *watcher) object(id string, value map[string]any) {
	if before, known := w.last[id]; known {
		_, wasRemoved := before["@removed"]
		w.Restored = w.Restored || wasRemoved
		w.OtherStateOnLaterPage = w.OtherStateOnLaterPage ||
			!wasRemoved && w.firstPage[id] < w.page && before["displayName"] != value["displayName"]
	}
	description, has := value["description"]
	w.Absent = w.Absent || !has
	w.Null = w.Null || has && description == nil
	links, ok := value["members@delta"].([]any)
	if !ok {
		return
	}
	w.SlicesInterleaved = w.SlicesInterleaved || w.sliced[id] && w.lastSliced != id
	w.sliced[id], w.lastSliced = true, id
	for _, link := range links {
		_, gone := link.(map[string]any)["@removed"]
		w.LinkRemoved = w.LinkRemoved || gone
	}
}

func TestDeltaTraits(t *testing.T) {
	sb := start(t, Options{})
	pages := sb.round("/v1.0/groups/delta?$select=displayName,description,mail,members")
	got := watch(pages)
	for i, page := range pages {
		if len(page.values()) > 200 {
			t.Errorf("page %d has %d objects", i, len(page.values()))
		}
		links := 0
		for _, value := range page.values() {
			list, _ := value["members@delta"].([]any)
			links += len(list)
			if list != nil && len(list) == 0 {
				t.Error("members@delta is empty instead of absent")
			}
		}
		if links > 500 {
			t.Errorf("page %d has %d links", i, links)
		}
		if bytes.Index(page.body, []byte(`"@odata.nextLink"`)) > bytes.Index(page.body, []byte(`"value"`)) {
			t.Errorf("page %d has its link after the values", i)
		}
	}
	traits := reflect.ValueOf(got)
	for i := range traits.NumField() {
		if !traits.Field(i).Bool() {
			t.Errorf("no page showed the trait %s", traits.Type().Field(i).Name)
		}
	}
	if users := watch(sb.round("/v1.0/users/delta")); !users.OtherStateOnLaterPage || !users.Restored || !users.RemovedLater {
		t.Errorf("users: %+v", users)
	}
}

func TestDeltaSelect(t *testing.T) {
	sb := start(t, Options{})
	keys := func(a answer) map[string]bool {
		all := map[string]bool{}
		for _, v := range a.values() {
			for name := range v {
				all[name] = true
			}
		}
		return all
	}
	tests := []struct {
		query   string
		with    []string
		without []string
	}{
		{"/v1.0/users/delta?$select=displayName", []string{"id", "displayName"}, []string{"mail", "manager@delta"}},
		{"/v1.0/users/delta()?$select=displayName,manager", []string{"manager@delta"}, []string{"mail"}},
		{"/v1.0/users/microsoft.graph.delta", []string{"displayName", "mail", "businessPhones"}, []string{"department", "manager@delta"}},
		{"/beta/users/microsoft.graph.delta()", []string{"displayName"}, []string{"department"}},
		{"/v1.0/groups/delta", []string{"members@delta", "displayName", "groupTypes"}, []string{"owners@delta"}},
		{"/v1.0/groups/delta?$select=displayName", []string{"displayName"}, []string{"members@delta"}},
		{"/v1.0/groups/delta?$select=owners", []string{"id", "owners@delta"}, []string{"displayName", "members@delta"}},
		{"/v1.0/directoryroles/delta", []string{"members@delta", "roleTemplateId"}, nil},
		{"/v1.0/administrativeUnits/delta", []string{"members@delta"}, nil},
		{"/v1.0/directory/administrativeUnits/delta", []string{"members@delta"}, nil},
		{"/v1.0/users/delta?%24select=id", []string{"id"}, []string{"displayName"}},
	}
	for _, tt := range tests {
		a := sb.get(tt.query)
		have := keys(a)
		for _, name := range tt.with {
			if !have[name] {
				t.Errorf("%s: no %s in %s", tt.query, name, a.body[:min(300, len(a.body))])
			}
		}
		for _, name := range tt.without {
			if have[name] {
				t.Errorf("%s: has %s", tt.query, name)
			}
		}
		next, _ := a.json["@odata.nextLink"].(string)
		path, _, _ := strings.Cut(tt.query, "?")
		prefix := path[:strings.Index(strings.ToLower(path), "/delta")+1]
		if i := strings.Index(strings.ToLower(path), "/microsoft"); i > 0 {
			prefix = path[:i+1]
		}
		if !strings.HasPrefix(strings.ToLower(next), strings.ToLower(sb.Ready().URL+prefix)+"delta?$skiptoken=") {
			t.Errorf("%s: goes on at %s", tt.query, next)
		}
	}
}

func TestDeltaRefuses(t *testing.T) {
	sb := start(t, Options{})
	tests := []struct {
		path, code, message string
	}{
		{"/users/delta?$top=5", "Request_UnsupportedQuery", ""},
		{"/groups/delta?$expand=members", "Request_UnsupportedQuery", ""},
		{"/groups/delta?$orderby=displayName", "Request_UnsupportedQuery", ""},
		{"/users/delta?$select=id,signInActivity", "BadRequest",
			"Invalid request for delta query: for this entity set, $expand/$select is not supported for the following properties: signInActivity"},
		{"/users/delta?$select=skills,aboutMe", "BadRequest",
			"Invalid request for delta query: for this entity set, $expand/$select is not supported for the following properties: skills, aboutMe"},
		{"/users/delta?$select=x", "BadRequest", "Could not find a property named 'x' on type 'microsoft.graph.user'."},
		{"/users/delta?$select=members", "BadRequest", "Could not find a property named 'members' on type 'microsoft.graph.user'."},
		{"/organization/delta", "BadRequest", "Unsupported request: Change tracking is not supported against 'microsoft.graph.organization'"},
		{"/directoryObjects/delta", "Request_UnsupportedQuery",
			"Delta query is not supported for directoryObjects without a valid resource type or id filter."},
		{"/users/delta?$skiptoken=x", "Request_UnsupportedQuery", "DeltaLink older than 30 days is not supported."},
	}
	for _, tt := range tests {
		a := sb.get("/v1.0" + tt.path)
		if a.status != http.StatusBadRequest || a.code() != tt.code || tt.message != "" && a.message() != tt.message {
			t.Errorf("%s: %d %s", tt.path, a.status, a.body)
		}
	}
}

func TestLinksAreOpaque(t *testing.T) {
	sb := start(t, Options{})
	first := sb.get("/v1.0/users/delta?$select=displayName")
	link := first.json["@odata.nextLink"].(string)
	for _, escape := range []string{"%2B", "%2F", "%3D"} {
		if !strings.Contains(link, escape) {
			t.Errorf("there is no %s in %s", escape, link)
		}
	}
	good := sb.get(link)
	if good.status != http.StatusOK {
		t.Fatalf("%d %s", good.status, good.body)
	}
	if again := sb.get(link); !bytes.Equal(again.body, good.body) {
		t.Error("the same link gave another page")
	}
	broken := map[string]string{
		"unescaped once":   strings.ReplaceAll(link, "%2B", "+"),
		"escaped twice":    strings.ReplaceAll(link, "%2B", "%252B"),
		"cut":              link[:strings.LastIndexByte(link[:len(link)-12], '%')], // between two characters
		"other collection": strings.Replace(link, "/users/", "/groups/", 1),
		"other use":        strings.Replace(link, "$skiptoken", "$deltatoken", 1),
	}
	for name, address := range broken {
		if a := sb.get(address); a.status != http.StatusBadRequest || a.code() != "Request_UnsupportedQuery" ||
			a.message() != "DeltaLink older than 30 days is not supported." {
			t.Errorf("%s: %d %s", name, a.status, a.body[:min(200, len(a.body))])
		}
	}
	for _, more := range []string{"&$select=mail", "&x=1", "&$top=1"} {
		if a := sb.get(link + more); a.status != http.StatusBadRequest {
			t.Errorf("%s: %d", more, a.status)
		}
	}
}

func TestDeltaTokens(t *testing.T) {
	sb := start(t, Options{})
	pages := sb.round("/v1.0/devices/delta?$select=displayName")
	link := pages[len(pages)-1].json["@odata.deltaLink"].(string)
	latest := sb.get("/v1.0/devices/delta?$select=displayName&$deltatoken=latest")
	for name, a := range map[string]answer{"new round": sb.get(link, "Prefer", "return=minimal"), "latest": latest} {
		if a.status != http.StatusOK || len(a.values()) != 0 || a.json["@odata.deltaLink"] == nil {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	restart := sb.get("/v1.0/devices/delta?$deltatoken=")
	if restart.status != http.StatusOK || restart.json["@odata.nextLink"] == nil {
		t.Errorf("an empty token: %d %s", restart.status, restart.body)
	}
	next := pages[0].json["@odata.nextLink"].(string)
	sb.clock.advance(2 * time.Hour)
	sb.token = sb.signIn()
	if a := sb.get(next); a.code() != "Directory_ExpiredPageToken" {
		t.Errorf("an old page: %d %s", a.status, a.body)
	}
	sb.clock.advance(8 * 24 * time.Hour)
	sb.token = sb.signIn()
	if a := sb.get(link); a.code() != "Request_UnsupportedQuery" {
		t.Errorf("an old round: %d %s", a.status, a.body)
	}
}

func TestSameSeedSameTenant(t *testing.T) {
	bodies := func() string {
		sb := start(t, Options{})
		var all strings.Builder
		for _, path := range []string{"/v1.0/users/delta", "/v1.0/groups?$top=999", "/v1.0/groups/delta", "/v1.0/servicePrincipals"} {
			all.Write(sb.get(path).body)
		}
		return strings.ReplaceAll(all.String(), sb.Ready().URL, "")
	}
	if first, second := bodies(), bodies(); first != second {
		t.Error("two servers of the same seed differ")
	}
}
