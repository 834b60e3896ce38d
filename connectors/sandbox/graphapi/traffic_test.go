package graphapi

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// TestWritesToOneObjectCollide lets a second write begin before the first ends.
func TestWritesToOneObjectCollide(t *testing.T) {
	s := newService(t, nil)
	ann, bob := s.newUser("ann"), s.newUser("bob")
	inside, goOn := make(chan struct{}), make(chan struct{})
	slow := s.api.Traffic(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Slow") != "" {
			close(inside)
			<-goOn
		}
		s.api.ServeHTTP(w, r)
	}))
	ask := func(method, path, slowness string) int {
		r := httptest.NewRequest(method, "https://localhost/v1.0"+path, strings.NewReader(`{"city":"Bern"}`))
		r.Header = http.Header{"Authorization": {"Bearer x"}, "Content-Type": {"application/json"}, "Slow": {slowness}}
		w := httptest.NewRecorder()
		slow.ServeHTTP(w, r)
		return w.Code
	}
	first := make(chan int)
	go func() { first <- ask("PATCH", "/users/"+ann, "yes") }()
	<-inside
	for path, want := range map[string]int{"PATCH /users/" + ann: 409, "PATCH /USERS/" + strings.ToUpper(ann): 409, "PATCH /users/" + bob: 204, "GET /users/" + ann: 200} {
		method, path, _ := strings.Cut(path, " ")
		if got := ask(method, path, ""); got != want {
			t.Errorf("%s %s at the same time: %d, want %d", method, path, got, want)
		}
	}
	close(goOn)
	if got := <-first; got != 204 {
		t.Errorf("the first: %d", got)
	}
	if got := ask("PATCH", "/users/"+ann, ""); got != 204 {
		t.Errorf("afterwards: %d", got)
	}
}

func TestManyWritesAtTheSameTime(t *testing.T) {
	s := newService(t, nil)
	group := s.newGroup("readers")
	var wait sync.WaitGroup
	for worker := range 4 {
		wait.Go(func() {
			for i := range 25 {
				user := s.send("POST", "/users", strings.ReplaceAll(adele, "AdeleV", fmt.Sprintf("user%d-%d", worker, i))).id()
				for s.send("POST", "/groups/"+group+"/members/$ref", ref(user)).status == 409 {
					s.send("GET", "/groups/"+group+"/members?$top=5", "")
				}
				s.send("GET", "/users/delta", "")
			}
		})
	}
	wait.Wait()
	if got := s.must(200, "GET", "/groups/"+group+"/members?$top=999", ""); len(got.values()) != 100 {
		t.Errorf("%d members, want 100", len(got.values()))
	}
	entries := s.api.Journal().Since(0)
	if len(entries) != 201 {
		t.Errorf("%d entries, want 201", len(entries))
	}
	for i, e := range entries[1:] {
		if e.Version <= entries[i].Version {
			t.Fatalf("entry %d has version %d after %d", e.Number, e.Version, entries[i].Version)
		}
	}
}
