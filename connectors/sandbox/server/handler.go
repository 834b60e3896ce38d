package server

import (
	"cmp"
	"compress/gzip"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/usher-iga/usher/connectors/sandbox/control"
	"github.com/usher-iga/usher/connectors/sandbox/entraid"
	"github.com/usher-iga/usher/connectors/sandbox/faults"
	"github.com/usher-iga/usher/connectors/sandbox/graphapi"
	"github.com/usher-iga/usher/connectors/sandbox/quota"
	"github.com/usher-iga/usher/connectors/sandbox/replica"
	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// handler sends each request to what it is for.
func handler(world *tenant.World, authority *entraid.Authority, options *Options) http.Handler {
	now := options.Now
	injector := faults.New(world.Seed(), options.Faults, now, graphapi.Refuse(now))
	copied := replica.New(now, func() replica.Lag {
		s := injector.Settings()
		return replica.Lag{Time: time.Duration(s.ReplicationDelay), DeltaCalls: s.ReplicationCalls}
	})
	counters := control.NewCounters()
	units := options.QuotaUnits
	if units < 0 {
		units = quota.ForUsers(world.Count(tenant.User))
	}
	api := graphapi.New(world, graphapi.Hooks{
		Authorize: func(token, resource string) (graphapi.Principal, error) {
			claims, err := authority.Verify(token, resource)
			if errors.Is(err, entraid.ErrExpired) {
				err = graphapi.ErrTokenExpired
			}
			return graphapi.Principal{AppID: claims.AppID, Roles: claims.Roles}, err
		},
		Missing: injector.Missing,
		Expire: func(path string, deltaToken bool, age time.Duration) (graphapi.ExpiryForm, bool) {
			form, ok := injector.Expire(path, deltaToken, age)
			return graphapi.ExpiryForm(form), ok
		},
		Visible: copied.Visible,
		Repeats: func() graphapi.Repeats {
			s := injector.Settings()
			return graphapi.Repeats{Replayed: s.Replays, Doubled: uint32(1000 * s.Duplicates)}
		},
		Charge: quota.New(world.TenantID(), units, now).Charge,
		Now:    now,
	}, options.Pages)

	graph := counters.Wrap(bounded(cmp.Or(options.MaxConcurrent, 256), graphapi.Identified(world.Seed(), injector.Wrap(unzipped(api)))))
	signIn := counters.Wrap(authority)
	controls := control.New(world, copied, injector, counters)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, control.Prefix):
			controls.ServeHTTP(w, r)
		case entraid.Owns(r.URL.Path):
			signIn.ServeHTTP(w, r)
		default:
			graph.ServeHTTP(w, r)
		}
	})
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
