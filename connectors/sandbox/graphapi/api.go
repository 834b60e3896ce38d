// Package graphapi answers requests the way Microsoft Graph v1.0 does, for the
// objects of a tenant: lists, single objects, relations, delta queries, writes
// and batches.
package graphapi

import (
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/usher-iga/usher/connectors/sandbox/edit"
	"github.com/usher-iga/usher/connectors/sandbox/feed"
	"github.com/usher-iga/usher/connectors/sandbox/journal"
	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// Principal is who a request comes from.
type Principal struct {
	AppID string
	Roles []string
	// DirectoryRoles are the template ids of the Entra roles of its service
	// principal.
	DirectoryRoles []string
}

// ErrTokenExpired is an access token past its time.
var ErrTokenExpired = errors.New("Lifetime validation failed, the token is expired.") //nolint:revive,staticcheck // the service's own words

// Hooks are what an API asks of the rest of the sandbox. All but Committed and
// ChargeWrite are required; all are called by many goroutines.
type Hooks struct {
	// Authorize checks an access token for a resource, the URL of this server.
	// Its error becomes the message of a 401; ErrTokenExpired is one of them.
	Authorize func(token, resource string) (Principal, error)
	// Missing says that a permission is to be treated as not consented to.
	Missing func(role string) bool
	// Expire says that the token of this request is to be treated as too old,
	// and in which form to say so; no form is the usual one. The path has no
	// version and is in lower case; age is the token's.
	Expire func(path string, deltaToken bool, age time.Duration) (form ExpiryForm, ok bool)
	// Visible is the version of the tenant that this request sees.
	Visible func(deltaCall bool) uint64
	// Repeats is what a round of changes that begins now tells more than once, and of
	// what it tells little.
	Repeats func() Repeats
	// Charge books resource units. It returns the headers of the response and
	// whether the request must wait.
	Charge func(appID string, units int) (header http.Header, throttled bool)
	// Now is the time.
	Now func() time.Time

	// Committed tells that writes have brought the tenant to a version.
	Committed func(version uint64)
	// ChargeWrite books writes as Charge does units.
	ChargeWrite func(appID string, writes int) (header http.Header, throttled bool)
}

// Repeats is what a round of changes tells more than once, and of what it tells little.
type Repeats struct {
	// Replayed is how many changes before the round are told again.
	Replayed int
	// Doubled is how many of 1000 objects come twice, in an older state first.
	Doubled uint32
	// Minimal is how many of 1000 objects come with what has changed alone.
	Minimal uint32
}

// ExpiryForm is one of the ways in which Graph says that a token is too old.
type ExpiryForm string

// The forms that are documented or have been seen.
const (
	ExpiryGone        ExpiryForm = "gone"              // 410 with a Location
	ExpirySyncState   ExpiryForm = "syncStateNotFound" // 400
	ExpiryUnsupported ExpiryForm = "deltaLink"         // 400 Request_UnsupportedQuery
	ExpiryResync      ExpiryForm = "resyncRequired"    // 410 with a Location
	ExpiryPageTooOld  ExpiryForm = "expiredPageToken"  // 400 Directory_ExpiredPageToken
)

// Sizes of pages and lives of tokens, as documented; for the life of page
// tokens the documentation has no number.
const (
	defaultPageSize  = 100
	maxPageSize      = 999
	maxDeltaPageSize = 200
	maxDeltaLinks    = 500
	deltaTokenLife   = 7 * 24 * time.Hour
	pageTokenLife    = time.Hour
)

// Options are the sizes of pages and whether responses are compressed.
type Options struct {
	DeltaObjects int // objects a page of a delta query has at most; 0 is 200
	DeltaLinks   int // links a page of a delta query has at most; 0 is 500
	NoGzip       bool
}

// API is an http.Handler for everything below /v1.0 and /beta.
type API struct {
	world   *tenant.World
	hooks   Hooks
	tokens  tokens
	feeds   map[tenant.Kind]*feed.Feed
	options Options
	journal journal.Journal
	traffic traffic
	router  router       // of writes
	inner   http.Handler // of the requests in a batch
	// buffers hold pages while they are made, compressors are gzip.Writers.
	buffers, compressors sync.Pool
}

// New makes the API of a tenant.
func New(w *tenant.World, hooks Hooks, options Options) *API {
	options.DeltaObjects = cmp.Or(options.DeltaObjects, maxDeltaPageSize)
	options.DeltaLinks = cmp.Or(options.DeltaLinks, maxDeltaLinks)
	key := sha256.Sum256(fmt.Appendf(nil, "page tokens %d %s %d", w.Seed(), w.TenantID(), w.Count(tenant.User)))
	a := &API{world: w, hooks: hooks, tokens: tokens{key: key[:]}, options: options, feeds: map[tenant.Kind]*feed.Feed{}}
	a.setUpWrites()
	a.buffers.New = func() any { return new([]byte) }
	a.compressors.New = func() any {
		// The level is one of the constants, so that there is no error.
		z, _ := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed)
		return z
	}
	for _, k := range tenant.Kinds() {
		if k != tenant.Organization { // it has no delta query
			a.feeds[k] = feed.New(w, k, feed.Limits{Objects: options.DeltaObjects, Links: options.DeltaLinks})
		}
	}
	return a
}

