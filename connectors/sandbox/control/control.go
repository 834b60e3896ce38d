// Package control is the sandbox's own API below /sandbox/control: it changes
// the tenant, the application and what is in its vaults, sets faults, tells
// counts and streams the truth to compare an export with. It serves callers on
// the same machine only.
package control

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"

	"github.com/usher-iga/usher/connectors/sandbox/churn"
	"github.com/usher-iga/usher/connectors/sandbox/cyberark"
	"github.com/usher-iga/usher/connectors/sandbox/entraid"
	"github.com/usher-iga/usher/connectors/sandbox/faults"
	"github.com/usher-iga/usher/connectors/sandbox/keyvault"
	"github.com/usher-iga/usher/connectors/sandbox/managed"
	"github.com/usher-iga/usher/connectors/sandbox/replica"
	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// Prefix is the path below which the control API lies.
const Prefix = "/sandbox/control"

// maxBody is how long the body of a request may be: some 100,000 operations.
const maxBody = 64 << 20

// Parts are what the control API controls.
type Parts struct {
	World    *tenant.World
	Replica  *replica.Replica
	Faults   *faults.Injector
	Counters *Counters
	SignIn   *entraid.Authority
	Issuer   *managed.Issuer
	Vault    *keyvault.Vault
	CyberArk *cyberark.Provider
	Clock    *Clock
	Journal  http.Handler // of the writes to Graph; may be nil
}

// New makes the control API.
func New(parts Parts) http.Handler {
	c := &control{parts}
	mux := http.NewServeMux()
	handle := func(method, path string, f http.HandlerFunc) { mux.HandleFunc(method+" "+Prefix+path, f) }
	handle("GET", "/counters", c.getCounters)
	handle("DELETE", "/counters", c.deleteCounters)
	handle("GET", "/snapshot/{entity}", c.snapshot)
	handle("GET", "/deleted", c.deleted)
	handle("POST", "/churn", c.churn)
	if c.Journal != nil {
		handle("GET", "/journal", c.Journal.ServeHTTP)
		handle("DELETE", "/journal", c.Journal.ServeHTTP)
	}
	handle("POST", "/faults/once", c.addOnce)
	settings(handle, "/faults", c.Faults.Settings, c.Faults.Set)
	settings(handle, "/sign-in", c.SignIn.Trouble, c.SignIn.SetTrouble)
	settings(handle, "/vault", c.Vault.Trouble, c.Vault.SetTrouble)
	settings(handle, "/cyberark", c.CyberArk.Settings, c.CyberArk.Set)
	settings(handle, "/clock", c.Clock.Settings, c.Clock.Set)
	c.handleApplication(handle)
	c.handleSources(handle)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isLocal(r.RemoteAddr) {
			http.Error(w, "the control API answers callers on this machine only", http.StatusForbidden)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		mux.ServeHTTP(w, r)
	})
}

type control struct{ Parts }

// settings serves something that is read, replaced and set back to nothing.
func settings[T any](handle func(method, path string, f http.HandlerFunc), path string, get func() T, set func(T) error) {
	handle("GET", path, func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, get()) })
	handle("PUT", path, func(w http.ResponseWriter, r *http.Request) {
		var value T
		err := faults.Decode(r.Body, &value)
		if err == nil {
			err = set(value)
		}
		answer(w, err)
	})
	handle("DELETE", path, func(w http.ResponseWriter, _ *http.Request) {
		var none T
		answer(w, set(none))
	})
}

func isLocal(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func (c *control) addOnce(w http.ResponseWriter, r *http.Request) {
	var once faults.Once
	err := faults.Decode(r.Body, &once)
	if err == nil {
		err = c.Faults.Add(once)
	}
	answer(w, err)
}

func (c *control) getCounters(w http.ResponseWriter, _ *http.Request) {
	counts := c.Counters.Counts()
	counts.Faults = c.Faults.Given()
	writeJSON(w, counts)
}

func (c *control) deleteCounters(w http.ResponseWriter, _ *http.Request) {
	c.Counters.Reset()
	c.Faults.ResetCounts()
	w.WriteHeader(http.StatusNoContent)
}

func (c *control) snapshot(w http.ResponseWriter, r *http.Request) {
	version, err := c.version(r)
	if err != nil {
		answer(w, err)
		return
	}
	for _, k := range tenant.Kinds() {
		if name := r.PathValue("entity"); name == k.Entity() || name == k.Collection() {
			w.Header().Set("Content-Type", "application/x-ndjson")
			// An error here means that the client is gone.
			_ = WriteSnapshot(r.Context(), w, c.World, version, k)
			return
		}
	}
	http.Error(w, "there is no entity "+r.PathValue("entity"), http.StatusNotFound)
}

// version is the version of the tenant that a request asks for: the truth, or
// with visible=true what reads see now.
func (c *control) version(r *http.Request) (uint64, error) {
	switch r.URL.RawQuery {
	case "", "visible=false":
		return c.World.Version(), nil
	case "visible=true":
		return c.Replica.Visible(false), nil
	}
	return 0, fmt.Errorf("the query %q is not understood; there is visible=true", r.URL.RawQuery)
}

// deleted tells the ids of the soft-deleted objects, by entity.
func (c *control) deleted(w http.ResponseWriter, r *http.Request) {
	version, err := c.version(r)
	if err != nil {
		answer(w, err)
		return
	}
	all := map[string][]string{}
	view := c.World.View(version)
	for _, k := range tenant.Kinds() {
		ids := []string{}
		for _, ref := range view.SoftDeleted(k) {
			ids = append(ids, view.ID(ref))
		}
		if slices.Sort(ids); tenant.Restorable(k) {
			all[k.Entity()] = ids
		}
	}
	view.Close()
	writeJSON(w, all)
}

// churn changes the tenant. What an operation that cannot be done leaves undone
// is told; those before it are done.
func (c *control) churn(w http.ResponseWriter, r *http.Request) {
	var request churn.Request
	if err := faults.Decode(r.Body, &request); err != nil {
		answer(w, err)
		return
	}
	request.PurgeTellsLinks = c.Faults.Settings().PurgeTellsLinks
	result, err := churn.Apply(c.World, request)
	if result.Version > 0 {
		c.Replica.Committed(result.Version)
	}
	if err != nil {
		answer(w, err)
		return
	}
	writeJSON(w, result)
}

// answer ends a request that changes something.
func answer(w http.ResponseWriter, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func writeJSON(w http.ResponseWriter, body any) { writeStatus(w, http.StatusOK, body) }

func writeStatus(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	// An error here means that the client is gone.
	_ = e.Encode(body)
}
