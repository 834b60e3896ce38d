package graph_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/entra/graph/retry"
	"github.com/usher-iga/usher/connectors/sdk/clock"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// doerFunc is a Doer of one function.
type doerFunc func(*http.Request) (*http.Response, error)

func (f doerFunc) Do(req *http.Request) (*http.Response, error) { return f(req) }

// serve starts a TLS server and returns a client of it. Each request goes to
// handler, with the server's own root to build links from.
func serve(t *testing.T, handler func(w http.ResponseWriter, r *http.Request, root string)) *graph.Client {
	t.Helper()
	var root string
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler(w, r, root) }))
	t.Cleanup(server.Close)
	root = server.URL + "/v1.0/"
	impatient := retry.Options{Clock: noWait{}}
	client, err := graph.New(root, retry.New(doerFunc(server.Client().Transport.RoundTrip), impatient))
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// noWait is a clock whose pauses take no time.
type noWait struct{}

func (noWait) Now() time.Time                                   { return clock.System.Now() }
func (noWait) Sleep(ctx context.Context, _ time.Duration) error { return ctx.Err() }

// collect reads a collection and returns its bodies as text.
func collect(client *graph.Client, path string) (bodies []string, links []graph.Page, err error) {
	err = client.Pages(context.Background(), path, func(p graph.Page) error {
		bodies = append(bodies, string(p.Body))
		p.Body = nil
		links = append(links, p)
		return nil
	})
	return bodies, links, err
}

func TestPagesFollowsLinksVerbatim(t *testing.T) {
	var mu sync.Mutex
	var asked []string
	tokens := []string{"a%2Bb+c", "%7e~!'()*", "x%2fy%2F=="}
	client := serve(t, func(w http.ResponseWriter, r *http.Request, root string) {
		mu.Lock()
		n := len(asked)
		asked = append(asked, r.RequestURI)
		mu.Unlock()
		if n < len(tokens) {
			fmt.Fprintf(w, `{"value":[%d],"@odata.nextLink":"%susers/delta()?$skiptoken=%s"}`, n, root, tokens[n])
			return
		}
		fmt.Fprintf(w, `{"@odata.deltaLink":"%susers/delta?$deltatoken=z","value":[]}`, root)
	})
	_, pages, err := collect(client, "users/delta?$select=id")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"/v1.0/users/delta?$select=id"}
	for _, token := range tokens {
		want = append(want, "/v1.0/users/delta()?$skiptoken="+token)
	}
	if !slices.Equal(asked, want) {
		t.Errorf("asked %q\nwant  %q", asked, want)
	}
	last := pages[len(pages)-1]
	if last.Number != 4 || last.NextLink != "" || last.DeltaLink != client.Root()+"users/delta?$deltatoken=z" || last.URL != pages[2].NextLink {
		t.Errorf("last page is %+v", last)
	}
}

// The next request must go out while the rest of the page is still on its way.
func TestPagesAsksAheadOfTheBody(t *testing.T) {
	secondAsked := make(chan struct{})
	client := serve(t, func(w http.ResponseWriter, r *http.Request, root string) {
		if r.URL.Query().Has("two") {
			close(secondAsked)
			fmt.Fprint(w, `{"value":[]}`)
			return
		}
		fmt.Fprintf(w, `{"@odata.nextLink":"%susers?two","value":[`, root)
		w.(http.Flusher).Flush()
		select {
		case <-secondAsked:
		case <-r.Context().Done():
		}
		fmt.Fprint(w, `1]}`)
	})
	if bodies, _, err := collect(client, "users"); err != nil || len(bodies) != 2 {
		t.Errorf("%d pages, %v", len(bodies), err)
	}
}

