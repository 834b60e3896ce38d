package graphapi

import (
	"net/http"
	"strings"

	"github.com/usher-iga/usher/connectors/sandbox/feed"
	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// delta answers a delta query: its first request, a further page, or a new
// round.
func (r *request) delta(w http.ResponseWriter) error {
	if r.target.anyKind {
		return errUnsupported("Delta query is not supported for directoryObjects without a valid resource type or id filter.")
	}
	f, ok := r.api.feeds[r.target.kind]
	if !ok {
		return errBadRequest("BadRequest", "Unsupported request: Change tracking is not supported against 'microsoft.graph."+
			r.target.kind.Entity()+"'")
	}
	if strings.Contains(strings.ToLower(r.http.Header.Get("Prefer")), "return=minimal") {
		w.Header().Set("Preference-Applied", "return=minimal")
	}
	tok, err := r.deltaToken()
	if err != nil {
		return err
	}
	switch {
	case r.query.latest:
		tok.cursor = f.End()
		return r.deltaPage(w, tok, nil, tok.cursor, true)
	case tok.use == deltaRound: // nothing has changed since
		return r.deltaPage(w, tok, nil, tok.cursor, true)
	}
	items, next, done := f.Page(tok.cursor, r.tellsLinks(tok.fields))
	return r.deltaPage(w, tok, items, next, done)
}

// tellsLinks says whether the relation that comes in slices is selected.
func (r *request) tellsLinks(s selection) bool {
	relations := tenant.RelationsOf(r.target.kind)
	return len(relations) > 0 && s.hasRelation(relations[0])
}

// deltaToken is the token of the request, or a new one for a first request.
func (r *request) deltaToken() (token, error) {
	q := &r.query
	escaped, use := q.skiptoken, deltaPage
	if escaped == "" && !q.latest && !q.restart && q.deltatoken != "" {
		escaped, use = q.deltatoken, deltaRound
	}
	if escaped == "" {
		return r.firstToken()
	}
	if q.others > 0 || q.skiptoken != "" && q.deltatoken != "" {
		return token{}, errUnsupported("The query parameters of a delta request cannot be changed by a link that carries a token.")
	}
	if form, ok := r.api.hooks.Expire(r.target.path, use == deltaRound); ok {
		if use == deltaPage && form == "" {
			form = ExpiryPageTooOld
		}
		return token{}, r.expired(form)
	}
	tok, ok := r.api.tokens.open(escaped)
	if !ok || tok.use != use || tok.kind != r.target.kind || tok.version > r.api.world.Version() {
		return token{}, errStaleLink()
	}
	age := r.api.hooks.Now().Sub(tok.issued)
	switch {
	case use == deltaPage && age > pageTokenLife:
		return token{}, errExpiredPage()
	case use == deltaRound && age > deltaTokenLife:
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
	return token{use: deltaPage, kind: r.target.kind, fields: fields}, nil
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

// deltaPage writes one page with the link to what comes after it.
func (r *request) deltaPage(w http.ResponseWriter, tok token, items []feed.Item, next feed.Cursor, done bool) error {
	tok.cursor, tok.issued, tok.version = next, r.api.hooks.Now(), r.api.world.Version()
	link, parameter := "@odata.nextLink", "$skiptoken="
	tok.use = deltaPage
	if done {
		tok.use, link, parameter = deltaRound, "@odata.deltaLink", "$deltatoken="
	}
	buffer := r.api.buffers.Get().(*[]byte)
	defer r.api.buffers.Put(buffer)
	b := (*buffer)[:0]
	b = append(b, `{"@odata.context":"`...)
	b = append(b, r.context()...)
	b = append(b, r.target.kind.Collection()...)
	b = r.appendSelected(b, tok.fields)
	b = append(b, `","`...)
	b = append(b, link...)
	b = append(b, `":"`...)
	b = append(b, r.collectionURL()...)
	b = append(b, "/delta?"...)
	b = append(b, parameter...)
	b = append(b, r.api.tokens.seal(tok)...)
	b = append(b, `","value":[`...)
	renderer := newRenderer(r.api.world, r.target.kind, tok.fields)
	for i, item := range items {
		if i > 0 {
			b = append(b, ',')
		}
		b = renderer.item(b, item)
	}
	b = append(b, "]}"...)
	*buffer = b
	return r.api.write(w, r.http, b)
}

// appendSelected appends the list of properties in @odata.context; relations
// do not stand there.
func (r *request) appendSelected(b []byte, s selection) []byte {
	if !s.explicit {
		return b
	}
	b = append(b, "(id"...)
	properties := r.api.world.Schema(r.target.kind).Properties
	for _, position := range s.positions() {
		b = append(b, ',')
		b = append(b, properties[position].Name...)
	}
	return append(b, ')')
}
