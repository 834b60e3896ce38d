package graphapi

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Registration is the application that programs sign in as, for Graph to tell
// of. It is not among the tenant's objects.
type Registration struct {
	AppID, DisplayName string
	Disabled           bool
	Passwords          []PasswordCredential
	Keys               []KeyCredential
	Roles              []string // the permissions of Graph that were consented to
}

// PasswordCredential tells of a client secret.
type PasswordCredential struct {
	KeyID, DisplayName, Hint string
	Start, End               time.Time
}

// KeyCredential tells of a certificate.
type KeyCredential struct {
	KeyID, DisplayName string
	Thumbprint         []byte // SHA-1
	Start, End         time.Time
}

// graphAppID is the application id of Microsoft Graph.
const graphAppID = "00000003-0000-0000-c000-000000000000"

// WithRegistration answers requests for the registration, its service principal
// and the service principal of Graph, by appId and by id; all else goes to next:
//
//	/applications(appId='..'), /applications?$filter=appId eq '..'
//	/servicePrincipals(appId='..'), its /appRoleAssignments, and by $filter
func (a *API) WithRegistration(next http.Handler, read func() Registration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		place, ok := parseRegistrationPlace(r.URL)
		var objects []map[string]any // an empty list is an answer
		if ok && r.Method == http.MethodGet {
			known := read()
			objects = known.find(place)
		}
		if objects == nil {
			next.ServeHTTP(w, r)
			return
		}
		body, err := a.registration(w, r, place, objects)
		if err != nil {
			a.writeError(w, err)
			return
		}
		w.Header().Set("Content-Type", "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8")
		w.Header().Set("OData-Version", "4.0")
		// An error here means that the client is gone.
		_, _ = w.Write(body)
	})
}

// registration checks a request as serve does and makes the body of its answer.
func (a *API) registration(w http.ResponseWriter, r *http.Request, place registrationPlace, objects []map[string]any) ([]byte, error) {
	who, err := a.authenticate(r)
	if err != nil {
		return nil, err
	}
	if !a.allowed(who, "Application.Read.All", "Application.ReadWrite.All", "Application.ReadWrite.OwnedBy", "Directory.Read.All", "Directory.ReadWrite.All") {
		return nil, errForbidden()
	}
	header, throttled := a.hooks.Charge(who.AppID, 1)
	maps.Copy(w.Header(), header)
	if throttled {
		return nil, &apiError{status: http.StatusTooManyRequests, code: "TooManyRequests", message: "Please retry again later."}
	}
	q, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	for i, object := range objects {
		if objects[i], err = selected(object, q.selects); err != nil {
			return nil, err
		}
	}
	context := "https://" + r.Host + "/v1.0/$metadata#" + place.set
	if place.assignments {
		context = "https://" + r.Host + "/v1.0/$metadata#appRoleAssignments"
	}
	if place.list || place.assignments {
		return json.Marshal(map[string]any{"@odata.context": context, "value": objects})
	}
	objects[0]["@odata.context"] = context + "/$entity"
	return json.Marshal(objects[0])
}

// selected keeps the selected properties of an object, and its id.
func selected(object map[string]any, names string) (map[string]any, error) {
	if names == "" || names == "*" {
		return object, nil
	}
	kept := map[string]any{"id": object["id"]}
	for name := range strings.SplitSeq(names, ",") {
		name = strings.TrimSpace(name)
		value, ok := object[name]
		if !ok {
			return nil, errBadRequest("BadRequest", fmt.Sprintf("Could not find a property named '%s' on type 'microsoft.graph.directoryObject'.", name))
		}
		kept[name] = value
	}
	return kept, nil
}

// registrationPlace is what an address points to, if it may belong to the
// registration.
type registrationPlace struct {
	set         string // applications or servicePrincipals
	appID, id   string // one of them
	list        bool
	assignments bool
}

var (
	keyedPlace    = regexp.MustCompile(`(?i)^/(?:v1\.0|beta)/(applications|servicePrincipals)(?:\(appId='([^']+)'\)|/([0-9a-f-]{36}))(/appRoleAssignments)?$`)
	listedPlace   = regexp.MustCompile(`(?i)^/(?:v1\.0|beta)/(applications|servicePrincipals)$`)
	filteredPlace = regexp.MustCompile(`(?i)^appId eq '([^']+)'$`)
)

