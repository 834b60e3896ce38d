package retry_test

import (
	"io"
	"log"
	"net/http/httptest"
	"testing"

	"github.com/usher-iga/usher/connectors/sdk/transport"
)

type untrusted struct {
	*transport.Transport
	url string
}

// newUntrustedServer returns the way to a server whose certificate is not trusted.
func newUntrustedServer(t *testing.T) untrusted {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	way, err := transport.New(transport.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(way.Close)
	return untrusted{way, server.URL}
}
