package change_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-iga/usher/connectors/entra/change"
	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

func newUser() sdk.Order {
	return sdk.Order{Operation: sdk.Create, Entity: "user", Secrets: secret("c4nary"), Attributes: values(
		"accountEnabled", "true", "displayName", `"Ann"`, "mailNickname", `"ann"`, "userPrincipalName", `"ann@contoso.com"`)}
}

func newGroup() sdk.Order {
	return sdk.Order{Operation: sdk.Create, Entity: "group", Attributes: values(
		"displayName", `"Crew"`, "mailNickname", `"crew"`, "mailEnabled", "false", "securityEnabled", "true")}
}

const (
	annNow = `{"id":"` + ann + `","createdDateTime":"2026-05-01T08:00:00Z","accountEnabled":true,"displayName":"Ann","mailNickname":"ann","userPrincipalName":"Ann@contoso.com"}`
	annOld = `{"id":"` + ann + `","createdDateTime":"2020-05-01T08:00:00Z","accountEnabled":true,"displayName":"Ann","mailNickname":"ann","userPrincipalName":"Ann@contoso.com"}`
	other  = `{"id":"` + ann + `","createdDateTime":"2026-05-01T08:00:00Z","accountEnabled":true,"displayName":"Bob","mailNickname":"ann","userPrincipalName":"Ann@contoso.com"}`

	crewNow = `{"id":"` + crew + `","createdDateTime":"2026-05-01T08:00:00Z","displayName":"Crew","mailNickname":"crew","mailEnabled":false,"securityEnabled":true}`
)

var taken = refusal("Request_BadRequest", "Another object with the same value for property userPrincipalName already exists.")

// What becomes of a creation whose answer is lost, or may have been in an earlier attempt.
func TestCreationThatMayHaveBeen(t *testing.T) {
	uncertain := func(o sdk.Order) sdk.Order {
		o.Uncertain, o.FirstAttempt = true, time.Date(2026, 5, 1, 7, 59, 0, 0, time.UTC)
		return o
	}
	for name, tc := range map[string]struct {
		order  sdk.Order
		posts  []string // answers to the creation: a status of three digits and a body; 000 is lost
		looks  []string // answers to looking; the last one for ever
		id     string
		code   fault.Code
		writes int
	}{
		"lost and done":           {newUser(), []string{"000"}, []string{"404", "404", "200" + annNow}, ann, "", 1},
		"lost and not done":       {newUser(), []string{"000", "201" + annNow}, []string{"404"}, ann, "", 2},
		"lost, seen late":         {newUser(), []string{"000", "400" + taken}, []string{"404", "404", "404", "404", "404", "404", "404", "200" + annNow}, ann, "", 2},
		"503 and done":            {newUser(), []string{"503"}, []string{"200" + annNow}, ann, "", 1},
		"taken by another":        {newUser(), []string{"400" + taken}, nil, "", fault.Conflict, 1},
		"lost, another is there":  {newUser(), []string{"000", "400" + taken}, []string{"200" + other}, "", fault.Conflict, 2},
		"lost, an old one":        {newUser(), []string{"000", "400" + taken}, []string{"200" + annOld}, "", fault.Conflict, 2},
		"earlier and done":        {uncertain(newUser()), nil, []string{"200" + annNow}, ann, "", 0},
		"earlier and not done":    {uncertain(newUser()), []string{"201" + annNow}, []string{"404"}, ann, "", 1},
		"group, lost and done":    {newGroup(), []string{"000"}, []string{`200{"value":[]}`, `200{"value":[` + crewNow + `]}`}, crew, "", 1},
		"group, lost, not done":   {newGroup(), []string{"000", "201" + crewNow}, []string{`200{"value":[]}`}, crew, "", 2},
		"group, earlier and done": {uncertain(newGroup()), nil, []string{`200{"value":[` + strings.Replace(crewNow, "Crew", "Other", 1) + "," + crewNow + `]}`}, crew, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fake{}
			f.answer = func(r graph.Request) (int, string) {
				list := &tc.posts
				if r.IsRead() {
					if list = &tc.looks; len(*list) == 1 {
						list = &[]string{tc.looks[0]}
					}
				}
				if len(*list) == 0 {
					t.Errorf("%s %s was not expected", r.Method(), r.Path())
					return 400, refusal("x", "not expected")
				}
				next := (*list)[0]
				*list = (*list)[1:]
				var status int
				for _, digit := range next[:3] {
					status = 10*status + int(digit-'0')
				}
				if status == 404 {
					return status, missing(ann)
				}
				return status, next[3:]
			}
			o := fulfill(t, f, tc.order)
			if o.ObjectID != tc.id || fault.CodeOf(asError(o.Failure)) != tc.code || len(f.writes()) != tc.writes || o.Attempts != tc.writes {
				t.Errorf("id %q, failure %v, %d writes of %d attempts", o.ObjectID, o.Failure, len(f.writes()), o.Attempts)
			}
			if o.Unchanged {
				t.Error("it counts as unchanged")
			}
			text, _ := json.Marshal(o)
			if strings.Contains(string(text), "c4nary") {
				t.Errorf("the outcome shows the password: %s", text)
			}
		})
	}
}