func parseRegistrationPlace(u *url.URL) (p registrationPlace, ok bool) {
	if m := keyedPlace.FindStringSubmatch(u.Path); m != nil {
		p = registrationPlace{set: m[1], appID: m[2], id: m[3], assignments: m[4] != ""}
	} else if m := listedPlace.FindStringSubmatch(u.Path); m != nil {
		f := filteredPlace.FindStringSubmatch(u.Query().Get("$filter"))
		if f == nil {
			return p, false
		}
		p = registrationPlace{set: m[1], appID: f[1], list: true}
	} else {
		return p, false
	}
	if strings.EqualFold(p.set, "applications") {
		p.set = "applications"
		return p, !p.assignments
	}
	p.set = "servicePrincipals"
	return p, true
}

// find returns the objects of a place; nil if it does not belong to the
// registration.
func (g *Registration) find(p registrationPlace) []map[string]any {
	for _, object := range g.objects(p.set) {
		appID, id := fmt.Sprint(object["appId"]), fmt.Sprint(object["id"])
		if !strings.EqualFold(p.appID, appID) && !strings.EqualFold(p.id, id) {
			continue
		}
		if p.assignments {
			return g.assignments(id)
		}
		return []map[string]any{object}
	}
	return nil
}

func (g *Registration) objects(set string) []map[string]any {
	if set == "applications" {
		return []map[string]any{g.application()}
	}
	return []map[string]any{g.principal(g.AppID, g.DisplayName, []map[string]any{}), g.principal(graphAppID, "Microsoft Graph", g.appRoles())}
}

// ApplicationID is the id of the registration's object.
func (g *Registration) ApplicationID() string { return derivedID("application", g.AppID) }

func (g *Registration) application() map[string]any {
	passwords, keys := []map[string]any{}, []map[string]any{}
	for _, p := range g.Passwords {
		passwords = append(passwords, map[string]any{
			"customKeyIdentifier": nil, "displayName": p.DisplayName, "endDateTime": graphTime(p.End), "hint": p.Hint,
			"keyId": p.KeyID, "secretText": nil, "startDateTime": graphTime(p.Start),
		})
	}
	for _, k := range g.Keys {
		keys = append(keys, map[string]any{
			"customKeyIdentifier": base64.StdEncoding.EncodeToString(k.Thumbprint), "displayName": k.DisplayName,
			"endDateTime": graphTime(k.End), "key": nil, "keyId": k.KeyID, "startDateTime": graphTime(k.Start),
			"type": "AsymmetricX509Cert", "usage": "Verify",
		})
	}
	return map[string]any{
		"id": g.ApplicationID(), "appId": g.AppID, "displayName": g.DisplayName, "deletedDateTime": nil, "signInAudience": "AzureADMyOrg",
		"passwordCredentials": passwords, "keyCredentials": keys,
	}
}

func (g *Registration) principal(appID, name string, roles []map[string]any) map[string]any {
	return map[string]any{
		"id": derivedID("principal", appID), "appId": appID, "displayName": name, "deletedDateTime": nil,
		"accountEnabled": appID != g.AppID || !g.Disabled, "servicePrincipalType": "Application", "appRoles": roles,
	}
}

// appRoles are Graph's permissions, as far as the sandbox has met them.
func (g *Registration) appRoles() []map[string]any {
	names := slices.Concat(DefaultRoles(), g.Roles)
	slices.Sort(names)
	roles := []map[string]any{}
	for _, name := range slices.Compact(names) {
		roles = append(roles, map[string]any{
			"id": derivedID("role", name), "value": name, "displayName": name, "description": name,
			"allowedMemberTypes": []string{"Application"}, "isEnabled": true, "origin": "Application",
		})
	}
	return roles
}

// assignments are the permissions that were consented to for a principal.
func (g *Registration) assignments(principalID string) []map[string]any {
	assignments := []map[string]any{}
	if principalID != derivedID("principal", g.AppID) {
		return assignments
	}
	for _, name := range g.Roles {
		assignments = append(assignments, map[string]any{
			"id": derivedID("assignment", name), "appRoleId": derivedID("role", name), "createdDateTime": nil, "deletedDateTime": nil,
			"principalId": principalID, "principalDisplayName": g.DisplayName, "principalType": "ServicePrincipal",
			"resourceId": derivedID("principal", graphAppID), "resourceDisplayName": "Microsoft Graph",
		})
	}
	return assignments
}

// derivedID is a GUID that follows from a name.
func derivedID(space, name string) string {
	b := sha256.Sum256([]byte(space + " " + strings.ToLower(name)))
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

func graphTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
