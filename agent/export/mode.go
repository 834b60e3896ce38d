package export

import (
	"fmt"
	"slices"
	"time"

	"github.com/usher-iga/usher/agent/export/publish"
	"github.com/usher-iga/usher/agent/store"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// choose decides whether the run is incremental, and with which cookies. Another
// world than the one that is known is refused as fault.Invalid unless somebody asked for
// everything.
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
	r.measured = !r.known.IsEmpty() && r.known.World() == p.World
	gap, err := r.ledger.Gap()
	if err != nil || gap != "" {
		r.report.Why = gap
		return err
	}
	if p.WithoutCookies {
		if r.measured {
			r.report.Why = "IgnoreCookieFile is set"
		}
		return nil
	}
	asked, changes, err := r.cookies()
	if err != nil || len(changes) > 0 {
		r.report.Why = summary(changes)
		return err
	}
	if !r.known.IsEmpty() {
		r.mode, r.asked = publish.Incremental, asked
	}
	return nil
}

// cookies gives the collections with their cookies. changes are why they cannot be used.
func (r *run) cookies() (asked []sdk.Collection, changes []string, err error) {
	p := r.plan
	asked = slices.Clone(p.Request.Collections)
	oldest := r.report.Started
	for i, c := range asked {
		basis := p.basis(c)
		hash, _, err := basis.sum()
		if err != nil {
			return nil, nil, err
		}
		cookie, ok := r.known.Cookie(c.Entity, hash)
		if !ok {
			changes = append(changes, r.missing(basis)...)
			continue
		}
		asked[i].Cookie = cookie.Text.Reveal()
		if cookie.Obtained.Before(oldest) {
			oldest = cookie.Obtained
		}
	}
	changes = append(changes, r.useless()...)
	if age := r.report.Started.Sub(oldest); p.MaxCookieAge > 0 && age > p.MaxCookieAge && len(changes) == 0 {
		r.warn(fault.Errorf(fault.Expired, "the changes are read from cookies that are %v old, more than MaximumCookieAge, %v", age.Round(time.Minute), p.MaxCookieAge).
			WithHint("Each run renews them. Export more often: Graph forgets a cookie after 7 days, and its entity is listed again then"))
	}
	return asked, changes, nil
}

// missing says why an entity has no cookie for what is asked of it now; nothing where
// nothing is known.
func (r *run) missing(now basis) []string {
	for _, c := range r.known.Cookies() {
		if c.Entity != now.Entity {
			continue
		}
		if changes := now.since(c.Basis); len(changes) > 0 {
			return changes
		}
		return []string{fmt.Sprintf("what is asked of %s has changed, or this release of Usher reads it in another way", now.Entity)}
	}
	for _, name := range r.known.Names() {
		if _, entity, _ := splitSet(name); entity == now.Entity {
			return []string{"the cookie of " + entity + " was deleted"}
		}
	}
	if r.known.IsEmpty() {
		return nil
	}
	return []string{now.Entity + " was not exported before"}
}

// useless names what is known and not asked for any more.
func (r *run) useless() (changes []string) {
	wanted := r.plan.sets()
	for _, name := range r.known.Names() {
		if _, entity, _ := splitSet(name); !wanted[name] && !wanted[objectsSet(entity)] {
			changes = append(changes, entity+" is not exported any more")
		}
	}
	return changes
}