func asError(f *fault.Error) error {
	if f == nil {
		return nil
	}
	return f
}

func missing(object string) string {
	return refusal("Request_ResourceNotFound", "Resource '"+object+"' does not exist or one of its queried reference-property objects are not present.")
}

// A 404 is no answer about an object that may be too new to be seen.
func TestPatienceWithNewObjects(t *testing.T) {
	f := &fake{}
	unseen := 3
	f.answer = func(r graph.Request) (int, string) {
		switch {
		case r.Method() == "POST" && r.Path() == "users":
			return 201, annNow
		case unseen > 0:
			unseen--
			return 404, missing(ann)
		}
		return 204, ""
	}
	o := newUser()
	o.Links = links("manager", id(bob), nil)
	if out := fulfill(t, f, o); out.Failure != nil || out.Attempts != 5 {
		t.Errorf("%d attempts, %v", out.Attempts, out.Failure)
	}
	f.answer = func(graph.Request) (int, string) { return 404, missing(ann) }
	out := fulfill(t, f, sdk.Order{Operation: sdk.Update, Entity: "user", Key: sdk.ObjectKey{ID: ann}, Attributes: values("city", `"x"`)})
	if !fault.Is(asError(out.Failure), fault.NotFound) {
		t.Errorf("an update of nobody: %v", out.Failure)
	}
	if out = fulfill(t, f, sdk.Order{Operation: sdk.Delete, Entity: "user", Key: sdk.ObjectKey{ID: ann}}); out.Failure != nil || !out.Unchanged {
		t.Errorf("a deletion of nobody: %+v", out)
	}
	if out = fulfill(t, f, sdk.Order{Operation: sdk.Restore, Entity: "user", Key: sdk.ObjectKey{ID: ann}}); !fault.Is(asError(out.Failure), fault.NotFound) {
		t.Errorf("a restoration of nobody: %+v", out)
	}
}

func TestNaturalKeys(t *testing.T) {
	for _, tc := range []struct {
		entity string
		key    sdk.ObjectKey
		path   string
		answer string
	}{
		{"user", sdk.ObjectKey{Attribute: "userPrincipalName", Value: "g_x#EXT#@contoso.com"}, "users/g_x%23EXT%23@contoso.com?$select=id", `{"id":"` + ann + `"}`},
		{"user", sdk.ObjectKey{Attribute: "userPrincipalName", Value: "$a@contoso.com"}, "users('%24a%40contoso.com')?$select=id", `{"id":"` + ann + `"}`},
		{"user", sdk.ObjectKey{Attribute: "displayName", Value: "Conan O'Brien"}, "users?$filter=displayName%20eq%20'Conan%20O%27%27Brien'&$select=id&$top=2", `{"value":[{"id":"` + ann + `"}]}`},
		{"group", sdk.ObjectKey{Attribute: "uniqueName", Value: "a b"}, "groups(uniqueName='a%20b')?$select=id", `{"id":"` + ann + `"}`},
		{"servicePrincipal", sdk.ObjectKey{Attribute: "appId", Value: bob}, "servicePrincipals(appId='" + bob + "')?$select=id", `{"id":"` + ann + `"}`},
	} {
		f := &fake{answer: func(r graph.Request) (int, string) {
			if r.IsRead() {
				return 200, tc.answer
			}
			return 204, ""
		}}
		o := fulfill(t, f, sdk.Order{Operation: sdk.Delete, Entity: tc.entity, Key: tc.key})
		if o.Failure != nil || o.ObjectID != ann || f.requests[0].Path() != tc.path {
			t.Errorf("%s: %v, asked %s, want %s", tc.key.Attribute, o.Failure, f.requests[0].Path(), tc.path)
		}
	}
	f := &fake{answer: func(graph.Request) (int, string) { return 200, `{"value":[{"id":"` + ann + `"},{"id":"` + bob + `"}]}` }}
	o := fulfill(t, f, sdk.Order{Operation: sdk.Delete, Entity: "user", Key: sdk.ObjectKey{Attribute: "displayName", Value: "Ann"}})
	if !fault.Is(asError(o.Failure), fault.Conflict) || len(f.writes()) > 0 {
		t.Errorf("of two, one was chosen: %v", o.Failure)
	}
}

