package managed

import (
	"cmp"
	"crypto/rsa"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/usher-iga/usher/connectors/sandbox/entraid/jwt"
	"github.com/usher-iga/usher/connectors/sandbox/reply"
)

// What the issuer's tokens say unless they are asked to say something else.
const (
	Subject  = "system:serviceaccount:usher:agent"
	Audience = "api://AzureADTokenExchange"
)

// IssuerPath is where an issuer answers.
const IssuerPath = "/sandbox/issuer"

// Issuer issues tokens that an application can sign in with by a federated
// credential. It may be used by many goroutines.
type Issuer struct {
	address string
	now     func() time.Time
	key     func() (*jwt.Key, error)
}

// NewIssuer makes an issuer at an address that ends in IssuerPath.
func NewIssuer(address string, now func() time.Time) *Issuer {
	// A key takes a while to make and few need it.
	return &Issuer{address, now, sync.OnceValues(jwt.NewKey)}
}

// Address is the issuer's name in its tokens.
func (i *Issuer) Address() string { return i.address }

// Key is the public key of this id if the issuer is this one, else nil.
func (i *Issuer) Key(issuer, keyID string) *rsa.PublicKey {
	key, err := i.key()
	if err != nil || issuer != i.address || keyID != key.ID() {
		return nil
	}
	return key.Public()
}

// Request is what a token is to say; what is empty is as in the registration.
type Request struct {
	Subject  string        `json:"subject,omitempty"`
	Audience string        `json:"audience,omitempty"`
	Issuer   string        `json:"issuer,omitempty"`
	Life     time.Duration `json:"-"`                // 0 is an hour; less makes a token that has expired
	Forged   bool          `json:"forged,omitempty"` // signed with a stranger's key
}

// Token issues a token.
func (i *Issuer) Token(r Request) (string, error) {
	key, err := i.key()
	if err == nil && r.Forged {
		key, err = jwt.NewKey()
	}
	if err != nil {
		return "", err
	}
	now := i.now()
	return key.Sign(nil, map[string]any{
		"iss": cmp.Or(r.Issuer, i.address), "sub": cmp.Or(r.Subject, Subject),
		"aud": []string{cmp.Or(r.Audience, Audience)}, // a list, as Kubernetes writes it
		"iat": now.Unix(), "nbf": now.Add(min(0, r.Life-time.Hour)).Unix(),
		"exp": now.Add(cmp.Or(r.Life, time.Hour)).Unix(),
	})
}

// Write issues a token into a file that its owner alone may read.
func (i *Issuer) Write(file string, r Request) (string, error) {
	token, err := i.Token(r)
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
		return "", fmt.Errorf("cannot write the federated token: %w", err)
	}
	return token, nil
}

// ServeHTTP answers with the documents by which others check the tokens
// (OpenID Connect Discovery).
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key, err := i.key()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	switch strings.TrimPrefix(r.URL.Path, IssuerPath) {
	case "/.well-known/openid-configuration":
		reply.JSON(w, http.StatusOK, map[string]any{
			"issuer": i.address, "jwks_uri": i.address + "/keys", "response_types_supported": []string{"id_token"},
			"subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"RS256"},
		})
	case "/keys":
		reply.JSON(w, http.StatusOK, map[string]any{"keys": []any{key.Document()}})
	default:
		http.NotFound(w, r)
	}
}
