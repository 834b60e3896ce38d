package keyvault

import (
	"context"
	"io"
	"net/http"
	"strings"

	"github.com/usher-iga/usher/connectors/sdk/fault"
	"github.com/usher-iga/usher/connectors/sdk/transport"
)

// maxAnswer bounds an answer: a secret has 25 KB at most.
const maxAnswer = 1 << 20

// A wire carries the requests of Microsoft's libraries and makes their failures ones that
// can be explained. It implements azcore's policy.Transporter.
type wire struct {
	doer  *transport.Transport
	vault bool // it leads to a vault
	near  bool // it leads to a service of this machine, which is there or is not
}

// Do sends one request.
func (w *wire) Do(req *http.Request) (*http.Response, error) {
	resp, err := w.doer.Do(req)
	if note, ok := req.Context().Value(noteKey{}).(*note); ok {
		note.err = err
	}
	if err != nil {
		if w.near || transport.IsFinal(err) {
			err = lasting{err}
		}
		return nil, err
	}
	if w.vault && resp.StatusCode == http.StatusUnauthorized && !isChallenge(resp.Header.Get("WWW-Authenticate")) {
		resp.Body.Close()
		return nil, lasting{notAVault(req.URL.Host)}
	}
	resp.Body = limited{io.LimitReader(resp.Body, maxAnswer), resp.Body}
	return resp, nil
}

func notAVault(host string) error {
	return fault.Errorf(fault.Invalid, "%s does not answer as a Key Vault does", host).
		WithSetting(vaultSetting).WithHint("Copy the Vault URI from the overview page of the Key Vault; a proxy or a firewall may also have answered in its place")
}

// isChallenge reports whether a vault asks for a token in the way that the library reads, which
// panics if the address of the authority ends at its host.
func isChallenge(header string) bool {
	parts := strings.Split(header, "authorization=")
	if len(parts) != 2 || !strings.HasPrefix(header, "Bearer ") {
		return false
	}
	address, _, _ := strings.Cut(parts[1], " ")
	return strings.Count(address, "/") >= 3
}

// limited is a body of which no more than a part is read.
type limited struct {
	io.Reader
	io.Closer
}

// lasting is an error that azcore does not try again for.
type lasting struct{ error }

// NonRetriable is how azcore knows it.
func (lasting) NonRetriable() {}

func (l lasting) Unwrap() error { return l.error }

// A note is where a wire leaves the error of the last sending for whoever began the request: the
// libraries between keep its text alone.
type note struct{ err error }

type noteKey struct{}

func withNote(ctx context.Context) (context.Context, *note) {
	n := &note{}
	return context.WithValue(ctx, noteKey{}, n), n
}
