package graph

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// A Page is one answer of a collection.
type Page struct {
	Number int    // from 1
	URL    string // what was asked, verbatim; it may hold a token: not for messages or logs

	// Body is the whole answer: a JSON object of which only the links have been read. It
	// is valid only until the callback returns.
	Body []byte

	NextLink, DeltaLink string // verbatim, at most one set
}

// Pages follows a collection from pathOrURL (as in [Client.Get]) to its end and
// calls fn for each page in order, on the caller's goroutine. The next page is
// asked for as soon as its link has arrived, which in Graph's answers is before
// the objects; so a chain takes pages x latency if fn is quicker than that. Never
// more than one page is under way beyond the one that fn has. Links are followed
// byte for byte. When Pages returns, nothing of it is still running.
//
// Errors: fn's own as it is; [fault.Expired] if Graph no longer accepts the
// page or delta token; otherwise as Get.
func (c *Client) Pages(ctx context.Context, pathOrURL string, fn func(Page) error) error {
	first, err := c.resolve(pathOrURL)
	if err != nil {
		return err
	}
	var buffers [2][]byte // of the page in fn's hands and of the next, in turns
	next := c.fetch(ctx, first, 1, nil)
	defer func() {
		if next != nil {
			next.stop()
		}
	}()
	for number := 1; ; number++ {
		current := next
		next = nil
		spare := &buffers[number%2]

		var ahead string
		select {
		case ahead = <-current.head:
			if target, err := c.resolve(ahead); err == nil {
				next = c.fetch(ctx, target, number+1, *spare)
			} else {
				ahead = ""
			}
		case <-current.done:
		}
		<-current.done
		current.cancel()
		buffers[(number+1)%2] = current.page.Body[:0]
		if current.err != nil {
			return current.err
		}
		if current.page.NextLink == current.page.URL {
			return fault.Errorf(fault.Unavailable, "the answer to GET %s links to itself as the next page", first.EscapedPath()).
				WithHint("Graph has a fault of its own. Run again later")
		}

		// A page that broke off was asked for again, and the second answer's link counts: it
		// is the one that belongs to the objects that fn gets.
		if link := current.page.NextLink; link != ahead || next == nil {
			if next != nil {
				*spare = next.stop()
				next = nil
			}
			if link != "" {
				target, err := c.resolve(link)
				if err != nil {
					return err
				}
				next = c.fetch(ctx, target, number+1, *spare)
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := fn(current.page); err != nil {
			return err
		}
		if next == nil {
			return nil
		}
	}
}

// A fetch is one page under way.
type fetch struct {
	cancel context.CancelFunc
	head   chan string   // gets the next page's link if it arrives ahead of the rest
	done   chan struct{} // closed when page and err are set
	page   Page
	err    error
}

// fetch starts to fetch a page into buf.
func (c *Client) fetch(ctx context.Context, target *url.URL, number int, buf []byte) *fetch {
	ctx, cancel := context.WithCancel(ctx)
	f := &fetch{cancel: cancel, head: make(chan string, 1), done: make(chan struct{})}
	f.page = Page{Number: number, URL: target.String(), Body: buf[:0]}
	go func() {
		defer close(f.done)
		f.err = c.exchange(ctx, target, func(resp *http.Response) error { return f.read(c, resp) })
	}()
	return f
}

// headSize is how far the links are looked for while a page arrives: in Graph's
// answers they stand in the first few hundred bytes.
const headSize = 64 << 10

func (f *fetch) read(c *Client, resp *http.Response) error {
	var head links
	known := false
	var err error
	f.page.Body, err = c.readAll(f.page.Body[:0], resp, func(buf []byte) error {
		if known || len(buf) > headSize {
			return nil
		}
		if head, known, err = headLinks(buf); err != nil {
			return notJSON(resp, buf)
		}
		if known && head.next != "" {
			select {
			case f.head <- head.next:
			default: // told already, by an answer that broke off
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if !endsAsPage(f.page.Body) {
		return brokenOff(resp, len(f.page.Body), io.ErrUnexpectedEOF)
	}
	if head == (links{}) { // they may stand behind the objects
		head, err = allLinks(f.page.Body)
		switch {
		case errors.Is(err, io.ErrUnexpectedEOF):
			return brokenOff(resp, len(f.page.Body), err)
		case err != nil:
			return notJSON(resp, f.page.Body)
		}
	}
	f.page.NextLink, f.page.DeltaLink = head.next, head.delta
	return nil
}

// stop gives a page up, waits until it is no longer under way, and returns its buffer.
func (f *fetch) stop() []byte {
	f.cancel()
	<-f.done
	return f.page.Body[:0]
}
