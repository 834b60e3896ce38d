package server

import (
	"cmp"
	"compress/gzip"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/usher-iga/usher/connectors/sandbox/control"
	"github.com/usher-iga/usher/connectors/sandbox/cyberark"
	"github.com/usher-iga/usher/connectors/sandbox/entraid"
	"github.com/usher-iga/usher/connectors/sandbox/faults"
	"github.com/usher-iga/usher/connectors/sandbox/graphapi"
	"github.com/usher-iga/usher/connectors/sandbox/keyvault"
	"github.com/usher-iga/usher/connectors/sandbox/managed"
	"github.com/usher-iga/usher/connectors/sandbox/quota"
	"github.com/usher-iga/usher/connectors/sandbox/replica"
	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// handler sends each request to what it is for, by its host and its path.
func (s *services) handler(options *Options) http.Handler {
	injector := faults.New(s.world.Seed(), options.Faults, options.Now, graphapi.Refuse(options.Now))
	copied := replica.New(options.Now, func() replica.Lag {
		set := injector.Settings()
		return replica.Lag{Time: time.Duration(set.ReplicationDelay), DeltaCalls: set.ReplicationCalls}
	})
	counters := control.NewCounters()
	api, served := s.graph(options, injector, copied)
	graph := counters.Wrap(bounded(cmp.Or(options.MaxConcurrent, 256),
		graphapi.Identified(s.world.Seed(), api.Traffic(injector.Wrap(unzipped(served))))))
	signIn, vault, cyberArk := counters.Wrap(s.signIn), counters.Wrap(s.vault), counters.Wrap(s.cyberArk)
	controls := control.New(control.Parts{
		World: s.world, Replica: copied, Faults: injector, Counters: counters,
		SignIn: s.signIn, Issuer: s.issuer, Vault: s.vault, CyberArk: s.cyberArk, Clock: s.clock,
		Journal: api.Journal(),
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", s.clock.Now().UTC().Format(http.TimeFormat))
		_, ofVault := entraid.CloudOfVault(r.Host)
		switch {
		case ofVault:
			vault.ServeHTTP(w, r)
		case entraid.IsLogin(r.Host), entraid.Owns(r.URL.Path):
			signIn.ServeHTTP(w, r)
		case strings.HasPrefix(r.URL.Path, control.Prefix):
			controls.ServeHTTP(w, r)
		case strings.HasPrefix(r.URL.Path, managed.IssuerPath):
			s.issuer.ServeHTTP(w, r)
		case keyvault.Owns(r.URL.Path):
			vault.ServeHTTP(w, r)
		case cyberark.Owns(r.URL.Path):
			cyberArk.ServeHTTP(w, r)
		default:
			graph.ServeHTTP(w, r)
		}
	})
}

// graph is the tenant's Graph, and the handler that serves it.
func (s *services) graph(options *Options, injector *faults.Injector, copied *replica.Replica) (*graphapi.API, http.Handler) {
	units := options.QuotaUnits
	if units < 0 {
		units = quota.ForUsers(s.world.Count(tenant.User))
	}
	writes := options.WriteQuota
	if writes < 0 {
		writes = quota.Writes
	}
	api := graphapi.New(s.world, graphapi.Hooks{
		Authorize: func(token, resource string) (graphapi.Principal, error) {
			claims, err := s.signIn.Verify(token, entraid.Graph, strings.TrimPrefix(resource, "https://"))
			if errors.Is(err, entraid.ErrExpired) {
				err = graphapi.ErrTokenExpired
			}
			return graphapi.Principal{AppID: claims.AppID, Roles: claims.Roles, DirectoryRoles: graphapi.DefaultDirectoryRoles()}, err
		},
		Missing: injector.Missing,
		Expire: func(path string, deltaToken bool, age time.Duration) (graphapi.ExpiryForm, bool) {
			form, ok := injector.Expire(path, deltaToken, age)
			return graphapi.ExpiryForm(form), ok
		},
		Visible: copied.Visible,
		Repeats: func() graphapi.Repeats {
			s := injector.Settings()
			return graphapi.Repeats{Replayed: s.Replays, Doubled: uint32(1000 * s.Duplicates), Minimal: uint32(1000 * s.Minimal)}
		},
		Committed:   copied.Committed,
		Charge:      quota.New(s.world.TenantID(), units, options.Now).Charge,
		ChargeWrite: quota.ForWrites(s.world.TenantID(), writes, options.Now).Charge,
		Now:         options.Now,
	}, options.Pages)
	served := s.limited(options, api, api.WithRegistration(api, s.graphRegistration))
	api.ServeInner(injector.Inner(served))
	return api, served
}

// limited is a Graph without the delta queries that the tenant's cloud or type lacks.
func (s *services) limited(options *Options, api *graphapi.API, registered http.Handler) http.Handler {
	// What has no delta query in a cloud or a type of tenant (Microsoft Graph,
	// delta query overview).
	switch {
	case options.TenantType != "" && options.TenantType != "AAD":
		return api.WithoutDelta(registered, func(string) string {
			return "Invalid request. Delta query is not supported by this resource."
		})
	case s.cloud.Name == "China":
		return api.WithoutDelta(registered, func(collection string) string {
			if collection != tenant.AdministrativeUnit.Collection() {
				return ""
			}
			return "Unsupported request: Change tracking is not supported against 'microsoft.graph.administrativeUnit'"
		})
	}
	return registered
}

// graphRegistration is the registration for Graph to tell of.
func (s *services) graphRegistration() graphapi.Registration {
	app := s.signIn.Registration()
	told := graphapi.Registration{AppID: app.ClientID, DisplayName: app.DisplayName, Disabled: app.Disabled, Roles: app.Roles}
	for _, s := range app.Secrets {
		told.Passwords = append(told.Passwords, graphapi.PasswordCredential{KeyID: s.KeyID, DisplayName: s.DisplayName, Hint: s.Hint(), Start: s.Start, End: s.End})
	}
	for _, c := range app.Certificates {
		told.Keys = append(told.Keys, graphapi.KeyCredential{KeyID: c.KeyID, DisplayName: c.DisplayName, Thumbprint: c.Thumbprint(), Start: c.Start, End: c.End})
	}
	return told
}

// bounded lets so many requests run at once; others wait for their turn.
func bounded(most int, next http.Handler) http.Handler {
	slots := make(chan struct{}, most)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
			next.ServeHTTP(w, r)
		case <-r.Context().Done():
		}
	})
}

// unzipped reads bodies that clients have compressed, as some do for the
// smallest.
func unzipped(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.EqualFold(r.Header.Get("Content-Encoding"), "gzip") {
			z, err := gzip.NewReader(r.Body)
			if err != nil {
				http.Error(w, "the body is not compressed with gzip", http.StatusBadRequest)
				return
			}
			r.Body = z
			r.Header.Del("Content-Encoding")
		}
		next.ServeHTTP(w, r)
	})
}
