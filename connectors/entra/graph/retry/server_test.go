package retry_test

import (
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/usher-iga/usher/connectors/sdk/transport"
)

// way is a real transport and the server that it leads to.
type way struct {
	*transport.Transport
	url string
}

// newUntrustedServer returns the way to a server whose certificate is not trusted.
func newUntrustedServer(t *testing.T) way {
	t.Helper()
	server := start(t, nil)
	return way{newTransport(t, transport.Options{}), server.URL}
}

// newSilentServer returns the way to a server that takes requests and never answers.
func newSilentServer(t *testing.T) way {
	t.Helper()
	server := start(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	roots := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	return way{newTransport(t, transport.Options{RootsPEM: roots, HeaderTimeout: 2 * time.Millisecond}), server.URL}
}

func start(t *testing.T, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

func newTransport(t *testing.T, o transport.Options) *transport.Transport {
	t.Helper()
	made, err := transport.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(made.Close)
	return made
}
