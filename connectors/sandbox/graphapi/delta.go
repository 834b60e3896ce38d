package graphapi

import (
	"net/http"
	"strings"

	"github.com/usher-iga/usher/connectors/sandbox/feed"
	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// delta answers a delta query: its first request, a further page, or a new
// round. All pages of a round tell the version that was visible when it began.
func (r *request) delta() error {
	if r.target.anyKind {
		return errUnsupported("Delta query is not supported for directoryObjects without a valid resource type or id filter.")
	}
	f, ok := r.api.feeds[r.target.kind]
	if !ok {
		return errBadRequest("BadRequest", "Unsupported request: Change tracking is not supported against 'microsoft.graph."+
			r.target.kind.Entity()+"'")
	}
	r.minimal = strings.Contains(strings.ToLower(r.http.Header.Get("Prefer")), "return=minimal")
	tok, err := r.deltaToken()
	if err != nil {
		return err
	}
	visible := r.view
	if r.query.latest {
		r.beginDelta(tok, true)
		r.body = append(r.body, "]}"...)
		return nil
	}
	if tok.use == deltaRound {
		tok = r.newRound(tok)
	}
	r.view = visible.At(tok.version)
	if tok.use == changePage {
		r.changePage(f, tok, visible)
	} else {
		r.wholePage(f, tok, visible)
	}
	return nil
}

// newRound is where the round begins that follows a deltaLink.
func (r *request) newRound(tok token) token {
	repeats := r.api.hooks.Repeats()
	tok.use, tok.cursor = changePage, feed.Cursor{}
	tok.since, tok.known = r.view.Earlier(tok.kind, tok.settled, repeats.Replayed), tok.version
	tok.doubled, tok.minimal = repeats.Doubled, repeats.Minimal
	tok.version, tok.settled = r.view.Version(), r.view.Version()
	return tok
}

// wholePage makes a page of a whole enumeration.
func (r *request) wholePage(f *feed.Feed, tok token, visible tenant.View) {
	items, next, done := f.Page(r.view, tok.cursor, r.tellsLinks(tok.fields))
	tok.cursor = next
	r.endDelta(tok, visible, done)
	renderer := newRenderer(r.view, r.target.kind, tok.fields)
	for i, item := range items {
		if i > 0 {
			r.body = append(r.body, ',')
		}
		r.body = renderer.item(r.body, item)
	}
	r.body = append(r.body, "]}"...)
}

// changePage makes a page of changes.
func (r *request) changePage(f *feed.Feed, tok token, visible tenant.View) {
	renderer := changeRenderer{
		renderer: newRenderer(r.view, r.target.kind, tok.fields),
		minimal:  r.minimal,
		round: feed.Round{
			Since: tok.since, Known: tok.known, Doubled: tok.doubled, Minimal: tok.minimal,
			Properties: tok.fields.properties, Relations: tok.fields.relationsOf(r.target.kind),
		},
	}
	items, next, done := f.Changes(r.view, &renderer.round, tok.cursor)
	tok.cursor = next
	r.endDelta(tok, visible, done)
	for i, item := range items {
		if i > 0 {
			r.body = append(r.body, ',')
		}
		r.body = renderer.item(r.body, item)
	}
	r.body = append(r.body, "]}"...)
}

// endDelta begins the body with the link to what follows. What changed during
// the round comes in the next one; the seed decides whether it comes at the end
// of this one too.
func (r *request) endDelta(tok token, visible tenant.View, done bool) {
	again := tok.version == tok.settled && visible.Version() > tok.version &&
		visible.Draw(tenant.Ref{Kind: tok.kind}, tok.version, 2) == 1
	if done && again {
		tok.use, tok.cursor, done = changePage, feed.Cursor{}, false
		tok.since, tok.known, tok.version = tok.settled, tok.settled, visible.Version()
	}
	r.beginDelta(tok, done)
}

// tellsLinks says whether the relation that comes in slices is selected.
func (r *request) tellsLinks(s selection) bool {
	relations := tenant.RelationsOf(r.target.kind)
	return len(relations) > 0 && s.hasRelation(relations[0])
}

// deltaToken is the token of the request, or a new one for a first request.
func (r *request) deltaToken() (token, error) {
	q := &r.query
	escaped, isRound := q.skiptoken, false
	if escaped == "" && !q.latest && !q.restart && q.deltatoken != "" {
		escaped, isRound = q.deltatoken, true
	}
	if escaped == "" {
		return r.firstToken()
	}
	if q.others > 0 || q.skiptoken != "" && q.deltatoken != "" {
		return token{}, errUnsupported("The query parameters of a delta request cannot be changed by a link that carries a token.")
	}
	tok, ok := r.api.tokens.open(escaped)
	if !ok || isRound != (tok.use == deltaRound) || tok.use == listPage || tok.kind != r.target.kind ||
		tok.version > r.view.Version() {
		return token{}, errStaleLink()
	}
	age := r.api.hooks.Now().Sub(tok.issued)
	if form, expired := r.api.hooks.Expire(r.target.path, isRound, age); expired {
		if !isRound && form == "" {
			form = ExpiryPageTooOld
		}
		return token{}, r.expired(form)
	}
	switch {
	case !isRound && age > pageTokenLife:
		return token{}, errExpiredPage()
	case isRound && age > deltaTokenLife:
		return token{}, errStaleLink()
	}
	return tok, nil
}

// firstToken is where a new delta query begins.
func (r *request) firstToken() (token, error) {
	q := &r.query
	for _, refused := range []struct{ name, value string }{{"$top", q.top}, {"$expand", q.expand}, {"$orderby", q.orderby}, {"$search", q.search}} {
		if refused.value != "" {
			return token{}, errUnsupported("The query parameter " + refused.name + " is not supported for delta queries.")
		}
	}
	if q.filter != "" {
		return token{}, errUnsupported("Filter is not supported for this delta query.")
	}
	fields, err := r.api.selectFor(r.api.world.Schema(r.target.kind), q.selects, asksDelta, r.who)
	if err != nil {
		return token{}, err
	}
	visible := r.view.Version()
	return token{use: deltaPage, kind: r.target.kind, fields: fields, version: visible, settled: visible}, nil
}

// expired is how the service says that a token is too old.
func (r *request) expired(form ExpiryForm) error {
	restart := http.Header{"Location": {r.collectionURL() + "/delta?$deltatoken="}}
	const lost = "The sync state generation is not found. The delta token is expired and data must be synchronized again."
	switch form {
	case ExpiryGone:
		return &apiError{status: http.StatusGone, code: "SyncStateNotFound", message: lost, header: restart}
	case ExpiryResync:
		return &apiError{status: http.StatusGone, code: "resyncRequired", header: restart,
			message: "Resync required. Replace any local items with the server's version."}
	case ExpirySyncState:
		return errBadRequest("syncStateNotFound", lost)
	case ExpiryPageTooOld:
		return errExpiredPage()
	}
	return errStaleLink()
}

// beginDelta begins the body of a page with the link to what follows it; done
// says that this is the next round.
func (r *request) beginDelta(tok token, done bool) {
	tok.issued = r.api.hooks.Now()
	link, parameter := `","@odata.nextLink":"`, "/delta?$skiptoken="
	if done {
		tok.use, link, parameter = deltaRound, `","@odata.deltaLink":"`, "/delta?$deltatoken="
	}
	r.body = append(r.body, `{"@odata.context":"`...)
	r.body = append(r.body, r.context()...)
	r.body = append(r.body, r.target.kind.Collection()...)
	r.appendSelected(tok.fields)
	r.body = append(r.body, link...)
	r.body = append(r.body, r.collectionURL()...)
	r.body = append(r.body, parameter...)
	r.body = append(r.body, r.api.tokens.seal(tok)...)
	r.body = append(r.body, `","value":[`...)
}

// appendSelected appends the list of properties in @odata.context; relations
// do not stand there.
func (r *request) appendSelected(s selection) {
	if !s.explicit {
		return
	}
	r.body = append(r.body, "(id"...)
	properties := r.api.world.Schema(r.target.kind).Properties
	for _, position := range s.positions() {
		r.body = append(r.body, ',')
		r.body = append(r.body, properties[position].Name...)
	}
	r.body = append(r.body, ')')
}
