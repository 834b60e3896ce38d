// Package keyvault answers the way Azure Key Vault does when secrets are read:
// with its challenge, its versions of a secret and its refusals.
package keyvault

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Secret is one version of a secret.
type Secret struct {
	Value       string     `json:"value"`
	ContentType string     `json:"contentType,omitempty"`
	Enabled     *bool      `json:"enabled,omitempty"` // nil is true
	NotBefore   *time.Time `json:"notBefore,omitempty"`
	Expires     *time.Time `json:"expires,omitempty"`
}

// Trouble makes the vault refuse or fail on request.
type Trouble struct {
	// Denied is who refuses all access: rbac, policy or firewall.
	Denied string `json:"denied,omitempty"`
	// Down is how the vault is down: reset for connections that are reset,
	// unavailable for 503.
	Down string `json:"down,omitempty"`
	// Throttled is how many requests get 429 first; negative is all.
	// RetryAfter is the value of that header, empty for none.
	Throttled  int    `json:"throttled,omitempty"`
	RetryAfter string `json:"retryAfter,omitempty"`
}

// Caller is who asks.
type Caller struct {
	AppID, TenantID string
}

// Hooks are what a vault asks of the rest of the sandbox. All are required and
// are called by many goroutines.
type Hooks struct {
	// Authorize checks an access token; its error becomes the message of a 401.
	Authorize func(token, host string) (Caller, error)
	// Challenge says which sign-in and which resource a caller at this host is
	// to get a token from and for.
	Challenge func(host string) (authorization, resource string)
	// Reset breaks the connection of the present request off. It does not
	// return.
	Reset func(r *http.Request)
	// Now is the time.
	Now func() time.Time
}

// Vault is a key vault. It may be used by many goroutines.
type Vault struct {
	hooks Hooks

	mu        sync.Mutex
	trouble   Trouble
	secrets   map[string][]version // by name in lower case, the newest last
	requested map[string]int
}

// version is a Secret and what the vault adds to it.
type version struct {
	Secret
	id      string
	name    string // as it was written
	created time.Time
}

// maxValue is how long the value of a secret may be.
const maxValue = 25 << 10

var secretName = regexp.MustCompile(`^[0-9A-Za-z-]{1,127}$`)

// New makes an empty vault.
func New(hooks Hooks) *Vault {
	return &Vault{hooks: hooks, secrets: map[string][]version{}, requested: map[string]int{}}
}

// Put sets a secret and returns the id of its new version. The versions before
// it can still be read by their ids.
func (v *Vault) Put(name string, s Secret) (id string, err error) {
	if !secretName.MatchString(name) {
		return "", fmt.Errorf("the name %q of a secret is not 1 to 127 letters, digits and hyphens", name)
	}
	if len(s.Value) > maxValue {
		return "", fmt.Errorf("the value of %s is longer than 25 KB", name)
	}
	var random [16]byte
	// crypto/rand.Read never fails.
	_, _ = rand.Read(random[:])
	id = hex.EncodeToString(random[:])
	v.mu.Lock()
	defer v.mu.Unlock()
	key := strings.ToLower(name)
	v.secrets[key] = append(v.secrets[key], version{Secret: s, id: id, name: name, created: v.hooks.Now()})
	return id, nil
}

// Delete takes a secret away with all its versions. It may not be there.
func (v *Vault) Delete(name string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.secrets, strings.ToLower(name))
}

// Requested counts how often each name was asked for by somebody who had a
// good token, whether there is such a secret or not. The names are in lower
// case.
func (v *Vault) Requested() map[string]int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return maps.Clone(v.requested)
}

// Trouble returns what is left of the present trouble.
func (v *Vault) Trouble() Trouble {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.trouble
}

// SetTrouble replaces the trouble; the zero value ends it.
func (v *Vault) SetTrouble(t Trouble) error {
	if !slices.Contains([]string{"", "rbac", "policy", "firewall"}, t.Denied) {
		return fmt.Errorf("nothing denies access by %q; there are rbac, policy and firewall", t.Denied)
	}
	if !slices.Contains([]string{"", "reset", "unavailable"}, t.Down) {
		return fmt.Errorf("a vault is not down by %q; there are reset and unavailable", t.Down)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.trouble = t
	return nil
}

// next is the trouble that the next request meets.
func (v *Vault) next() Trouble {
	v.mu.Lock()
	defer v.mu.Unlock()
	t := v.trouble
	if v.trouble.Throttled > 0 {
		v.trouble.Throttled--
	}
	return t
}

var (
	errNoSecret = errors.New("there is no such secret")
	errDisabled = errors.New("the secret is disabled")
)

// find looks up a version of a secret; no id is the newest.
func (v *Vault) find(name, id string) (version, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	key := strings.ToLower(name)
	v.requested[key]++
	versions := v.secrets[key]
	i := len(versions) - 1
	if id != "" {
		i = slices.IndexFunc(versions, func(s version) bool { return strings.EqualFold(s.id, id) })
	}
	if i < 0 {
		return version{}, errNoSecret
	}
	if enabled := versions[i].Enabled; enabled != nil && !*enabled {
		return version{}, errDisabled
	}
	return versions[i], nil
}
