package control

import (
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/usher-iga/usher/connectors/sandbox/entraid"
	"github.com/usher-iga/usher/connectors/sandbox/faults"
	"github.com/usher-iga/usher/connectors/sandbox/managed"
)

// handleApplication adds what changes the application that signs in.
func (c *control) handleApplication(handle func(method, path string, f http.HandlerFunc)) {
	handle("GET", "/application", c.getApplication)
	handle("PUT", "/application", c.putApplication)
	handle("POST", "/application/secrets", c.addSecret)
	handle("DELETE", "/application/secrets/{keyId}", c.deleteSecret)
	handle("POST", "/application/certificates", c.addCertificate)
	handle("DELETE", "/application/certificates/{keyId}", c.deleteCertificate)
	handle("POST", "/federated-token", c.writeFederatedToken)
}

// application is the registration as the control API tells it, without the
// values of secrets.
type application struct {
	ClientID     string              `json:"clientId"`
	DisplayName  string              `json:"displayName"`
	Roles        []string            `json:"roles"`
	Disabled     bool                `json:"disabled"`
	Installed    bool                `json:"installed"`
	Secrets      []secret            `json:"secrets"`
	Certificates []certificate       `json:"certificates"`
	Federated    []entraid.Federated `json:"federated"`
}

// dates are when a credential is good.
type dates struct {
	Start time.Time `json:"startDateTime"`
	End   time.Time `json:"endDateTime"`
}

// secret is a client secret that is told.
type secret struct {
	KeyID       string `json:"keyId"`
	DisplayName string `json:"displayName"`
	Value       string `json:"secretText,omitempty"` // once, when it is made
	Hint        string `json:"hint"`
	dates
}

// certificate is a certificate that is told.
type certificate struct {
	KeyID       string `json:"keyId"`
	DisplayName string `json:"displayName"`
	Thumbprint  string `json:"thumbprint"` // SHA-1
	dates
}

// newSecret is a client secret that is to be made. What is empty is made up.
type newSecret struct {
	DisplayName string `json:"displayName"`
	Value       string `json:"value"`
	dates
}

// newCertificate is a certificate that is to be registered, by its file or its
// text in PEM. Empty dates are its own.
type newCertificate struct {
	File        string `json:"file"`
	PEM         string `json:"pem"`
	DisplayName string `json:"displayName"`
	dates
}

// change is what to replace of the registration; what is not there stays.
type change struct {
	Roles        *[]string            `json:"roles"`
	Disabled     *bool                `json:"disabled"`
	Installed    *bool                `json:"installed"`
	Secrets      *[]newSecret         `json:"secrets"`
	Certificates *[]newCertificate    `json:"certificates"`
	Federated    *[]entraid.Federated `json:"federated"`
}

func (c *control) getApplication(w http.ResponseWriter, _ *http.Request) {
	app := c.SignIn.Registration()
	told := application{
		ClientID: app.ClientID, DisplayName: app.DisplayName, Roles: app.Roles, Disabled: app.Disabled, Installed: !app.Absent,
		Secrets: []secret{}, Certificates: []certificate{}, Federated: app.Federated,
	}
	for _, s := range app.Secrets {
		told.Secrets = append(told.Secrets, tellSecret(s, false))
	}
	for _, c := range app.Certificates {
		told.Certificates = append(told.Certificates, tellCertificate(c))
	}
	writeJSON(w, told)
}

func (c *control) putApplication(w http.ResponseWriter, r *http.Request) {
	var ch change
	if err := faults.Decode(r.Body, &ch); err != nil {
		answer(w, err)
		return
	}
	answer(w, c.SignIn.Update(func(app *entraid.Registration) error {
		set(&app.Roles, ch.Roles)
		set(&app.Disabled, ch.Disabled)
		set(&app.Federated, ch.Federated)
		if ch.Installed != nil {
			app.Absent = !*ch.Installed
		}
		if ch.Secrets != nil {
			app.Secrets = nil
			for _, s := range *ch.Secrets {
				app.Secrets = append(app.Secrets, c.makeSecret(s))
			}
		}
		if ch.Certificates != nil {
			app.Certificates = nil
			for _, n := range *ch.Certificates {
				made, err := n.read()
				if err != nil {
					return err
				}
				app.Certificates = append(app.Certificates, made)
			}
		}
		return nil
	}))
}

func set[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}

