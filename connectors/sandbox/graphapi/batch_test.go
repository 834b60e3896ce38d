package graphapi

import (
	"fmt"
	"strings"
	"testing"

	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// inBatch sends requests in a batch and returns the answers by id.
func (s *service) inBatch(requests ...string) map[string]map[string]any {
	s.t.Helper()
	got := s.must(200, "POST", "/$batch", `{"requests":[`+strings.Join(requests, ",")+`]}`)
	answers := map[string]map[string]any{}
	for _, a := range got.json["responses"].([]any) {
		answer := a.(map[string]any)
		answers[answer["id"].(string)] = answer
	}
	return answers
}

func inner(id, method, url, body, rest string) string {
	if body != "" {
		body = `,"headers":{"Content-Type":"application/json"},"body":` + body
	}
	return fmt.Sprintf(`{"id":"%s","method":"%s","url":"%s"%s%s}`, id, method, url, body, rest)
}

func TestBatch(t *testing.T) {
	s := newService(t, nil)
	group := s.newGroup("readers")
	answers := s.inBatch(
		inner("a", "POST", "/users", adele, ""),
		inner("b", "PATCH", "groups/"+group, `{"members@odata.bind":["https://graph.microsoft.com/v1.0/users/`+s.id(tenant.User, 1)+`"]}`, ""),
		inner("c", "GET", "/users/nobody@contoso.example", "", ""),
		inner("d", "GET", "/users/$count", "", `,"headers":{"ConsistencyLevel":"eventual"}`),
		inner("e", "POST", "/users/"+s.id(tenant.User, 2)+"/revokeSignInSessions", "{}", ""),
	)
	for id, want := range map[string]float64{"a": 201, "b": 204, "c": 404, "d": 200, "e": 200} {
		if answers[id]["status"] != want {
			t.Errorf("%s: %v", id, answers[id])
		}
	}
	if answers["b"]["body"] != nil || answers["d"]["body"] != "MTAwMQ==" {
		t.Errorf("bodies: %v, %v", answers["b"], answers["d"])
	}
	ids := map[any]bool{}
	for _, a := range answers {
		ids[a["headers"].(map[string]any)["Request-Id"]] = true
	}
	if len(ids) != len(answers) || len(s.api.Journal().Since(1)) != 3 {
		t.Errorf("request ids: %v", ids)
	}
}

func TestBatchOrder(t *testing.T) {
	s := newService(t, nil)
	ann := s.newUser("ann")
	patch := func(id, city, after string) string {
		return inner(id, "PATCH", "/users/"+ann, `{"city":"`+city+`"}`, after)
	}
	answers := s.inBatch(patch("1", "Bern", ""), patch("2", "Rom", `,"dependsOn":["1"]`), inner("3", "GET", "/users/nobody", "", `,"dependsOn":["2"]`),
		patch("4", "Ulm", `,"dependsOn":["3"]`))
	if answers["2"]["status"] != 204.0 || answers["3"]["status"] != 400.0 || answers["4"]["status"] != 424.0 {
		t.Errorf("serial: %v", answers)
	}
	if got := s.must(200, "GET", "/users/"+ann+"?$select=city", ""); got.json["city"] != "Rom" {
		t.Errorf("city: %s", got.body)
	}
	answers = s.inBatch(patch("1", "a", ""), patch("2", "b", ""))
	if answers["1"]["status"] != 204.0 || answers["2"]["status"] != 409.0 || !strings.Contains(fmt.Sprint(answers["2"]), "Directory_ConcurrencyViolation") {
		t.Errorf("at the same time: %v", answers)
	}
}

func TestBatchRefusals(t *testing.T) {
	s := newService(t, nil)
	s.run([]step{
		{"POST", "/$batch", `{"requests":[]}`, 400, "BadRequest", "Invalid batch payload format."},
		{"GET", "/$batch", "", 405, "Request_BadRequest", ""},
	})
}
