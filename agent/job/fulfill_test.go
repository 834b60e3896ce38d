package job

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/usher-iga/usher/agent/export"
	"github.com/usher-iga/usher/agent/settings"
	"github.com/usher-iga/usher/connectors/sdk"
)

func TestCount(t *testing.T) {
	counts := []export.Count{
		{Entity: "user", Number: 100}, {Entity: "group", Number: 10},
		{Entity: "group", Navigation: "members", Number: 400}, {Entity: "group", Navigation: "owners", Number: 20},
	}
	for _, tc := range []struct {
		entity, navigation string
		want               uint64
	}{
		{"user", "", 100},
		{"User", "", 100},
		{"device", "", 0},
		{"group", "members", 400},
		{"user", "memberOf", 420}, // exports see them from the other side
	} {
		if got := count(counts, tc.entity, tc.navigation); got != tc.want {
			t.Errorf("%s %s: %d, want %d", tc.entity, tc.navigation, got, tc.want)
		}
	}
}

// The agent's own sets of password settings win over those of mapping files.
func TestPasswordSets(t *testing.T) {
	all := passwordSets(
		[]settings.PasswordSet{{Identifier: "Default", GeneratedLength: 1}},
		[]settings.PasswordSet{{Identifier: "default", GeneratedLength: 2}, {Identifier: "strict", GeneratedLength: 3}})
	if len(all) != 2 || all[0].GeneratedLength != 1 || all[1].Identifier != "strict" {
		t.Errorf("got %+v", all)
	}
}

// An action is written as an order in Usher's own format.
func TestOwnOrderOfAnAction(t *testing.T) {
	o := sdk.Order{
		ID: "action-1", Operation: sdk.Update, Entity: "user", Key: sdk.ObjectKey{Attribute: "userPrincipalName", Value: "ann@contoso.com"},
		Attributes: []sdk.OrderAttribute{{Path: "usageLocation", Value: json.RawMessage(`"FR"`)}},
		Links: []sdk.LinkChange{{
			Navigation: "assignedLicenses", Add: []sdk.ObjectKey{{ID: "a"}, {ID: "b"}}, Remove: []sdk.ObjectKey{{ID: "c"}},
			Details: []json.RawMessage{json.RawMessage(`{"disabledPlans":[]}`)},
		}},
		Secrets: map[string]string{"passwordProfile/password": "given"},
	}
	const rest = `"key":{"userPrincipalName":"ann@contoso.com"},"attributes":{"usageLocation":"FR"},` +
		`"links":{"assignedLicenses":{"add":[{"details":{"disabledPlans":[]},"id":"a"},{"id":"b"}],"remove":[{"id":"c"}]}}`
	for _, tc := range []struct {
		password *ownPassword
		given    string
		want     string
	}{
		{&ownPassword{}, "given", `,"password":{"value":"given"}`},
		{&ownPassword{Setting: "strong", Notify: json.RawMessage(`{"email":"a@b.c"}`)}, "given", `,"password":{"value":"given","setting":"strong","notify":{"email":"a@b.c"}}`},
		{&ownPassword{}, "", `,"password":{}`},
		{nil, "", ""},
	} {
		o.Secrets = map[string]string{}
		if tc.given != "" {
			o.Secrets["passwordProfile/password"] = tc.given
		}
		got, err := json.Marshal(ownOf(o, tc.password))
		if want := fmt.Sprintf(`{"id":"action-1","operation":"update","entity":"user",%s%s}`, rest, tc.want); err != nil || string(got) != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
}

// What an action says of a password goes into the order.
func TestPasswordOfAnAction(t *testing.T) {
	sets := sdk.Action{InputSchema: json.RawMessage(`{"properties": {"password": {"type": "string", "writeOnly": true}}}`)}
	got := passwordOf(sets, json.RawMessage(`{"user":"a","password":"p","setting":"strong","notify":{"email":"a@b.c"}}`))
	if got == nil || got.Value != "" || got.Setting != "strong" || string(got.Notify) != `{"email":"a@b.c"}` {
		t.Errorf("%+v", got)
	}
	if got := passwordOf(sdk.Action{InputSchema: json.RawMessage(`{}`)}, json.RawMessage(`{"setting":"strong"}`)); got != nil {
		t.Errorf("%+v", got)
	}
}

func TestTakesPassword(t *testing.T) {
	for schema, want := range map[string]bool{
		`{"properties": {"password": {"type": "string", "writeOnly": true}}}`: true,
		`{"properties": {"user": {"type": "string"}}}`:                        false,
		`{}`: false,
	} {
		if got := takesPassword(sdk.Action{InputSchema: json.RawMessage(schema)}); got != want {
			t.Errorf("%s: %t", schema, got)
		}
	}
}
