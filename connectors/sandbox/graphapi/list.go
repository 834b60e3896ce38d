package graphapi

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// list answers a request for a collection.
func (r *request) list(w http.ResponseWriter) error {
	if r.target.anyKind {
		return errUnsupported("Searches against this resource are not supported. Only specific instances can be queried.")
	}
	tok, err := r.listToken()
	if err != nil {
		return err
	}
	matches, err := parseFilter(r.api.world, r.target.kind, tok.filter)
	if err != nil {
		return err
	}
	kind, total := r.target.kind, uint32(r.api.world.Count(r.target.kind))
	top := tok.top
	if kind == tenant.DirectoryRole {
		top = total // roles have no paging
	}
	first := tok.offset == 0
	renderer := newRenderer(r.api.world, kind, tok.fields)
	var values []byte
	index, some := tok.offset, uint32(0)
	for ; index < total && some < top; index++ {
		ref := tenant.Ref{Kind: kind, Index: index}
		if matches != nil && !matches(ref) {
			continue
		}
		if some > 0 {
			values = append(values, ',')
		}
		values = renderer.object(values, ref, false, "")
		some++
	}
	b := r.beginList(kind.Collection(), tok.fields)
	if first && r.wantsCount() {
		b = append(b, `"@odata.count":`...)
		b = strconv.AppendInt(b, int64(countMatches(kind, total, matches)), 10)
		b = append(b, ',')
	}
	if index < total {
		tok.offset = index
		b = r.appendNext(b, tok)
	}
	b = append(b, `"value":[`...)
	b = append(b, values...)
	b = append(b, "]}"...)
	return r.api.write(w, r.http, b)
}

// wantsCount says whether the response carries the number of all objects.
func (r *request) wantsCount() bool { return r.query.count && r.eventual() }

// eventual says whether the request takes part in advanced queries.
func (r *request) eventual() bool {
	return strings.EqualFold(r.http.Header.Get("ConsistencyLevel"), "eventual")
}

// beginList begins the body of a list.
func (r *request) beginList(set string, fields selection) []byte {
	b := append([]byte(`{"@odata.context":"`), r.context()...)
	b = append(b, set...)
	if r.target.kind != 0 && r.target.relation == "" {
		b = r.appendSelected(b, fields)
	}
	return append(b, `",`...)
}

// appendNext appends the link to the next page.
func (r *request) appendNext(b []byte, tok token) []byte {
	tok.use, tok.issued, tok.version = listPage, r.api.hooks.Now(), r.api.world.Version()
	tok.kind, tok.path = r.target.kind, r.target.path
	b = append(b, `"@odata.nextLink":"`...)
	b = append(b, "https://"...)
	b = append(b, r.http.Host...)
	b = append(b, r.http.URL.EscapedPath()...)
	b = append(b, "?$skiptoken="...)
	b = append(b, r.api.tokens.seal(tok)...)
	return append(b, `",`...)
}

// listToken is the token of a list's request, or a new one for a first page.
func (r *request) listToken() (token, error) {
	q := &r.query
	if q.skiptoken != "" {
		if _, ok := r.api.hooks.Expire(r.target.path, false); ok {
			return token{}, errExpiredPage()
		}
		tok, ok := r.api.tokens.open(q.skiptoken)
		if !ok || tok.use != listPage || tok.path != r.target.path {
			return token{}, errBadRequest("Request_BadRequest", "Invalid value specified for property '$skiptoken' of resource '"+
				r.target.kind.Entity()+"'.")
		}
		if r.api.hooks.Now().Sub(tok.issued) > pageTokenLife {
			return token{}, errExpiredPage()
		}
		return tok, nil
	}
	top, err := q.size()
	if err != nil {
		return token{}, err
	}
	if err := r.refuseAdvanced(); err != nil {
		return token{}, err
	}
	tok := token{top: uint32(top), filter: q.filter}
	if r.target.relation != "" {
		tok.selects = q.selects
		return tok, nil
	}
	tok.fields, err = r.api.selectFor(r.api.world.Schema(r.target.kind), q.selects, asksList, r.who)
	return tok, err
}

// refuseAdvanced refuses what the sandbox does not do, in the words in which
// the real service refuses what it cannot do.
func (r *request) refuseAdvanced() error {
	q := &r.query
	switch {
	case q.search != "" && !r.eventual():
		return errUnsupported("Request with $search query parameter only works through MSGraph with a special request header: 'ConsistencyLevel: eventual'")
	case q.search != "":
		return errUnsupported("$search is not supported by this simulated tenant.")
	case q.orderby != "":
		return errUnsupported("Sorting not supported for current query.")
	case q.expand != "":
		return errUnsupported("$expand is not supported by this simulated tenant.")
	}
	return nil
}

// count answers /$count.
func (r *request) count(w http.ResponseWriter) error {
	if !r.eventual() {
		return errBadRequest("Request_BadRequest", "$count is not currently supported.")
	}
	var n int
	if r.target.relation != "" {
		links, err := r.relatedLinks()
		if err != nil {
			return err
		}
		n = len(links)
	} else {
		matches, err := parseFilter(r.api.world, r.target.kind, r.query.filter)
		if err != nil {
			return err
		}
		n = countMatches(r.target.kind, uint32(r.api.world.Count(r.target.kind)), matches)
	}
	w.Header().Set("Content-Type", "text/plain")
	// An error here means that the client is gone.
	_, _ = w.Write(strconv.AppendInt(nil, int64(n), 10))
	return nil
}

func countMatches(kind tenant.Kind, total uint32, matches func(tenant.Ref) bool) int {
	if matches == nil {
		return int(total)
	}
	n := 0
	for i := range total {
		if matches(tenant.Ref{Kind: kind, Index: i}) {
			n++
		}
	}
	return n
}
