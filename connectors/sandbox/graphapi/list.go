package graphapi

import (
	"strconv"
	"strings"

	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// list answers a request for a collection.
func (r *request) list() error {
	if r.target.anyKind {
		return errUnsupported("Searches against this resource are not supported. Only specific instances can be queried.")
	}
	tok, err := r.listToken()
	if err != nil {
		return err
	}
	condition, err := r.condition(r.target.kind, tok.filter, tok.search)
	if err != nil {
		return err
	}
	if condition != nil && condition.few {
		return r.appendRefs(tok, condition.living(r.view, r.target.kind), r.target.kind.Collection(), false)
	}
	kind, slots := r.target.kind, uint32(r.view.Slots(r.target.kind))
	top := tok.top
	if kind == tenant.DirectoryRole {
		top = slots // roles have no paging
	}
	first := tok.offset == 0
	renderer := newRenderer(r.view, kind, tok.fields)
	var values []byte
	place, some := tok.offset, uint32(0)
	for ; place < slots && some < top; place++ {
		ref := r.view.Slot(kind, place)
		if r.view.Life(ref) != tenant.Living || !condition.fits(ref) {
			continue
		}
		if some > 0 {
			values = append(values, ',')
		}
		values = renderer.object(values, ref, false, "")
		some++
	}
	r.beginList(kind.Collection(), tok.fields)
	if first && r.wantsCount() {
		r.appendCount(countMatches(r.view, kind, condition))
	}
	if place < slots {
		tok.offset = place
		r.appendNext(tok)
	}
	r.body = append(r.body, `"value":[`...)
	r.body = append(r.body, values...)
	r.body = append(r.body, "]}"...)
	return nil
}

// condition is what a request filters and searches for; nil is all.
func (r *request) condition(kind tenant.Kind, filter, search string) (*filter, error) {
	advanced := r.eventual() && (r.query.count || r.query.skiptoken != "" || r.target.count)
	filtered, err := parseFilter(r.view, kind, filter, advanced)
	if err != nil {
		return nil, err
	}
	found, err := parseSearch(r.view, kind, search)
	return filtered.and(found), err
}

// wantsCount says whether the response carries the number of all objects.
func (r *request) wantsCount() bool { return r.query.count && r.eventual() }

// eventual says whether the request takes part in advanced queries.
func (r *request) eventual() bool {
	return strings.EqualFold(r.http.Header.Get("ConsistencyLevel"), "eventual")
}

// beginList begins the body of a list.
func (r *request) beginList(set string, fields selection) {
	r.body = append(r.body, `{"@odata.context":"`...)
	r.body = append(r.body, r.context()...)
	r.body = append(r.body, set...)
	if r.target.kind != 0 && r.target.relation == "" {
		r.appendSelected(fields)
	}
	r.body = append(r.body, `",`...)
}

// appendCount appends the number of all objects.
func (r *request) appendCount(n int) {
	r.body = append(r.body, `"@odata.count":`...)
	r.body = strconv.AppendInt(r.body, int64(n), 10)
	r.body = append(r.body, ',')
}

// appendNext appends the link to the next page.
func (r *request) appendNext(tok token) {
	tok.use, tok.issued, tok.version = listPage, r.api.hooks.Now(), r.view.Version()
	tok.kind, tok.path = r.target.kind, r.target.path
	r.body = append(r.body, `"@odata.nextLink":"https://`...)
	r.body = append(r.body, r.http.Host...)
	r.body = append(r.body, r.http.URL.EscapedPath()...)
	r.body = append(r.body, "?$skiptoken="...)
	r.body = append(r.body, r.api.tokens.seal(tok)...)
	r.body = append(r.body, `",`...)
}

// listToken is the token of a list's request, or a new one for a first page.
func (r *request) listToken() (token, error) {
	q := &r.query
	if q.skiptoken != "" {
		tok, ok := r.api.tokens.open(q.skiptoken)
		if !ok || tok.use != listPage || tok.path != r.target.path {
			return token{}, errBadRequest("Request_BadRequest", "Invalid value specified for property '$skiptoken' of resource '"+
				r.target.kind.Entity()+"'.")
		}
		age := r.api.hooks.Now().Sub(tok.issued)
		if _, expired := r.api.hooks.Expire(r.target.path, false, age); expired || age > pageTokenLife {
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
	tok := token{top: uint32(top), filter: q.filter, search: q.search}
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
	case q.orderby != "":
		return errUnsupported("Sorting not supported for current query.")
	case q.expand != "":
		return errUnsupported("$expand is not supported by this simulated tenant.")
	}
	return nil
}

// count answers /$count.
func (r *request) count() error {
	if !r.eventual() {
		return errBadRequest("Request_BadRequest", "$count is not currently supported.")
	}
	var n int
	if r.target.relation != "" {
		links, err := r.relatedLinks(r.query.filter, r.query.search)
		if err != nil {
			return err
		}
		n = len(links)
	} else {
		condition, err := r.condition(r.target.kind, r.query.filter, r.query.search)
		if err != nil {
			return err
		}
		n = countMatches(r.view, r.target.kind, condition)
	}
	r.plain = true
	r.body = strconv.AppendInt(r.body, int64(n), 10)
	return nil
}

func countMatches(v tenant.View, kind tenant.Kind, condition *filter) int {
	if condition == nil {
		return v.Living(kind)
	}
	return len(condition.living(v, kind))
}
