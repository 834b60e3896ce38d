package batch

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// ask answers a batch of requests by a handler that notes what it gets: the last
// segment of a path is the status of its answer.
func ask(t *testing.T, requests ...string) (answers map[string]map[string]any, served []string, err error) {
	t.Helper()
	next := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		served = append(served, strings.TrimSpace(r.Method+" "+r.URL.RequestURI()+" "+r.Header.Get("Authorization")+" "+string(body)))
		w.Header().Set("Content-Type", r.Header.Get("Accept"))
		var status int
		if _, err := fmt.Sscanf(r.URL.Path[strings.LastIndexByte(r.URL.Path, '/'):], "/%d", &status); err == nil && status != 200 {
			w.WriteHeader(status)
			return
		}
		_, _ = io.WriteString(w, `{"a":1}`)
	})
	running := 0
	begin := func(r *http.Request) (*http.Request, func()) {
		running++
		return r.WithContext(r.Context()), func() { running-- }
	}
	outer := httptest.NewRequest(http.MethodPost, "https://localhost/beta/$batch", nil)
	outer.Header.Set("Authorization", "Bearer x")
	text, err := Answer(outer, []byte(`{"requests":[`+strings.Join(requests, ",")+`]}`), next, begin)
	if err != nil {
		return nil, served, err
	}
	if running != 0 {
		t.Errorf("%d requests have not ended", running)
	}
	var all struct{ Responses []map[string]any }
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	answers = map[string]map[string]any{}
	for _, a := range all.Responses {
		answers[a["id"].(string)] = a
	}
	return answers, served, nil
}

func get(id, url, rest string) string {
	return fmt.Sprintf(`{"id":"%s","method":"get","url":"%s"%s}`, id, url, rest)
}

func TestAnswer(t *testing.T) {
	answers, served, err := ask(t,
		get("1", "/users/200?$top=5", `,"headers":{"Accept":"application/json"}`),
		get("2", "users/200", `,"headers":{"Accept":"text/plain"}`),
		`{"id":"3","method":"PATCH","url":"/users/204","headers":{"content-type":"application/json"},"body":{"city":"Bern"}}`)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"GET /beta/users/200?$top=5 Bearer x", "GET /beta/users/200 Bearer x", `PATCH /beta/users/204 Bearer x {"city":"Bern"}`}; !slices.Equal(served, want) {
		t.Errorf("served %q, want %q", served, want)
	}
	if body, ok := answers["1"]["body"].(map[string]any); !ok || body["a"] != 1.0 || answers["2"]["body"] != "eyJhIjoxfQ==" || answers["3"]["status"] != 204.0 || answers["3"]["body"] != nil {
		t.Errorf("answers: %v", answers)
	}
}

func TestDependencies(t *testing.T) {
	answers, served, err := ask(t, get("1", "/200", ""), get("2", "/404", `,"dependsOn":["1"]`), get("3", "/200", `,"dependsOn":["2"]`), get("4", "/200", `,"dependsOn":["3"]`))
	if err != nil || len(served) != 2 || answers["3"]["status"] != 424.0 || answers["4"]["status"] != 424.0 {
		t.Errorf("serial: %v, %v, %v", answers, served, err)
	}
	answers, served, err = ask(t, get("1", "/500", ""), get("2", "/200", `,"dependsOn":["1"]`), get("3", "/200", `,"dependsOn":["1"]`))
	if err != nil || len(served) != 1 || answers["2"]["status"] != 424.0 || answers["3"]["status"] != 424.0 {
		t.Errorf("all on one: %v, %v, %v", answers, served, err)
	}
}

func TestRefusals(t *testing.T) {
	many := []string{}
	for i := range Most + 1 {
		many = append(many, get(fmt.Sprint(i), "/users", ""))
	}
	a, b := get("1", "/users", ""), get("2", "/users", "")
	for name, tt := range map[string]struct{ requests, code, message string }{
		"too many":          {strings.Join(many, ","), "MaximumValueExceeded", "Number of batch request steps exceeds the maximum value of 20."},
		"none":              {"", "BadRequest", "Invalid batch payload format."},
		"no JSON":           {"x", "BadRequest", "Invalid batch payload format."},
		"same id":           {get("a", "/users", "") + "," + get("A", "/users", ""), "BadRequest", "Duplicate batch request id: A."},
		"no id":             {get("", "/users", ""), "BadRequest", "'id'"},
		"no url":            {get("1", "", ""), "BadRequest", "'url'"},
		"absolute":          {get("1", "https://graph.microsoft.com/v1.0/users", ""), "BadRequest", "invalid url"},
		"batch in batch":    {get("1", "/$batch", ""), "BadRequest", "invalid url"},
		"no content type":   {`{"id":"1","method":"PATCH","url":"/users/x","body":{}}`, "BadRequest", "Write request id : 1 does not contain Content-Type header or body."},
		"no body":           {`{"id":"1","method":"POST","url":"/x","headers":{"Content-Type":"application/json"}}`, "BadRequest", "Write request id : 1"},
		"unknown step":      {a + "," + get("2", "/users", `,"dependsOn":["9"]`), "BadRequest", "depends on 9"},
		"depends on itself": {get("1", "/users", `,"dependsOn":["1"]`), "BadRequest", "depends on 1"},
		"two independents":  {a + "," + b + "," + get("3", "/users", `,"dependsOn":["1"]`), "BadRequest", "dependencies"},
		"two predecessors":  {a + "," + get("2", "/users", `,"dependsOn":["1"]`) + "," + get("3", "/users", `,"dependsOn":["1","2"]`), "BadRequest", "dependencies"},
	} {
		_, served, err := ask(t, tt.requests)
		refusal, ok := errors.AsType[*Error](err)
		if !ok || refusal.Code != tt.code || !strings.Contains(refusal.Message, tt.message) || len(served) > 0 {
			t.Errorf("%s: %v, %v", name, err, served)
		}
	}
}
