// Package managed is what the surroundings of a program give it to sign in
// with: the managed identity of an Azure machine, an Azure Arc server or an App
// Service, and an outside issuer of tokens such as a Kubernetes cluster has.
package managed

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/usher-iga/usher/connectors/sandbox/reply"
)

// Where the three forms answer.
const (
	IMDSPath       = "/metadata/identity/oauth2/token"
	ArcPath        = "/arc/identity/oauth2/token"
	AppServicePath = "/msi/token"
)

// Token is an access token for the managed identity.
type Token struct {
	Text            string
	Begins, Expires time.Time
}

// Refusal is why there is none, as the identity endpoints tell it.
type Refusal struct {
	Status            int
	Code, Description string
	RetryAfter        string // empty for none
}

// Error is the refusal in one line.
func (no *Refusal) Error() string { return no.Code + ": " + no.Description }

// Options are what an identity is made of. All are required.
type Options struct {
	// ClientID is the identity's, by which a program may ask for it.
	ClientID string
	// Header is the secret that the App Service form asks for.
	Header string
	// TokensFolder is where the Arc form writes the files that a program must
	// be able to read. It is made when it is needed.
	TokensFolder string
	// Token issues a token for a resource; its error may be a *Refusal.
	Token func(resource string) (Token, error)
}

// Identity is a managed identity, served over plain HTTP as it is. It may be
// used by many goroutines.
type Identity struct {
	options Options

	mu   sync.Mutex
	keys map[string]string // the Arc form's files, by their contents
}

// New makes an identity.
func New(options Options) *Identity {
	return &Identity{options: options, keys: map[string]string{}}
}

// ServeHTTP answers GET at the three paths.
func (i *Identity) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	check := map[string]func(http.ResponseWriter, *http.Request) error{
		IMDSPath: checkIMDS, ArcPath: i.checkArc, AppServicePath: i.checkAppService,
	}[strings.TrimSuffix(r.URL.Path, "/")]
	if check == nil || r.Method != http.MethodGet {
		http.NotFound(w, r)
		return
	}
	body, err := i.answer(w, r, check)
	if err == nil {
		reply.JSON(w, http.StatusOK, body)
		return
	}
	no, ok := errors.AsType[*Refusal](err)
	if !ok {
		no = &Refusal{Status: http.StatusInternalServerError, Code: "unknown", Description: err.Error()}
	}
	if no.RetryAfter != "" {
		w.Header().Set("Retry-After", no.RetryAfter)
	}
	reply.JSON(w, no.Status, map[string]string{"error": no.Code, "error_description": no.Description})
}

// answer makes the body of an answer, in which all values are texts.
func (i *Identity) answer(w http.ResponseWriter, r *http.Request, check func(http.ResponseWriter, *http.Request) error) (map[string]string, error) {
	if err := check(w, r); err != nil {
		return nil, err
	}
	query := r.URL.Query()
	for _, name := range []string{"api-version", "resource"} {
		if query.Get(name) == "" {
			return nil, bad("Required query variable '%s' is missing", name)
		}
	}
	for _, name := range []string{"client_id", "object_id", "principal_id", "mi_res_id", "msi_res_id"} {
		if id := query.Get(name); id != "" && (name != "client_id" || !strings.EqualFold(id, i.options.ClientID)) {
			return nil, bad("Identity not found")
		}
	}
	resource := query.Get("resource")
	token, err := i.options.Token(resource)
	if err != nil {
		return nil, err
	}
	seconds := strconv.Itoa(int(token.Expires.Sub(token.Begins) / time.Second))
	return map[string]string{
		"access_token": token.Text, "token_type": "Bearer", "resource": resource, "client_id": i.options.ClientID,
		"expires_in": seconds, "ext_expires_in": seconds,
		"expires_on": strconv.FormatInt(token.Expires.Unix(), 10), "not_before": strconv.FormatInt(token.Begins.Unix(), 10),
	}, nil
}

// checkIMDS asks for the header by which the instance metadata service knows
// that a request is meant, and was not passed on by a proxy.
func checkIMDS(_ http.ResponseWriter, r *http.Request) error {
	if !strings.EqualFold(r.Header.Get("Metadata"), "true") {
		return bad("Required metadata header not specified")
	}
	if r.Header.Get("X-Forwarded-For") != "" {
		return bad("Requests that were forwarded by a proxy are not answered")
	}
	return nil
}

func (i *Identity) checkAppService(_ http.ResponseWriter, r *http.Request) error {
	if subtle.ConstantTimeCompare([]byte(r.Header.Get("X-IDENTITY-HEADER")), []byte(i.options.Header)) != 1 {
		return &Refusal{Status: http.StatusUnauthorized, Code: "unauthorized", Description: "The header X-IDENTITY-HEADER is missing or wrong"}
	}
	return nil
}

// checkArc asks for the content of a file that it writes and names, once for
// each token.
func (i *Identity) checkArc(w http.ResponseWriter, r *http.Request) error {
	if err := checkIMDS(w, r); err != nil {
		return err
	}
	content, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Basic ")
	if ok && i.useKey(content) {
		return nil
	}
	file, err := i.newKey()
	if err != nil {
		return err
	}
	w.Header().Set("WWW-Authenticate", "Basic realm="+file)
	return &Refusal{Status: http.StatusUnauthorized, Code: "unauthorized_client", Description: "Missing Basic Authorization header"}
}

func (i *Identity) newKey() (file string, err error) {
	if err := os.MkdirAll(i.options.TokensFolder, 0o700); err != nil {
		return "", fmt.Errorf("cannot make the folder of the key files: %w", err)
	}
	content := rand.Text()
	file = filepath.Join(i.options.TokensFolder, rand.Text()+".key")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		return "", fmt.Errorf("cannot write the key file: %w", err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys[content] = file
	return file, nil
}

// useKey says whether a content is that of a key file, and takes the file away.
func (i *Identity) useKey(content string) bool {
	i.mu.Lock()
	file, ok := i.keys[content]
	delete(i.keys, content)
	i.mu.Unlock()
	if ok {
		_ = os.Remove(file) // it is of no use any more
	}
	return ok
}

func bad(format string, args ...any) *Refusal {
	return &Refusal{Status: http.StatusBadRequest, Code: "invalid_request", Description: fmt.Sprintf(format, args...)}
}
