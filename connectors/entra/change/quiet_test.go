package change_test

import (
	"strings"
	"testing"
	"time"

	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

func byKey(attribute, value string) sdk.ObjectKey {
	return sdk.ObjectKey{Attribute: attribute, Value: value}
}

// Where no order has written lately, "it is not there" is believed soon.
func TestMissingAfterAQuietTime(t *testing.T) {
	nobody := byKey("userPrincipalName", "nobody@contoso.com")
	for name, tc := range map[string]struct {
		order sdk.Order
		code  fault.Code // "": it was so already
	}{
		"disable by name":  {sdk.Order{Operation: sdk.Disable, Entity: "user", Key: nobody}, fault.NotFound},
		"disable by id":    {sdk.Order{Operation: sdk.Disable, Entity: "user", Key: sdk.ObjectKey{ID: ann}}, fault.NotFound},
		"a member by name": {updateOf("group", crew, nil, links("members", []sdk.ObjectKey{nobody}, nil)), fault.NotFound},
		"a member by id":   {updateOf("group", crew, nil, links("members", id(ann), nil)), fault.NotFound},
		"restore":          {sdk.Order{Operation: sdk.Restore, Entity: "user", Key: sdk.ObjectKey{ID: ann}}, fault.NotFound},
		"delete by name":   {sdk.Order{Operation: sdk.Delete, Entity: "user", Key: nobody}, ""},
		"delete by id":     {sdk.Order{Operation: sdk.Delete, Entity: "user", Key: sdk.ObjectKey{ID: ann}}, ""},
		"remove a member":  {updateOf("group", crew, nil, links("members", nil, id(ann))), ""},
		"remove a role":    {updateOf("group", crew, nil, links("appRoleAssignments", nil, id(bob))), ""},
	} {
		for _, quiet := range []bool{true, false} {
			clock := newClock()
			lastWrite := clock.Now().Add(-2 * time.Minute)
			if !quiet {
				lastWrite = clock.Now().Add(time.Hour) // by a clock that was put back since
			}
			f := &fake{answer: func(r graph.Request) (int, string) {
				if r.IsRead() && strings.Contains(r.Path(), "/appRoleAssignments") {
					return 200, `{"value":[]}`
				}
				return 404, missing(ann)
			}}
			began := clock.Now()
			out := carriedOut(t, f, clock, lastWrite, tc.order)[0]
			if fault.CodeOf(asError(out.Failure)) != tc.code || out.Unchanged != (tc.code == "") {
				t.Errorf("%s: %+v", name, out)
			}
			if took := clock.Now().Sub(began); quiet != (took < 5*time.Second) || took > 2*time.Minute {
				t.Errorf("%s, after a quiet time: %t: it took %s and %v", name, quiet, took, shown(f.requests))
			}
		}
	}
}

// What an order of this call has made or renamed may be found late by any of its keys. A name that none
// has given to anybody is not waited for.
func TestKeysOfWhatTheCallHasMade(t *testing.T) {
	made := newUser()
	made.Attributes = append(made.Attributes, values("employeeId", `"0815"`)...)
	numbered := updateOf("user", ann, values("employeeId", `"0815"`), nil)
	restored := sdk.Order{Operation: sdk.Restore, Entity: "user", Key: sdk.ObjectKey{ID: ann}}
	for name, tc := range map[string]struct {
		first sdk.Order
		key   sdk.ObjectKey
		found bool
	}{
		"made with it":                    {made, byKey("employeeId", "0815"), true},
		"made without a mail that we set": {made, byKey("mail", "ann@contoso.com"), true},
		"made with another":               {made, byKey("employeeId", "4711"), false},
		"given":                           {numbered, byKey("employeeId", "0815"), true},
		"another was given":               {numbered, byKey("employeeId", "4711"), false},
		"restored":                        {restored, byKey("employeeId", "4711"), true},
	} {
		clock := newClock()
		seen := lateBy(clock, 35*time.Second)
		f := &fake{answer: func(r graph.Request) (int, string) {
			switch {
			case !r.IsRead():
				return 201, annNow
			case strings.Contains(r.Path(), "$filter=") && !seen():
				return 200, `{"value":[]}`
			case strings.Contains(r.Path(), "$filter="):
				return 200, `{"value":[` + annNow + `]}`
			}
			return 200, annNow
		}}
		outcomes := carriedOut(t, f, clock, time.Time{}, tc.first, sdk.Order{ID: "e", Operation: sdk.Enable, Entity: "user", Key: tc.key})
		if last := outcomes[1]; outcomes[0].Failure != nil || (last.Failure == nil) != tc.found || seen() != tc.found {
			t.Errorf("%s: %+v after %v", name, outcomes, shown(f.requests))
		}
	}
}

// A copy that shows the manager from before an earlier call does not have the new one removed.
func TestManagerThatAnEarlierCallHasReplaced(t *testing.T) {
	clock := newClock()
	seen := lateBy(clock, 10*time.Second)
	f := &fake{answer: func(r graph.Request) (int, string) {
		switch {
		case !r.IsRead():
			return 204, ""
		case seen():
			return 200, `{"id":"` + crew + `"}`
		}
		return 200, `{"id":"` + bob + `"}`
	}}
	out := inTurn(t, f, clock, updateOf("user", ann, nil, links("manager", nil, id(bob))))[0]
	if len(f.writes()) > 0 || !out.Unchanged {
		t.Errorf("%+v after %v", out, shown(f.requests))
	}
}
