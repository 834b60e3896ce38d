package journal

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestJournal(t *testing.T) {
	var j Journal
	for _, path := range []string{"/users", "/groups", "/users"} {
		j.Add(Entry{Method: http.MethodPost, Path: path})
	}
	if e := j.Since(1); len(e) != 2 || e[0].Number != 2 || e[0].Path != "/groups" || e[1].Number != 3 {
		t.Errorf("since 1: %+v", e)
	}
	ask := func(method, query string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		j.ServeHTTP(w, httptest.NewRequest(method, "/journal"+query, nil))
		return w
	}
	if w := ask(http.MethodGet, "?since=2"); !strings.HasPrefix(w.Body.String(), `{"number":3,`) ||
		!strings.HasSuffix(w.Body.String(), `"effects":[]}`+"\n") {
		t.Errorf("got %s", w.Body)
	}
	if w := ask(http.MethodGet, "?since=x"); w.Code != http.StatusBadRequest {
		t.Errorf("since=x: %d", w.Code)
	}
	if w := ask(http.MethodPut, ""); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("PUT: %d", w.Code)
	}
	if w := ask(http.MethodDelete, ""); w.Code != http.StatusNoContent || len(j.Since(0)) > 0 {
		t.Errorf("DELETE: %d, %d are left", w.Code, len(j.Since(0)))
	}
	j.Add(Entry{})
	if e := j.Since(0); len(e) != 1 || e[0].Number != 4 {
		t.Errorf("after clearing: %+v", e)
	}
}