// Time is the fake one of synctest: a chain costs pages x latency, although the callback takes as long again.
func TestPagesHidesTheCallbackBehindTheLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const pages, latency = 20, 50 * time.Millisecond
		underWay, most := 0, 0
		client, _ := graph.New("https://h/", doerFunc(func(req *http.Request) (*http.Response, error) {
			underWay++
			most = max(most, underWay)
			time.Sleep(latency)
			underWay--
			return page(req, pages), nil
		}))
		began := time.Now()
		err := client.Pages(t.Context(), "users?page=1", func(graph.Page) error {
			time.Sleep(latency - time.Millisecond)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if took, want := time.Since(began), (pages+1)*latency; took > want {
			t.Errorf("took %v, want at most %v", took, want)
		}
		if most > 2 {
			t.Errorf("%d requests at once", most)
		}
	})
}

// page answers ?page=N, the last one without a link.
func page(req *http.Request, last int) *http.Response {
	var n int
	_, _ = fmt.Sscanf(req.URL.RawQuery, "page=%d", &n)
	body := fmt.Sprintf(`{"value":[%d]}`, n)
	if n < last {
		body = fmt.Sprintf(`{"@odata.nextLink":"https://h/users?page=%d","value":[%d]}`, n+1, n)
	}
	return &http.Response{StatusCode: 200, Request: req, ContentLength: -1, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
}

func TestPagesLosesNothingThroughFaults(t *testing.T) {
	const pages = 30
	var mu sync.Mutex
	tries := map[string]int{}
	client := serve(t, func(w http.ResponseWriter, r *http.Request, root string) {
		mu.Lock()
		tries[r.URL.RawQuery]++
		try := tries[r.URL.RawQuery]
		mu.Unlock()
		var n int
		_, _ = fmt.Sscanf(r.URL.RawQuery, "page=%d", &n)
		body := fmt.Sprintf(`{"@odata.nextLink":"%susers?page=%d","value":[{"id":"%d"},{"x":1}]}`, root, n+1, n)
		if n == pages {
			body = fmt.Sprintf(`{"value":[{"id":"%d"}]}`, n)
		}
		if try > n%3 {
			fmt.Fprint(w, body)
			return
		}
		switch n % 5 {
		case 0: // cut with a wrong length
			w.Header().Set("Content-Length", fmt.Sprint(len(body)))
			fmt.Fprint(w, body[:len(body)-9])
		case 1: // cut cleanly behind an object
			fmt.Fprint(w, body[:strings.Index(body, "}")+1])
		case 2: // cut between chunks
			fmt.Fprint(w, body[:len(body)/2])
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		case 3:
			w.WriteHeader(http.StatusServiceUnavailable)
		case 4: // reset
			panic(http.ErrAbortHandler)
		}
	})
	bodies, _, err := collect(client, "users?page=1")
	if err != nil {
		t.Fatal(err)
	}
	for i, body := range bodies {
		if want := fmt.Sprintf(`{"id":"%d"}`, i+1); !strings.Contains(body, want) {
			t.Errorf("page %d is %s", i+1, body)
		}
	}
	if len(bodies) != pages {
		t.Errorf("got %d pages", len(bodies))
	}
}

// A page that was asked for twice may come with another link, and that one belongs to its objects.
func TestPagesGoesOnFromTheLinkOfThePageDelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		firsts := 0
		client, _ := graph.New("https://h/", retry.New(doerFunc(func(req *http.Request) (*http.Response, error) {
			resp := page(req, 0)
			switch req.URL.RawQuery {
			case "page=0":
				firsts++
				head := fmt.Sprintf(`{"@odata.nextLink":"https://h/users?from=%d","value":[`, firsts)
				if firsts == 1 {
					resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(head), cutOff{}))
				} else {
					resp.Body = io.NopCloser(strings.NewReader(head + "]}"))
				}
			case "from=1":
				<-req.Context().Done()
				return nil, req.Context().Err()
			}
			return resp, nil
		}), retry.Options{}))
		_, pages, err := collect(client, "users?page=0")
		if err != nil || len(pages) != 2 || pages[1].URL != "https://h/users?from=2" {
			t.Errorf("%+v, %v", pages, err)
		}
	})
}

type cutOff struct{}

func (cutOff) Read([]byte) (int, error) {
	time.Sleep(time.Second)
	return 0, io.ErrUnexpectedEOF
}

func TestPagesStopsWithTheCallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // fails if a goroutine is left over
		client, _ := graph.New("https://h/", doerFunc(func(req *http.Request) (*http.Response, error) {
			if req.URL.RawQuery == "page=2" {
				<-req.Context().Done()
				return nil, req.Context().Err()
			}
			return page(req, 5), nil
		}))
		enough := errors.New("enough")
		if err := client.Pages(t.Context(), "users?page=1", func(graph.Page) error { return enough }); !errors.Is(err, enough) {
			t.Errorf("got %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		err := client.Pages(ctx, "users?page=1", func(graph.Page) error { cancel(); return nil })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

func TestPagesRefusesOtherHosts(t *testing.T) {
	for _, link := range []string{
		"https://evil.example/v1.0/users", "http://h/users", "https://h:444/users", "https://h@evil.example/",
		"//evil.example/users", "https://h/users?a b", "https://h/users?a=\\u000d\\u000aX: y", "https://h/us\\u00e9rs",
	} {
		asked := 0
		client, _ := graph.New("https://h", doerFunc(func(req *http.Request) (*http.Response, error) {
			asked++
			resp := page(req, 0)
			resp.Body = io.NopCloser(strings.NewReader(`{"@odata.nextLink":"` + link + `","value":[]}`))
			if req.URL.Host != "h" {
				t.Errorf("asked %s", req.URL)
			}
			if asked > 1 {
				resp.Body = io.NopCloser(strings.NewReader(`{"value":[]}`))
			}
			return resp, nil
		}))
		_, _, err := collect(client, "users")
		if strings.HasPrefix(link, "//") { // is a path, so it stays on the host
			continue
		}
		if !fault.Is(err, fault.Unavailable) || asked != 1 {
			t.Errorf("%s: asked %d times, %v", link, asked, err)
		}
	}
	client, _ := graph.New("https://h:443/v1.0", doerFunc(func(req *http.Request) (*http.Response, error) { return page(req, 0), nil }))
	if _, err := client.Get(t.Context(), "https://H/v1.0/users"); err != nil {
		t.Errorf("the same host is refused: %v", err)
	}
}

func TestPagesDoesNotGoInACircle(t *testing.T) {
	client := answering(200, `{"@odata.nextLink":"https://graph.example/v1.0/users?page=2","value":[]}`, nil)
	if bodies, _, err := collect(client, "users"); len(bodies) != 1 || !fault.Is(err, fault.Unavailable) {
		t.Errorf("%d pages, %v", len(bodies), err)
	}
}

func TestNewRefusesBadRoots(t *testing.T) {
	for _, root := range []string{"", "graph.microsoft.com", "ftp://h/", "https://h/?a", "https://u:p@h/", "https:///v1.0", "%"} {
		if _, err := graph.New(root, nil); !fault.Is(err, fault.Invalid) || fault.Of(err).Setting != "MicrosoftGraphPathApi" {
			t.Errorf("%q: %v", root, err)
		}
	}
}

// BenchmarkPages reads pages of 200 users from a fake server; its allocations are those of one page.
func BenchmarkPages(b *testing.B) {
	for _, size := range []int{200, 999} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			tail := `"value":[` + strings.Repeat(`{"id":"00000000-0000-0000-0000-000000000001","displayName":"A name","mail":"a@example.com"},`, size) + `{}]}`
			client, _ := graph.New("https://h/", doerFunc(func(req *http.Request) (*http.Response, error) {
				n := 0
				_, _ = fmt.Sscanf(req.URL.RawQuery, "page=%d", &n)
				head := "{"
				if n < b.N {
					head = fmt.Sprintf(`{"@odata.nextLink":"https://h/users?page=%d",`, n+1)
				}
				return &http.Response{StatusCode: 200, Request: req, ContentLength: -1, Header: http.Header{},
					Body: io.NopCloser(io.MultiReader(strings.NewReader(head), strings.NewReader(tail)))}, nil
			}))
			b.SetBytes(int64(len(tail)))
			b.ReportAllocs()
			b.ResetTimer()
			if err := client.Pages(context.Background(), "users?page=1", func(graph.Page) error { return nil }); err != nil {
				b.Fatal(err)
			}
		})
	}
}
