package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"github.com/usher-iga/usher/connectors/entra/directory"
	"github.com/usher-iga/usher/connectors/entra/setting"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/conformance"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// everything asks a tenant for all entities, which have some pages each.
func everything(tn *tenant) sdk.ExportRequest {
	req := sdk.ExportRequest{
		Connection: tn.connection(),
		Attributes: []sdk.Attribute{{Path: "id"}, {Path: "displayName"}, {Path: "employeeOrgData/costCenter"}, {Path: "assignedLicenses"}},
	}
	for _, e := range directory.Entities() {
		req.Collections = append(req.Collections, sdk.Collection{Entity: e.Name, Navigations: e.Navigations})
		var pages []string
		for page := range 6 {
			var objects []string
			for i := range 5 {
				objects = append(objects, fmt.Sprintf(`{"displayName":"%s %d.%d","id":"%s-%d-%d","employeeOrgData":{"costCenter":"%d"},`+
					`"members@delta":[{"id":"m%d"},{"id":"m%d","@removed":{"reason":"deleted"}}]}`, e.Name, page, i, e.Name, page, i, i, page, i))
			}
			pages = append(pages, strings.Join(objects, ","))
		}
		pages[2] = "" // a page may be empty
		tn.rounds[e.Path+"/delta"] = pages
	}
	return req
}

