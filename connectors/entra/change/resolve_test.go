package change_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-iga/usher/connectors/entra/change"
	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

func named(entity, navigation, attribute, value string) sdk.NamedObject {
	return sdk.NamedObject{Entity: entity, Navigation: navigation, Key: sdk.ObjectKey{Attribute: attribute, Value: value}}
}

// Natural keys are looked up many at once, whatever the case of letters; what has no object, or
// several, has no id.
func TestResolve(t *testing.T) {
	f := &fake{answer: func(r graph.Request) (int, string) {
		switch path := r.Path(); {
		case strings.HasPrefix(path, "users?$filter=userPrincipalName%20in%20("):
			return http.StatusOK, `{"value":[{"id":"` + strings.ToUpper(ann) + `","userPrincipalName":"ANN@contoso.com"},{"id":"` + bob + `","userPrincipalName":"bob@contoso.com"}]}`
		case strings.HasPrefix(path, "users?$filter=mailNickname%20in%20("):
			return http.StatusOK, `{"value":[{"id":"` + ann + `","mailNickname":"x"},{"id":"` + bob + `","mailNickname":"x"},{"id":"` + ann + `","mailNickname":"y"}]}`
		case strings.HasPrefix(path, "groups(uniqueName='crew')"):
			return http.StatusOK, `{"id":"` + crew + `"}`
		}
		return http.StatusNotFound, refusal("Request_ResourceNotFound", "no such thing")
	}}
	objects := []sdk.NamedObject{
		named("user", "", "userPrincipalName", "Ann@Contoso.com"), named("group", "members", "userPrincipalName", "ann@contoso.com"),
		named("user", "manager", "userPrincipalName", "BOB@contoso.com"), named("user", "", "userPrincipalName", "zoe@contoso.com"),
		named("user", "", "mailNickname", "x"), named("user", "", "mailNickname", "y"),
		named("group", "", "uniqueName", "crew"), named("device", "", "deviceId", "7"),
		named("user", "assignedLicenses", "skuPartNumber", "E3"), named("user", "", "noSuchKey", "1"), named("nothing", "", "mail", "1"),
		{Entity: "user", Key: sdk.ObjectKey{ID: ann}},
	}
	ids, err := change.New(f, newClock(), time.Time{}).Resolve(t.Context(), objects)
	if want := []string{ann, ann, bob, "", "", ann, crew, "", "", "", "", ""}; err != nil || !slices.Equal(ids, want) {
		t.Errorf("got %q, %v, want %q", ids, err, want)
	}
	if len(f.requests) != 4 || len(f.writes()) > 0 {
		t.Errorf("%d requests, %d writes", len(f.requests), len(f.writes()))
	}
}

// No filter has more values than Graph takes.
func TestResolveMany(t *testing.T) {
	f := &fake{answer: func(r graph.Request) (int, string) {
		if n := strings.Count(r.Path(), "'"); n > 30 {
			t.Errorf("%d values in one request", n/2)
		}
		return http.StatusOK, `{"value":[]}`
	}}
	var objects []sdk.NamedObject
	for n := range 1500 {
		objects = append(objects, named("user", "", "userPrincipalName", fmt.Sprint(n)))
	}
	if ids, err := change.New(f, newClock(), time.Time{}).Resolve(t.Context(), objects); err != nil || len(ids) != 1500 || len(f.requests) != 100 {
		t.Errorf("%d ids by %d requests, %v", len(ids), len(f.requests), err)
	}
}

// Where so many objects share a name that they fill a page, the others are asked for one by one.
func TestResolveBeyondAPage(t *testing.T) {
	f := &fake{answer: func(r graph.Request) (int, string) {
		switch path := r.Path(); {
		case strings.Contains(path, "%20in%20"):
			return http.StatusOK, `{"value":[{"id":"` + ann + `","displayName":"Crew"}],"@odata.nextLink":"https://graph.microsoft.com/v1.0/users?x"}`
		case strings.Contains(path, "eq%20'Crew'"):
			return http.StatusOK, `{"value":[{"id":"` + ann + `"},{"id":"` + bob + `"}]}`
		}
		return http.StatusOK, `{"value":[{"id":"` + bob + `"}]}`
	}}
	objects := []sdk.NamedObject{named("user", "", "displayName", "Crew"), named("user", "", "displayName", "Bob")}
	if ids, err := change.New(f, newClock(), time.Time{}).Resolve(t.Context(), objects); err != nil || !slices.Equal(ids, []string{"", bob}) {
		t.Errorf("%q, %v", ids, err)
	}
}

// A look-up that is refused says nothing; one that is not answered ends the call.
func TestResolveFails(t *testing.T) {
	for status, want := range map[int]fault.Code{http.StatusForbidden: "", http.StatusServiceUnavailable: fault.Unavailable, 0: fault.Unavailable} {
		f := &fake{answer: func(graph.Request) (int, string) { return status, refusal("x", "no") }}
		for _, objects := range [][]sdk.NamedObject{
			{named("user", "", "mail", "a")}, {named("user", "", "mail", "a"), named("user", "", "mail", "b")},
		} {
			ids, err := change.New(f, newClock(), time.Time{}).Resolve(t.Context(), objects)
			if err == nil && ids[0] != "" || fault.CodeOf(err) != want && (err != nil || want != "") {
				t.Errorf("%d: %q, %v", status, ids, err)
			}
		}
	}
}
