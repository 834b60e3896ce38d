// Package control is the sandbox's own API below /sandbox/control: it changes
// the tenant, sets faults, tells counts and streams the truth to compare an
// export with. It serves callers on the same machine only.
package control

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"

	"github.com/usher-iga/usher/connectors/sandbox/churn"
	"github.com/usher-iga/usher/connectors/sandbox/faults"
	"github.com/usher-iga/usher/connectors/sandbox/replica"
	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// Prefix is the path below which the control API lies.
const Prefix = "/sandbox/control"

// maxBody is how long the body of a request may be: some 100,000 operations.
const maxBody = 64 << 20

// New makes the control API.
func New(w *tenant.World, copied *replica.Replica, injector *faults.Injector, counters *Counters) http.Handler {
	c := &control{world: w, replica: copied, injector: injector, counters: counters}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+Prefix+"/faults", c.getFaults)
	mux.HandleFunc("PUT "+Prefix+"/faults", c.putFaults)
	mux.HandleFunc("DELETE "+Prefix+"/faults", c.deleteFaults)
	mux.HandleFunc("POST "+Prefix+"/faults/once", c.addOnce)
	mux.HandleFunc("GET "+Prefix+"/counters", c.getCounters)
	mux.HandleFunc("DELETE "+Prefix+"/counters", c.deleteCounters)
	mux.HandleFunc("GET "+Prefix+"/snapshot/{entity}", c.snapshot)
	mux.HandleFunc("GET "+Prefix+"/deleted", c.deleted)
	mux.HandleFunc("POST "+Prefix+"/churn", c.churn)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isLocal(r.RemoteAddr) {
			http.Error(w, "the control API answers callers on this machine only", http.StatusForbidden)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		mux.ServeHTTP(w, r)
	})
}

type control struct {
	world    *tenant.World
	replica  *replica.Replica
	injector *faults.Injector
	counters *Counters
}

func isLocal(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func (c *control) getFaults(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, c.injector.Settings())
}

func (c *control) putFaults(w http.ResponseWriter, r *http.Request) {
	var settings faults.Settings
	err := faults.Decode(r.Body, &settings)
	if err == nil {
		err = c.injector.Set(settings)
	}
	c.answer(w, err)
}

func (c *control) deleteFaults(w http.ResponseWriter, _ *http.Request) {
	c.answer(w, c.injector.Set(faults.Settings{}))
}

func (c *control) addOnce(w http.ResponseWriter, r *http.Request) {
	var once faults.Once
	err := faults.Decode(r.Body, &once)
	if err == nil {
		err = c.injector.Add(once)
	}
	c.answer(w, err)
}

func (c *control) getCounters(w http.ResponseWriter, _ *http.Request) {
	counts := c.counters.Counts()
	counts.Faults = c.injector.Given()
	writeJSON(w, counts)
}

func (c *control) deleteCounters(w http.ResponseWriter, _ *http.Request) {
	c.counters.Reset()
	c.injector.ResetCounts()
	w.WriteHeader(http.StatusNoContent)
}

func (c *control) snapshot(w http.ResponseWriter, r *http.Request) {
	version, err := c.version(r)
	if err != nil {
		c.answer(w, err)
		return
	}
	for _, k := range tenant.Kinds() {
		if name := r.PathValue("entity"); name == k.Entity() || name == k.Collection() {
			w.Header().Set("Content-Type", "application/x-ndjson")
			// An error here means that the client is gone.
			_ = WriteSnapshot(r.Context(), w, c.world, version, k)
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
		return c.world.Version(), nil
	case "visible=true":
		return c.replica.Visible(false), nil
	}
	return 0, fmt.Errorf("the query %q is not understood; there is visible=true", r.URL.RawQuery)
}

// deleted tells the ids of the soft-deleted objects, by entity.
func (c *control) deleted(w http.ResponseWriter, r *http.Request) {
	version, err := c.version(r)
	if err != nil {
		c.answer(w, err)
		return
	}
	all := map[string][]string{}
	view := c.world.View(version)
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
		c.answer(w, err)
		return
	}
	request.PurgeTellsLinks = c.injector.Settings().PurgeTellsLinks
	result, err := churn.Apply(c.world, request)
	if result.Version > 0 {
		c.replica.Committed(result.Version)
	}
	if err != nil {
		c.answer(w, err)
		return
	}
	writeJSON(w, result)
}

// answer ends a request that changes something.
func (c *control) answer(w http.ResponseWriter, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func writeJSON(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	// An error here means that the client is gone.
	_ = e.Encode(body)
}