// ServeHTTP answers one request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := a.serve(w, r); err != nil {
		a.writeError(w, err)
	}
}

// serve checks, in the order in which the real service does: the token, the
// address, the method, the permission, the quota, the parameters.
func (a *API) serve(w http.ResponseWriter, r *http.Request) error {
	who, err := a.authenticate(r)
	if err != nil {
		return err
	}
	if isBatch(r.URL) {
		return a.batch(w, r)
	}
	if r.Method != http.MethodGet {
		return a.serveWrite(w, r, who)
	}
	t, err := parseTarget(r.URL)
	if err != nil {
		return err
	}
	if !a.allowed(who, permissions(t)...) {
		return errForbidden()
	}
	header, throttled := a.hooks.Charge(who.AppID, resourceUnits(t, r.URL.RawQuery))
	maps.Copy(w.Header(), header)
	if throttled {
		return errThrottled()
	}
	q, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		return err
	}
	buffer := a.buffers.Get().(*[]byte)
	defer a.buffers.Put(buffer)
	request := &request{api: a, http: r, target: t, query: q, who: who, body: (*buffer)[:0]}
	err = request.answer()
	*buffer = request.body
	if err != nil {
		return err
	}
	a.write(w, request)
	return nil
}

// request is one request on its way.
type request struct {
	api    *API
	http   *http.Request
	target target
	query  query
	who    Principal
	// view is the tenant as this request sees it.
	view tenant.View
	body []byte // of the answer
	// plain says that the body is no JSON, minimal that the client's preference
	// was followed.
	plain, minimal bool
	status         int    // 0 is 200
	location       string // the header of this name
}

// answer makes the body of the answer.
func (r *request) answer() error {
	visible := r.api.hooks.Visible(r.target.delta)
	r.view = r.api.world.View(visible)
	defer r.view.Close()
	switch {
	case r.target.delta:
		return r.delta()
	case r.target.set != "":
		return r.answerSet()
	case r.target.count:
		return r.count()
	case r.target.relation != "":
		return r.related()
	case r.target.id != "":
		return r.get()
	}
	return r.list()
}

// base is the address of the service as the client wrote it.
func (r *request) base() string { return "https://" + r.http.Host + "/" + r.target.version + "/" }

// collectionURL is the address of the collection that the request is about.
func (r *request) collectionURL() string {
	return r.base() + r.target.folder + r.target.kind.Collection()
}

// context is the address in @odata.context up to the name of the set.
func (r *request) context() string { return r.base() + "$metadata#" }

func (a *API) authenticate(r *http.Request) (Principal, error) {
	challenge := fmt.Sprintf(`Bearer realm="", authorization_uri="https://%s/common/oauth2/authorize", client_id="00000003-0000-0000-c000-000000000000"`, r.Host)
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || token == "" {
		return Principal{}, errToken("Access token is empty.", challenge)
	}
	who, err := a.hooks.Authorize(token, "https://"+r.Host)
	if err != nil {
		return Principal{}, errToken(err.Error(), challenge)
	}
	return who, nil
}

// allowed says whether the caller has one of the roles.
func (a *API) allowed(who Principal, roles ...string) bool {
	for _, role := range roles {
		for _, has := range who.Roles {
			if has == role && !a.hooks.Missing(role) {
				return true
			}
		}
	}
	return false
}

func (a *API) writeError(w http.ResponseWriter, err error) {
	failure, ok := errors.AsType[*apiError](err)
	if refusal, refused := errors.AsType[*edit.Refusal](err); refused {
		failure = &apiError{status: refusal.Status, code: refusal.Code, message: refusal.Message, details: refusal.Details}
	} else if !ok {
		failure = &apiError{status: http.StatusInternalServerError, code: "Service_InternalServerError", message: err.Error()}
	}
	maps.Copy(w.Header(), failure.header)
	writeError(w, failure, a.hooks.Now())
}
