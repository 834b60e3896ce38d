package export

import (
	"crypto/sha256"
	"encoding/json"
	"slices"
	"strings"

	"github.com/usher-iga/usher/agent/export/publish"
	"github.com/usher-iga/usher/agent/store"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// rowsVersion counts the changes of what a connector's rows mean: what was known before
// one is of no use after it.
const rowsVersion = 1

// cookieHash is of what a cookie depends on, and what is known of its entity with
// it: what is asked for, of which connector and where (the world), what rows mean, and
// how values are written.
func (p *plan) cookieHash(c sdk.Collection) ([32]byte, error) {
	depends := struct {
		World                      [32]byte
		Rows                       int
		Entity                     string
		Attributes, Navigations    []string
		ValueSeparator, TypePrefix string
	}{World: p.World.Hash, Rows: rowsVersion, Entity: c.Entity, Navigations: c.Navigations, ValueSeparator: p.CSV.ValueSeparator, TypePrefix: p.CSV.TypePrefix}
	for _, a := range p.Request.Attributes {
		if len(a.Entities) == 0 || slices.Contains(a.Entities, c.Entity) {
			depends.Attributes = append(depends.Attributes, a.Path)
		}
	}
	slices.Sort(depends.Attributes)
	text, err := json.Marshal(depends)
	if err != nil {
		return [32]byte{}, fault.Errorf(fault.Internal, "make the hash of the cookie of %s: %w", c.Entity, err)
	}
	return sha256.Sum256(text), nil
}

// choose decides whether the run is incremental, and with which cookies. Another
// world than the one that is known is refused as fault.Invalid unless everything was
// asked for.
func (r *run) choose() error {
	p := r.plan
	r.mode, r.asked = publish.Complete, p.Request.Collections
	defer func() { r.report.Mode = r.mode }()
	if p.Complete {
		return nil
	}
	if old := r.known.World(); old != (store.World{}) && old.Hash != p.World.Hash {
		return fault.Errorf(fault.Invalid, "connection %s was exported from %s so far, and is set to %s now", p.Connection, old.Text, p.World.Text).
			WithHint("Correct the settings, or run 'usher export %s --complete', which replaces everything", p.Connection)
	}
	gap, err := r.ledger.Gap()
	if err != nil || gap != "" {
		r.report.Why = gap
		return err
	}
	asked := slices.Clone(p.Request.Collections)
	var renewed []store.Renewal
	for i, c := range asked {
		hash, err := p.cookieHash(c)
		if err != nil {
			return err
		}
		cookie, ok := r.known.Cookie(c.Entity, hash)
		if !ok {
			r.report.Why = r.missing(c.Entity)
			return nil
		}
		if age := r.report.Started.Sub(cookie.Obtained); p.MaxCookieAge > 0 && age > p.MaxCookieAge {
			renewed = append(renewed, store.Renewal{Entity: c.Entity, Obtained: cookie.Obtained})
			continue
		}
		asked[i].Cookie = cookie.Text.Reveal()
	}
	wanted := p.sets()
	for _, name := range r.known.Names() {
		if !wanted[name] {
			r.report.Why = strings.Split(name, "/")[1] + " was exported with what is not asked for any more" // see the names of sets
			return nil
		}
	}
	r.mode, r.asked, r.report.Renewed = publish.Incremental, asked, renewed
	return nil
}

// missing says why an entity has no cookie for what it is asked now; nothing where
// nothing is known.
func (r *run) missing(entity string) string {
	cookies := r.known.Cookies()
	switch {
	case len(cookies) == 0:
		return ""
	case slices.ContainsFunc(cookies, func(c store.Cookie) bool { return c.Entity == entity }):
		return "what is asked of " + entity + " has changed, or this release of Usher reads it in another way"
	default:
		return "there is no cookie of " + entity
	}
}
