package graphapi

import (
	"net/http"
)

// WithoutDelta refuses the delta queries for whose collection, such as users,
// there is a reason; all else goes to next. Clouds and types of tenants lack
// some delta queries.
func (a *API) WithoutDelta(next http.Handler, reason func(collection string) string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t, err := parseTarget(r.URL)
		if err != nil || !t.delta {
			next.ServeHTTP(w, r)
			return
		}
		name := "directoryObjects"
		if !t.anyKind {
			name = t.kind.Collection()
		}
		message := reason(name)
		if message == "" {
			next.ServeHTTP(w, r)
			return
		}
		if _, err := a.authenticate(r); err != nil {
			a.writeError(w, err)
			return
		}
		a.writeError(w, errBadRequest("BadRequest", message))
	})
}
