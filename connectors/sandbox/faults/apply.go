package faults

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// Wrap lets requests meet the faults on their way to a handler.
func (i *Injector) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn := connectionOf(r)
		c, latency := i.choose(r.URL.Path, conn != nil && conn.sick.Load())
		if !pause(r, latency) {
			return
		}
		if c.fault == StickyUnavailable && conn != nil {
			conn.sick.Store(true)
		}
		i.apply(w, r, c, next)
	})
}

// Inner lets the requests in a batch meet refusals of their own. Connections are
// beyond them.
func (i *Injector) Inner(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.apply(w, r, i.chooseInner(r.URL.Path), next)
	})
}

func (i *Injector) apply(w http.ResponseWriter, r *http.Request, c choice, next http.Handler) {
	switch c.fault {
	case "":
		next.ServeHTTP(w, r)
	case Throttle:
		w.Header().Set("x-ms-throttle-information", "ResourceUnitLimitExceeded")
		w.Header().Set("x-ms-throttle-limit-percentage", "1.2")
		i.refuse(w, r, c, http.StatusTooManyRequests, "TooManyRequests", "Please retry again later.")
	case Unavailable, StickyUnavailable:
		i.refuse(w, r, c, http.StatusServiceUnavailable, "serviceNotAvailable", "The service is temporarily unavailable. Please try again.")
	case GatewayTimeout:
		i.refuse(w, r, c, http.StatusGatewayTimeout, "UnknownError", "")
	case Reset:
		BreakOff(r)
	case LostAnswer:
		var lost recorder
		lost.header = http.Header{}
		next.ServeHTTP(&lost, r) // what it does is done
		BreakOff(r)
	case Hang:
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	case Truncate, TruncateChunked, Slow:
		var body recorder
		body.header = w.Header()
		next.ServeHTTP(&body, r)
		body.replay(w, r, c)
	}
}

func (i *Injector) refuse(w http.ResponseWriter, r *http.Request, c choice, status int, code, message string) {
	switch c.retryAfter {
	case "none":
	case "date":
		w.Header().Set("Retry-After", i.now().Add(time.Second).UTC().Format(http.TimeFormat))
	default:
		w.Header().Set("Retry-After", c.retryAfter)
	}
	i.write(w, r, status, code, message)
}

// BreakOff ends the connection without an answer, by a TCP reset where it can.
// It does not return.
func BreakOff(r *http.Request) {
	if c := connectionOf(r); c != nil {
		if t, ok := c.Conn.(*tls.Conn); ok {
			if tcp, ok := t.NetConn().(*net.TCPConn); ok {
				// Failing here still leaves the abort below.
				_ = tcp.SetLinger(0)
				_ = tcp.Close()
			}
		}
	}
	panic(http.ErrAbortHandler)
}

// pause waits; false says that the client has given up.
func pause(r *http.Request, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

// recorder keeps a response, to be sent in another way than it was made.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (b *recorder) Header() http.Header         { return b.header }
func (b *recorder) WriteHeader(status int)      { b.status = status }
func (b *recorder) Write(p []byte) (int, error) { return b.body.Write(p) }

// replay sends the response slowly, or not to its end. Errors of writing mean
// that the client is gone.
func (b *recorder) replay(w http.ResponseWriter, r *http.Request, c choice) {
	if c.fault == TruncateChunked {
		b.header.Del("Content-Length")
	} else {
		b.header.Set("Content-Length", strconv.Itoa(b.body.Len()))
	}
	if b.status != 0 {
		w.WriteHeader(b.status)
	}
	flush := http.NewResponseController(w).Flush
	if c.fault != Slow {
		_, _ = io.CopyN(w, &b.body, int64(b.body.Len()/2))
		_ = flush()
		panic(http.ErrAbortHandler)
	}
	const pieces = 8
	for size := b.body.Len()/pieces + 1; b.body.Len() > 0; {
		_, _ = io.CopyN(w, &b.body, int64(min(size, b.body.Len())))
		_ = flush()
		if !pause(r, c.slowBody/pieces) {
			return
		}
	}
}
