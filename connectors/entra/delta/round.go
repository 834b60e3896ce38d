// Package delta reads a collection of Microsoft Graph by delta queries: a round
// is a chain of pages that ends with the link from which the next round goes on.
//
// Source: https://learn.microsoft.com/graph/delta-query-overview.
package delta

import (
	"context"
	"errors"
	"fmt"

	"github.com/usher-iga/usher/connectors/entra/directory"
	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
	"github.com/usher-iga/usher/connectors/sdk/record"
)

// maxRestarts is how often a round starts again because Graph forgot where it
// was. Page tokens live for minutes; a round that loses them again and again is too slow
// to ever end.
const maxRestarts = 5

// maxRereads is how often a round starts again because a page could not be read. Some of
// that page's rows were given away already, so it cannot be asked for alone; and
// what cannot be read twice will hardly be read the fifth time.
const maxRereads = 2

// A Source follows a collection page by page. [graph.Client] is one.
type Source interface {
	// Pages is [graph.Client.Pages].
	Pages(ctx context.Context, pathOrURL string, fn func(graph.Page) error) error
}

// A Round reads one collection.
type Round struct {
	Source     Source
	Collection directory.Collection
	Cookie     string // of an earlier round; empty: everything

	// Begin opens the collection, again after each restart, as [sdk.Sink] has it.
	Begin func(complete bool, reason string) (sdk.Writer, error)
	// OnPage is called after each page.
	OnPage func() error
	// Warn tells what the rows leave open, as [sdk.Sink] has it.
	Warn func(sdk.Warning) error
}

// Run reads the round to its end and ends the collection with the link of the next
// round as its cookie. Where Graph no longer accepts a page token, or a page cannot be
// read, the round starts again, and with a cookie that Graph no longer accepts the
// collection is listed completely. A complete list ends with the objects that can be
// restored, as suspended ones, as far as Graph lists them.
//
// Errors are faults that name the entity and the page: those of Source, an answer
// that is not a page, an object without id, a round that ends without a link or
// that would have to start again too often. Errors of Begin, OnPage, Warn and the
// writer are returned as they are.
func (r *Round) Run(ctx context.Context) error {
	parser := NewParser(r.Collection)
	cookie, reason := r.Cookie, ""
	rereads := 0
	for restarts := 0; ; restarts++ {
		pages, err := r.read(ctx, parser, cookie, reason)
		_, strange := errors.AsType[unreadable](err)
		switch {
		case strange && rereads < maxRereads:
			rereads++
			reason = fmt.Sprintf("page %d could not be read", pages)
		case !fault.Is(err, fault.Expired):
			return err
		case restarts == maxRestarts:
			return fault.Errorf(fault.Expired, "the list of %s was started %d times, and each time Graph lost the place: %w", r.name(), restarts+1, err).
				WithHint("The pages are taken too slowly. Check the network and the disk, and export less at the same time")
		case pages == 0 && cookie != "":
			cookie, reason = "", "Graph no longer accepts the cookie"
		default:
			reason = fmt.Sprintf("Graph no longer accepts the page token after page %d", pages)
		}
	}
}

// read reads all pages once and returns how many there were.
func (r *Round) read(ctx context.Context, parser *Parser, cookie, reason string) (pages int, err error) {
	writer, err := r.Begin(cookie == "", reason)
	if err != nil {
		return 0, err
	}
	from, rows := cookie, Rows(writer)
	var named *listed
	if cookie == "" {
		from = r.Collection.Query()
		if deleted, ok := r.Collection.Entity.Deleted(); ok {
			named = &listed{Writer: writer, deleted: deleted}
			rows = named
		}
	}
	pages, next, err := r.follow(ctx, list{name: r.name(), permission: r.Collection.Entity.Permission, parser: parser}, from, rows)
	if err == nil && next == "" {
		err = fault.Errorf(fault.Unavailable, "the list of %s ended after page %d without a link for changes, so it may not be complete", r.name(), pages).
			WithHint(hintStrange)
	}
	if err == nil && named != nil {
		var more int
		more, err = r.readDeleted(ctx, named)
		pages += more
	}
	if err != nil {
		return pages, err
	}
	return pages, writer.End(next)
}

// A list is one of the lists that a round reads.
type list struct {
	name       string // for messages
	permission directory.Permission
	parser     *Parser
}

// follow gives the rows of all pages to rows, and returns how many there were and the
// delta link of the last one.
func (r *Round) follow(ctx context.Context, l list, from string, rows Rows) (pages int, next string, err error) {
	var failed error // what did not come from Source
	err = r.Source.Pages(ctx, from, func(page graph.Page) error {
		if failed = l.take(page, rows); failed == nil {
			failed = r.OnPage()
		}
		pages, next = page.Number, page.DeltaLink
		return failed
	})
	switch {
	case failed != nil:
		return pages, next, failed
	case err != nil:
		return pages, next, l.at(err, pages+1)
	}
	return pages, next, nil
}

const hintStrange = "Run again; if it stays so, check that nothing between here and Graph changes answers"

// take gives the rows of a page to rows.
func (l list) take(page graph.Page, rows Rows) error {
	checked := identified{Rows: rows}
	err := l.parser.Page(page.Body, &checked)
	switch {
	case errors.Is(checked.failed, errNoID):
		return unreadable{fault.Errorf(fault.Unavailable, "object %d on page %d of %s has no id", checked.objects, page.Number, l.name).WithHint(hintStrange)}
	case checked.failed != nil:
		return checked.failed
	case err != nil:
		return unreadable{fault.Errorf(fault.Unavailable, "page %d of %s cannot be read: %w", page.Number, l.name, err).WithHint(hintStrange)}
	}
	return nil
}

// unreadable marks the error of a page that is not what Graph describes.
type unreadable struct{ error }

func (u unreadable) Unwrap() error { return u.error }

func (r *Round) name() string { return r.Collection.Entity.Name }

// at says where an error of Source happened, and which permission is missing.
func (l list) at(err error, page int) error {
	f := fault.Of(err)
	if f == nil {
		return err
	}
	located := *f
	located.Message = fmt.Sprintf("page %d of %s: %s", page, l.name, f.Message)
	if graph.LacksPermission(err) {
		located.Hint = l.permission.Hint()
		if page > 1 { // the first page was allowed
			located.Message += "; it was allowed before, so consent may have been withdrawn"
		}
	}
	return &located
}

// identified passes rows on, but no object without id, and keeps the error.
type identified struct {
	Rows
	objects int
	failed  error
}

var errNoID = errors.New("no id")

func (w *identified) Object(o *record.Object) error {
	w.objects++
	if len(o.ID()) == 0 {
		w.failed = errNoID
	} else {
		w.failed = w.Rows.Object(o)
	}
	return w.failed
}

func (w *identified) Links(l *record.Links) error {
	w.failed = w.Rows.Links(l)
	return w.failed
}
