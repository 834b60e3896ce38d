package cyberark

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/usher-iga/usher/connectors/sandbox/reply"
)

// Settings say who may ask the provider, and what goes wrong.
type Settings struct {
	// AppID is the one application that may ask; empty is any.
	AppID string `json:"appId,omitempty"`
	// Certificate says what is asked of the caller's certificate: ignored,
	// optional (it must be the right one if there is one) or required. Empty
	// is required where the provider was given a certificate, else ignored.
	Certificate string `json:"certificate,omitempty"`
	// Fault is what every request meets: one of Codes, reset for connections
	// that are reset, or unavailable for 503. Times is how many requests; 0 is
	// all until there are other Settings.
	Fault string `json:"fault,omitempty"`
	Times int    `json:"times,omitempty"`
}

// Provider is a Central Credential Provider. It may be used by many
// goroutines.
type Provider struct {
	certificate *x509.Certificate
	reset       func(r *http.Request)

	mu       sync.Mutex
	settings Settings
	accounts []Account
}

// New makes a provider without accounts. certificate is the one that callers
// may show, nil for none; reset breaks the connection of a request off and does
// not return.
func New(certificate *x509.Certificate, reset func(r *http.Request)) *Provider {
	return &Provider{certificate: certificate, reset: reset}
}

// Path is where the provider answers.
const Path = "/AIMWebService/api/Accounts"

// Owns says whether a path is the provider's.
func Owns(path string) bool { return strings.EqualFold(strings.TrimSuffix(path, "/"), Path) }

// Settings returns what is set and what is left of the fault.
func (p *Provider) Settings() Settings {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.settings
}

// Set replaces the settings.
func (p *Provider) Set(s Settings) error {
	if faults := append(Codes(), "", "reset", "unavailable"); !slices.Contains(faults, s.Fault) {
		return fmt.Errorf("there is no fault %q; there are %s, reset and unavailable", s.Fault, strings.Join(Codes(), ", "))
	}
	if !slices.Contains([]string{"", "ignored", "optional", "required"}, s.Certificate) {
		return fmt.Errorf("a certificate is not %q; it is ignored, optional or required", s.Certificate)
	}
	if p.certificate == nil && (s.Certificate == "optional" || s.Certificate == "required") {
		return errors.New("the provider has no certificate to compare a caller's with")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.settings = s
	return nil
}

// Put sets an account, in place of the one with the same object, safe and
// folder.
func (p *Provider) Put(a Account) error {
	if a.Object == "" || a.Safe == "" {
		return errors.New("an account needs an object and a safe")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.accounts = append(slices.DeleteFunc(p.accounts, func(old Account) bool { return old.is(&a) }), a)
	return nil
}

// Delete takes the accounts of an object away, in all safes.
func (p *Provider) Delete(object string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.accounts = slices.DeleteFunc(p.accounts, func(a Account) bool { return strings.EqualFold(a.Object, object) })
}

// parameters are what a request may hold besides the searchable properties.
var parameters = []string{"appid", "query", "queryformat", "reason", "connectiontimeout", "failrequestonpasswordchange"}

// ServeHTTP answers GET Path.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	settings := p.next()
	switch settings.Fault {
	case "reset":
		p.reset(r)
		return
	case "unavailable":
		http.Error(w, "The service is unavailable.", http.StatusServiceUnavailable)
		return
	}
	body, err := p.answer(r, settings)
	if err == nil {
		reply.JSON(w, http.StatusOK, body)
		return
	}
	failure, ok := errors.AsType[*Failure](err)
	if !ok {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	reply.JSON(w, statuses[failure.Code], map[string]string{"ErrorCode": failure.Code, "ErrorMsg": failure.Message})
}

// next are the settings that the next request meets.
func (p *Provider) next() Settings {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.settings
	if p.settings.Fault != "" && p.settings.Times > 0 {
		if p.settings.Times--; p.settings.Times == 0 {
			p.settings.Fault = ""
		}
	}
	return s
}

func (p *Provider) answer(r *http.Request, settings Settings) (map[string]string, error) {
	asked := map[string]string{}
	for name, values := range r.URL.Query() {
		asked[strings.ToLower(name)] = values[0]
	}
	appID := asked["appid"]
	q, err := query(asked)
	if failure := Failing(settings.Fault, appID, q); failure != nil {
		return nil, failure
	}
	if err != nil {
		return nil, err
	}
	if err := p.authorize(r, settings, appID); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	i, err := Find(p.accounts, q)
	if err != nil {
		return nil, err
	}
	inChange, err := p.accounts[i].Ask(strings.EqualFold(asked["failrequestonpasswordchange"], "true"), q)
	if err != nil {
		return nil, err
	}
	body := p.accounts[i].Fields()
	body["Content"] = p.accounts[i].Content
	body["PasswordChangeInProcess"] = "False"
	if inChange {
		body["PasswordChangeInProcess"] = "True"
	}
	return body, nil
}

// query reads what a request looks for: its Query, or else the searchable
// properties beside it.
func query(asked map[string]string) (Query, error) {
	if asked["appid"] == "" {
		return nil, Failing("AIMWS031E", "", nil)
	}
	if text, ok := asked["query"]; ok {
		return ParseQuery(text)
	}
	q := Query{}
	for name, value := range asked {
		switch {
		case slices.Contains(searchable, name):
			q[name] = value
		case !slices.Contains(parameters, name):
			return nil, Fail("AIMWS030E", "Invalid query format. There is no parameter [%s].", name)
		}
	}
	if len(q) == 0 {
		return nil, Fail("AIMWS030E", "Invalid query format. The query is empty.")
	}
	return q, nil
}

// authorize checks the application and the certificate that the caller showed.
func (p *Provider) authorize(r *http.Request, settings Settings, appID string) error {
	if settings.AppID != "" && !strings.EqualFold(settings.AppID, appID) {
		return Failing("APPAP008E", appID, nil)
	}
	check := settings.Certificate
	if check == "" && p.certificate != nil {
		check = "required"
	}
	if p.certificate == nil || check == "ignored" {
		return nil
	}
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		if check == "optional" {
			return nil
		}
		return unauthorized(appID, "no client certificate was presented")
	}
	if shown := r.TLS.PeerCertificates[0]; !shown.Equal(p.certificate) {
		return unauthorized(appID, fmt.Sprintf("CertificateSN %q is unauthorized", shown.SerialNumber.Text(16)))
	}
	return nil
}