// addSecret adds a secret beside those that are there and tells its value.
func (c *control) addSecret(w http.ResponseWriter, r *http.Request) {
	var n newSecret
	if err := faults.Decode(r.Body, &n); err != nil {
		answer(w, err)
		return
	}
	made := c.makeSecret(n)
	err := c.SignIn.Update(func(app *entraid.Registration) error {
		app.Secrets = append(app.Secrets, made)
		return nil
	})
	if err != nil {
		answer(w, err)
		return
	}
	writeStatus(w, http.StatusCreated, tellSecret(made, true))
}

func (c *control) makeSecret(n newSecret) entraid.Secret {
	return entraid.NewSecret(entraid.Secret{DisplayName: n.DisplayName, Value: n.Value, Start: n.Start, End: n.End}, c.Clock.Now())
}

func (c *control) deleteSecret(w http.ResponseWriter, r *http.Request) {
	answer(w, c.SignIn.Update(func(app *entraid.Registration) error {
		before := len(app.Secrets)
		app.Secrets = slices.DeleteFunc(app.Secrets, func(s entraid.Secret) bool { return s.KeyID == r.PathValue("keyId") })
		return changed(before, len(app.Secrets), r)
	}))
}

// addCertificate adds a certificate beside those that are there.
func (c *control) addCertificate(w http.ResponseWriter, r *http.Request) {
	var n newCertificate
	err := faults.Decode(r.Body, &n)
	var made entraid.Certificate
	if err == nil {
		made, err = n.read()
	}
	if err == nil {
		err = c.SignIn.Update(func(app *entraid.Registration) error {
			app.Certificates = append(app.Certificates, made)
			return nil
		})
	}
	if err != nil {
		answer(w, err)
		return
	}
	writeStatus(w, http.StatusCreated, tellCertificate(made))
}

func (c *control) deleteCertificate(w http.ResponseWriter, r *http.Request) {
	answer(w, c.SignIn.Update(func(app *entraid.Registration) error {
		before := len(app.Certificates)
		app.Certificates = slices.DeleteFunc(app.Certificates, func(c entraid.Certificate) bool { return c.KeyID == r.PathValue("keyId") })
		return changed(before, len(app.Certificates), r)
	}))
}

func changed(before, after int, r *http.Request) error {
	if before == after {
		return fmt.Errorf("there is no credential with the id %s", r.PathValue("keyId"))
	}
	return nil
}

// read reads the certificate; a key beside it does not matter.
func (n newCertificate) read() (entraid.Certificate, error) {
	text := []byte(n.PEM)
	if n.File != "" {
		var err error
		if text, err = os.ReadFile(n.File); err != nil {
			return entraid.Certificate{}, err
		}
	}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		parsed, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return entraid.Certificate{}, err
		}
		return entraid.NewCertificate(entraid.Certificate{DisplayName: n.DisplayName, X509: parsed, Start: n.Start, End: n.End}), nil
	}
	return entraid.Certificate{}, errors.New("there is no certificate in PEM, neither in file nor in pem")
}

func tellSecret(s entraid.Secret, value bool) secret {
	told := secret{KeyID: s.KeyID, DisplayName: s.DisplayName, Hint: s.Hint(), dates: dates{s.Start, s.End}}
	if value {
		told.Value = s.Value
	}
	return told
}

func tellCertificate(c entraid.Certificate) certificate {
	return certificate{KeyID: c.KeyID, DisplayName: c.DisplayName, Thumbprint: hex.EncodeToString(c.Thumbprint()), dates: dates{c.Start, c.End}}
}

// federatedToken is a token of the outside issuer that is to be made.
type federatedToken struct {
	managed.Request

	Life faults.Duration `json:"life"`
	File string          `json:"file"` // where to write it, if anywhere
}

func (c *control) writeFederatedToken(w http.ResponseWriter, r *http.Request) {
	var f federatedToken
	if err := faults.Decode(r.Body, &f); err != nil {
		answer(w, err)
		return
	}
	f.Request.Life = time.Duration(f.Life)
	issue := c.Issuer.Token
	if f.File != "" {
		if !filepath.IsAbs(f.File) {
			answer(w, fmt.Errorf("the file %s must be a whole path", f.File))
			return
		}
		issue = func(r managed.Request) (string, error) { return c.Issuer.Write(f.File, r) }
	}
	token, err := issue(f.Request)
	if err != nil {
		answer(w, err)
		return
	}
	writeJSON(w, map[string]string{"token": token, "file": f.File})
}