func mustExport(t *testing.T, tn *tenant, req sdk.ExportRequest) *sink {
	t.Helper()
	s := newSink(len(req.Collections))
	if err := tn.connector().Export(t.Context(), req, s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestExport(t *testing.T) {
	tn := newTenant(t)
	req := everything(tn)
	s := mustExport(t, tn, req)

	group := s.rows[slices.IndexFunc(req.Collections, func(c sdk.Collection) bool { return c.Entity == "group" })].String()
	if want := "group-0-0 0 1=\"group 0.0\" 0=\"group-0-0\"\ngroup-0-0/0: m0 false m0 true\n"; !strings.HasPrefix(group, want) {
		t.Errorf("got %s\nwant %s first", group, want)
	}
	if !strings.HasSuffix(group, "\ngroup-deleted 1\nend $deltatoken=end\n") {
		t.Errorf("got %s", group)
	}
	last := s.progress[len(s.progress)-1]
	want := slices.Repeat([]uint64{6}, len(req.Collections))
	for i, e := range directory.Entities() {
		_, ok := e.Deleted()
		if told := strings.Contains(s.rows[i].String(), e.Name+"-deleted 1\n"); told != ok {
			t.Errorf("%s: got %s", e.Name, s.rows[i])
		}
		if ok {
			want[i]++ // the page that tells it
		}
	}
	if !slices.Equal(last.Pages, want) || last.Requests != 59 || last.ResourceUnits != 113 {
		t.Errorf("last progress: %+v", last)
	}
}

func TestConformance(t *testing.T) {
	tn := newTenant(t)
	req := everything(tn)
	conformance.Run(t, conformance.Config{
		Connector: tn.connector(), Connection: req.Connection, Collections: req.Collections, Attributes: req.Attributes,
	})
}

// Whatever goes wrong on the way, the rows are the same.
func TestFaultsDoNotShow(t *testing.T) {
	tn := newTenant(t)
	req := everything(tn)
	want := mustExport(t, tn, req).String()

	random := rand.New(rand.NewPCG(1, 2))
	tn.fault = func(w http.ResponseWriter, r *http.Request, _ int) bool {
		tn.mu.Lock()
		dice := random.IntN(20)
		tn.mu.Unlock()
		switch dice {
		case 0:
			w.Header().Set("Retry-After", "0.25")
			refuse(w, http.StatusTooManyRequests, "TooManyRequests", "Please retry again later.")
		case 1:
			refuse(w, http.StatusTooManyRequests, "TooManyRequests", "Please retry again later.")
		case 2:
			refuse(w, http.StatusServiceUnavailable, "serviceNotAvailable", "Not now.")
		case 3:
			refuse(w, http.StatusGatewayTimeout, "UnknownError", "")
		case 4: // cut off in the middle
			w.Header().Set("Content-Length", "5000")
			fmt.Fprint(w, `{"@odata.nextLink":"`+tn.URL+`/v1.0/nowhere","value":[{"id":"lost"}`)
			panic(http.ErrAbortHandler)
		case 5:
			panic(http.ErrAbortHandler)
		case 6: // a proxy's
			fmt.Fprint(w, "<html>Back in a moment</html>")
		default:
			return false
		}
		return true
	}
	if got := mustExport(t, tn, req).String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestExpiredPageTokenRestarts(t *testing.T) {
	tn := newTenant(t)
	req := everything(tn)
	want := mustExport(t, tn, req).String()

	expired := false
	tn.fault = func(w http.ResponseWriter, r *http.Request, _ int) bool {
		tn.mu.Lock()
		defer tn.mu.Unlock()
		if expired || r.URL.Path != "/v1.0/groups/delta" || !strings.HasSuffix(r.URL.RawQuery, "3D3") {
			return false
		}
		expired = true
		refuse(w, http.StatusBadRequest, "Directory_ExpiredPageToken", "The specified page token value has expired.")
		return true
	}
	s := mustExport(t, tn, req)
	if got := s.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if fmt.Sprint(s.restarts) != "[Graph no longer accepts the page token after page 3]" {
		t.Errorf("restarts: %q", s.restarts)
	}
}

// What cannot be delivered is refused before the first request.
func TestRefusalsSendNothing(t *testing.T) {
	tn := newTenant(t)
	for name, tc := range map[string]struct {
		change func(*sdk.ExportRequest)
		want   string
	}{
		"attribute": {
			func(r *sdk.ExportRequest) {
				r.Attributes = append(r.Attributes, sdk.Attribute{Path: "signInActivity/lastSignInDateTime"})
			},
			`the attribute "signInActivity/lastSignInDateTime" of user cannot be exported: it is stored outside of the directory, and delta queries refuse it`,
		},
		"setting and entity": {
			func(r *sdk.ExportRequest) {
				delete(r.Connection.Settings, setting.TenantID)
				r.Collections[3].Entity = "servicePrinciple"
			},
			"the export cannot start, for 2 reasons:\n- TenantId is missing. Copy the Tenant ID from the overview page of Microsoft Entra\n" +
				`- the export names the entity "servicePrinciple", which is unknown. Did you mean servicePrincipal?`,
		},
		"cloud": {
			func(r *sdk.ExportRequest) { r.Connection.Settings[setting.Cloud] = "china" },
			"administrativeUnit cannot be exported: the cloud china has no delta query for it",
		},
	} {
		req := everything(tn)
		tc.change(&req)
		err := tn.connector().Export(t.Context(), req, newSink(len(req.Collections)))
		if !fault.Is(err, fault.Invalid) || err.Error() != tc.want {
			t.Errorf("%s: got %v, want %s", name, err, tc.want)
		}
	}
	if len(tn.requests) > 0 {
		t.Errorf("%d requests were sent", len(tn.requests))
	}
}

func TestFirstErrorEndsAll(t *testing.T) {
	tn := newTenant(t)
	req := everything(tn)
	tn.fault = func(w http.ResponseWriter, r *http.Request, _ int) bool {
		switch r.URL.Path + "?" + r.URL.RawQuery {
		case "/v1.0/groups/delta?$skiptoken=a%2Bb%2fc%3D1":
			refuse(w, http.StatusForbidden, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
			return true
		case "/v1.0/users/delta?$skiptoken=a%2Bb%2fc%3D1": // never comes
			<-r.Context().Done()
			panic(http.ErrAbortHandler)
		}
		return false
	}
	err := tn.connector().Export(t.Context(), req, newSink(len(req.Collections)))
	f := fault.Of(err)
	if f == nil || f.Code != fault.Forbidden || f.SystemCode != "Authorization_RequestDenied" || f.RequestID != "r1" ||
		!strings.HasPrefix(f.Message, "page 2 of group: Graph answered 403") || !strings.Contains(f.Message, "may have been withdrawn") || !strings.Contains(f.Hint, "GroupMember.Read.All") {
		t.Errorf("got %#v", f)
	}
}

// One run tells all permissions that are missing, also of an entity that answers last.
func TestAllMissingPermissionsAreTold(t *testing.T) {
	tn := newTenant(t)
	req := everything(tn)
	others := make(chan struct{}, len(req.Collections))
	tn.fault = func(w http.ResponseWriter, r *http.Request, _ int) bool {
		first := strings.HasPrefix(r.URL.RawQuery, "$select=id")
		switch {
		case !first || !strings.HasSuffix(r.URL.Path, "/delta"):
			return false
		case r.URL.Path == "/v1.0/users/delta":
			for range len(req.Collections) - 1 {
				<-others
			}
		}
		others <- struct{}{}
		if r.URL.Path != "/v1.0/groups/delta" && r.URL.Path != "/v1.0/users/delta" {
			return false
		}
		refuse(w, http.StatusForbidden, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
		return true
	}
	err := tn.connector().Export(t.Context(), req, newSink(len(req.Collections)))
	if !fault.Is(err, fault.Forbidden) || fault.Of(err).Hint == "" {
		t.Fatalf("got %v", err)
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 3 || lines[0] != "Graph refuses 2 of 9 entities:" {
		t.Errorf("got %q", lines)
	}
	for entity, permission := range map[string]string{"user": "User.Read.All", "group": "GroupMember.Read.All"} {
		if !slices.ContainsFunc(lines, func(line string) bool {
			return strings.HasPrefix(line, "- page 1 of "+entity+": Graph answered 403") && strings.Contains(line, "request-id r1") && strings.Contains(line, permission)
		}) {
			t.Errorf("nothing of %s and %s in %q", entity, permission, lines)
		}
	}
}

func TestWrongSecret(t *testing.T) {
	tn := newTenant(t)
	req := everything(tn)
	req.Connection.Secrets[setting.ApplicationKey] = "wrong~secret"
	err := tn.connector().Export(t.Context(), req, newSink(len(req.Collections)))
	f := fault.Of(err)
	if f == nil || f.Code != fault.Unauthorized || f.SystemCode != "AADSTS7000215" || strings.Contains(f.Error()+f.Hint, "wrong~secret") {
		t.Errorf("got %#v", f)
	}
	if paths := tn.paths(); len(paths) > 0 {
		t.Errorf("Graph was asked for %q", paths)
	}
}

func TestErrorsOfTheSinkComeBack(t *testing.T) {
	tn := newTenant(t)
	req := everything(tn)
	full := errors.New("the disk is full")
	s := newSink(len(req.Collections))
	s.onBegin = func() error { return full }
	if err := tn.connector().Export(t.Context(), req, s); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
}

// A wait is told before it begins, and an error of the sink then ends the export.
func TestWaitsAreTold(t *testing.T) {
	tn := newTenant(t)
	req := everything(tn)
	tn.fault = func(w http.ResponseWriter, _ *http.Request, n int) bool {
		switch n {
		case 10:
			refuse(w, http.StatusServiceUnavailable, "serviceNotAvailable", "Not now.")
			return true
		case 20:
			w.Header().Set("Retry-After", "315")
			refuse(w, http.StatusTooManyRequests, "TooManyRequests", "Please retry again later.")
			return true
		}
		return false
	}
	s := mustExport(t, tn, req)
	told := slices.IndexFunc(s.progress, func(p sdk.Progress) bool { return p.WaitingMS > 300_000 && p.Reason != "" })
	if told < 0 {
		t.Errorf("nobody was told of the wait: %+v", s.progress)
	}
	if !slices.ContainsFunc(s.progress, func(p sdk.Progress) bool { return p.WaitingMS < 1000 && strings.Contains(p.Reason, "503") }) {
		t.Errorf("nobody was told of the short wait: %+v", s.progress)
	}
	if last := s.progress[len(s.progress)-1]; last.ThrottledMS != 315_000 || last.WaitingMS != 0 {
		t.Errorf("last progress: %+v", last)
	}

	tn.graph = 0
	full := errors.New("the agent is gone")
	if err := tn.connector().Export(t.Context(), req, &failingWait{sink: newSink(len(req.Collections)), err: full}); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
}

// failingWait takes no news of waits.
type failingWait struct {
	*sink
	err error
}

func (s *failingWait) Progress(p sdk.Progress) error {
	if p.WaitingMS > 0 {
		return s.err
	}
	return nil
}

// Cancelled in the middle, an export returns and leaves nothing running.
func TestCancel(t *testing.T) {
	tn := newTenant(t)
	req := everything(tn)
	asked := make(chan struct{}, 100)
	tn.fault = func(_ http.ResponseWriter, r *http.Request, n int) bool {
		if n > 12 {
			asked <- struct{}{}
			<-r.Context().Done()
			panic(http.ErrAbortHandler)
		}
		return false
	}
	before := runtime.NumGoroutine()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	if err := tn.connector().Export(ctx, req, newSink(len(req.Collections))); !fault.Is(err, fault.Canceled) {
		t.Errorf("got %v", err)
	}
	tn.CloseClientConnections()
	for range 200 { // the runtime takes a moment to end connections
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	stacks := make([]byte, 1<<20)
	t.Errorf("%d goroutines before, %d after\n%s", before, runtime.NumGoroutine(), stacks[:runtime.Stack(stacks, true)])
}

// Every request of an export and a check is one that Microsoft describes.
func TestRequestsAreThoseOfGraph(t *testing.T) {
	folder := os.Getenv("USHER_GRAPH_DATA")
	if folder == "" {
		t.Skip("USHER_GRAPH_DATA does not name a folder with Microsoft's OpenAPI description")
	}
	description, err := openapi3.NewLoader().LoadFromFile(filepath.Join(folder, "openapi-directory-v1.0.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	tn := newTenant(t)
	req := everything(tn)
	tn.fault = nil
	mustExport(t, tn, req)
	if _, err := tn.connector().Check(t.Context(), sdk.CheckRequest{Connection: req.Connection, Collections: req.Collections}); err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, r := range tn.requests {
		path, ok := strings.CutPrefix(r.URL.Path, "/v1.0")
		if !ok {
			continue
		}
		path, values := described(path)
		item := description.Paths.Find(path)
		if item == nil || item.GetOperation(r.Method) == nil {
			t.Errorf("%s %s is not described", r.Method, path)
			continue
		}
		operation := item.GetOperation(r.Method)
		err := openapi3filter.ValidateRequest(t.Context(), &openapi3filter.RequestValidationInput{
			Request: r, PathParams: values,
			Route: &routers.Route{Spec: description, Path: path, PathItem: item, Method: r.Method, Operation: operation},
		})
		if err != nil {
			t.Errorf("%s %s: %v", r.Method, r.URL, err)
		}
		known := map[string]bool{}
		for _, parameter := range operation.Parameters {
			known[parameter.Value.Name] = true
		}
		for name := range maps.Keys(r.URL.Query()) {
			if !known[name] {
				t.Errorf("%s has no parameter %s", path, name)
			}
		}
		checked++
	}
	if checked < 55 {
		t.Errorf("only %d requests", checked)
	}
}

// described gives a path as the description spells it, with the value of the key in it. The
// service takes the other spellings, too, and Microsoft's pages have them.
func described(path string) (template string, values map[string]string) {
	if strings.HasSuffix(path, "/delta") {
		path += "()"
	}
	path = strings.Replace(path, "/directory/deletedItems/microsoft.graph.", "/directory/deletedItems/graph.", 1)
	collection, key, _ := strings.Cut(path, "(appId='")
	if value, isKey := strings.CutSuffix(key, "')"); isKey {
		return collection + "(appId='{appId}')", map[string]string{"appId": value}
	}
	return path, nil
}