func TestRoleIsActivated(t *testing.T) {
	f := &fake{}
	f.answer = func(r graph.Request) (int, string) {
		switch {
		case r.IsRead():
			return 404, missing(crew)
		case r.Path() == "directoryRoles":
			return 201, `{"id":"` + crew + `"}`
		}
		return 204, ""
	}
	o := fulfill(t, f, sdk.Order{Operation: sdk.Update, Entity: "directoryRole", Key: sdk.ObjectKey{Attribute: "roleTemplateId", Value: bob}, Links: links("members", id(ann), nil)})
	if o.Failure != nil || len(f.writes()) != 2 || !strings.HasPrefix(f.writes()[1].Path(), "directoryRoles/"+crew) {
		t.Errorf("%v after %v", o.Failure, f.writes())
	}
}

// Only the manager that an order names is removed.
func TestAnotherManagerStays(t *testing.T) {
	f := &fake{answer: func(graph.Request) (int, string) { return 200, `{"id":"` + crew + `"}` }}
	o := fulfill(t, f, sdk.Order{Operation: sdk.Update, Entity: "user", Key: sdk.ObjectKey{ID: ann}, Links: links("manager", nil, id(bob))})
	if o.Failure != nil || !o.Unchanged || len(f.writes()) > 0 {
		t.Errorf("%+v after %v", o, f.writes())
	}
	if o = fulfill(t, f, sdk.Order{Operation: sdk.Update, Entity: "user", Key: sdk.ObjectKey{ID: ann}, Links: links("manager", nil, id(crew))}); o.Unchanged {
		t.Errorf("%+v", o)
	}
}

// A service principal that is there gets the attributes all the same.
func TestThereIsOneServicePrincipal(t *testing.T) {
	f := &fake{answer: func(r graph.Request) (int, string) {
		switch r.Method() {
		case "POST":
			return 409, refusal("Request_MultipleObjectsWithSameKeyValue", "A conflicting object with one or more of the specified property values is present in the directory.")
		case "GET":
			return 200, `{"id":"` + ann + `","appId":"` + bob + `","tags":["t"]}`
		}
		return 204, ""
	}}
	o := fulfill(t, f, sdk.Order{Operation: sdk.Create, Entity: "servicePrincipal", Attributes: values("appId", `"`+bob+`"`, "tags", `["t"]`)})
	if o.Failure != nil || o.ObjectID != ann || len(f.writes()) != 2 || string(f.writes()[1].Shown()) != `{"tags":["t"]}` {
		t.Errorf("%+v after %v", o, f.writes())
	}
}

// A missing permission is named.
func TestMissingPermission(t *testing.T) {
	f := &fake{answer: func(graph.Request) (int, string) {
		return 403, refusal("Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
	}}
	o := fulfill(t, f, sdk.Order{Operation: sdk.Delete, Entity: "group", Key: sdk.ObjectKey{ID: crew}})
	if o.Failure == nil || !strings.Contains(o.Failure.Hint, "Group.ReadWrite.All") || o.Failure.RequestID != "r-1" {
		t.Errorf("%+v", o.Failure)
	}
	o = fulfill(t, f, sdk.Order{Operation: sdk.Update, Entity: "user", Key: sdk.ObjectKey{ID: ann}, Links: links("memberOf", id(crew), nil)})
	if o.Failure == nil || !strings.Contains(o.Failure.Hint, "GroupMember.ReadWrite.All") {
		t.Errorf("%+v", o.Failure)
	}
}

// A preview tells what would change and writes nothing.
func TestPreview(t *testing.T) {
	f := &fake{}
	f.answer = func(r graph.Request) (int, string) {
		switch path, _, _ := strings.Cut(r.Path(), "?"); path {
		case "users/" + ann:
			return 200, `{"id":"` + ann + `","displayName":"Ann","userPrincipalName":"ann@contoso.com","city":"Bern","accountEnabled":true,` +
				`"assignedLicenses":[{"skuId":"` + crew + `"}]}`
		case "users/taken@contoso.com":
			return 200, annNow
		case "users/" + ann + "/manager":
			return 200, `{"id":"` + bob + `"}`
		case "groups/" + crew:
			return 200, `{"id":"` + crew + `","displayName":"Crew"}`
		case "groups/" + crew + "/members":
			return 200, `{"value":[{"id":"` + ann + `"}]}`
		}
		return 404, missing(ann)
	}
	user, group := sdk.ObjectKey{ID: ann}, sdk.ObjectKey{ID: crew}
	already := newUser()
	already.Attributes[3].Value = json.RawMessage(`"taken@contoso.com"`)
	orders := map[string]sdk.Order{
		`Ann @ city "Bern">"Basel"`:       {Operation: sdk.Update, Entity: "user", Key: user, Attributes: values("city", `"Basel"`, "displayName", `"Ann"`)},
		`Ann @ =`:                         {Operation: sdk.Enable, Entity: "user", Key: user},
		`Ann @ accountEnabled true>false`: {Operation: sdk.Disable, Entity: "user", Key: user},
		`Ann @`:                           {Operation: sdk.Delete, Entity: "user", Key: user},
		` @ =`:                            {Operation: sdk.Delete, Entity: "user", Key: sdk.ObjectKey{ID: bob}},
		` @ !not_found`:                   {Operation: sdk.Enable, Entity: "user", Key: sdk.ObjectKey{ID: bob}},
		`Crew @ members ["` + ann + `"]>["` + bob + `"]`: {Operation: sdk.Update, Entity: "group", Key: group, Links: links("members", id(bob), id(ann, crew))},
		`Ann @ manager ["` + bob + `"]>["` + crew + `"]`: {Operation: sdk.Update, Entity: "user", Key: user, Links: links("manager", id(crew), nil)},
		`Ann @ = again`:                 {Operation: sdk.Update, Entity: "user", Key: user, Links: append(links("manager", id(bob), nil), links("assignedLicenses", id(crew), nil)...)},
		`taken@contoso.com @ !conflict`: already,
		`ann@contoso.com @ accountEnabled null>true displayName null>"Ann" mailNickname null>"ann" userPrincipalName null>"ann@contoso.com" passwordProfile/password >"***"`: newUser(),
	}
	var all []sdk.Order
	for want, o := range orders {
		o.ID = want
		all = append(all, o)
	}
	n := 0
	err := change.New(f, newClock(), time.Time{}).Preview(t.Context(), all, func(p sdk.Preview) error {
		n++
		if got := told(p); got != strings.TrimSuffix(p.Order, " again") {
			t.Errorf("got  %s\nwant %s", got, p.Order)
		}
		return nil
	})
	if err != nil || n != len(orders) {
		t.Errorf("%d previews, %v", n, err)
	}
	if w := f.writes(); len(w) > 0 {
		t.Errorf("a preview sent %v", w)
	}
}

func told(p sdk.Preview) string {
	title := p.Title
	if title == "ann@contoso.com" && p.ObjectID != "" {
		title = "Ann"
	}
	words := []string{title + " @"}
	for _, c := range p.Changes {
		words = append(words, c.Path+" "+string(c.Before)+">"+string(c.After))
	}
	if p.Unchanged {
		words = append(words, "=")
	}
	if p.Failure != nil {
		words = append(words, "!"+string(p.Failure.Code))
	}
	return strings.Join(words, " ")
}

// An order that cannot be is an outcome, and the others go on; what no order is to blame for ends
// the call.
func TestBadOrders(t *testing.T) {
	f := &fake{answer: func(graph.Request) (int, string) { return 204, "" }}
	var done []string
	orders := []sdk.Order{
		{ID: "bad", Operation: sdk.Update, Entity: "user", Key: sdk.ObjectKey{ID: "x"}},
		{ID: "good", Operation: sdk.Delete, Entity: "user", Key: sdk.ObjectKey{ID: ann}},
		{ID: "member", Operation: sdk.Update, Entity: "group", Key: sdk.ObjectKey{ID: crew}, Links: links("members", id(ann), nil)},
	}
	results := make(chan sdk.Outcome, 3)
	err := change.New(f, newClock(), time.Time{}).Fulfill(t.Context(), &source{orders}, func(o sdk.Outcome) error {
		results <- o
		return nil
	})
	close(results)
	for o := range results {
		if (o.Failure != nil) != (o.Order == "bad") {
			t.Errorf("%s: %v", o.Order, o.Failure)
		}
		done = append(done, o.Order)
	}
	if slices.Sort(done); err != nil || !slices.Equal(done, []string{"bad", "good", "member"}) {
		t.Errorf("done %v, %v", done, err)
	}
	boom := fault.Errorf(fault.Storage, "the journal is full")
	for _, order := range orders {
		err = change.New(f, newClock(), time.Time{}).Fulfill(t.Context(), &source{[]sdk.Order{order}}, func(sdk.Outcome) error { return boom })
		if !errors.Is(err, boom) {
			t.Errorf("%s: an error of the sink becomes %v", order.ID, err)
		}
	}
}
