package server

import (
	"cmp"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/usher-iga/usher/connectors/sandbox/ca"
	"github.com/usher-iga/usher/connectors/sandbox/control"
	"github.com/usher-iga/usher/connectors/sandbox/cyberark"
	"github.com/usher-iga/usher/connectors/sandbox/entraid"
	"github.com/usher-iga/usher/connectors/sandbox/faults"
	"github.com/usher-iga/usher/connectors/sandbox/graphapi"
	"github.com/usher-iga/usher/connectors/sandbox/keyvault"
	"github.com/usher-iga/usher/connectors/sandbox/managed"
	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// services are the parts of the sandbox that sign in and keep secrets.
type services struct {
	address  string // of the server
	cloud    entraid.Cloud
	world    *tenant.World
	clock    *control.Clock
	signIn   *entraid.Authority
	issuer   *managed.Issuer
	vault    *keyvault.Vault
	cyberArk *cyberark.Provider
}

func newServices(world *tenant.World, options *Options, address string) (*services, error) {
	cloud, err := entraid.CloudNamed(options.Cloud)
	if err != nil {
		return nil, err
	}
	s := &services{address: address, cloud: cloud, world: world, clock: control.NewClock(options.Now)}
	s.issuer = managed.NewIssuer(address+managed.IssuerPath, s.clock.Now)
	app, err := s.registration(options)
	if err != nil {
		return nil, err
	}
	s.signIn, err = entraid.New(entraid.Config{
		Registration: app, Cloud: cloud, Address: address, TokenLife: cmp.Or(options.TokenLife, time.Hour),
		Now: s.clock.Now, IssuerKey: s.issuer.Key,
	})
	if err != nil {
		return nil, err
	}
	s.vault = keyvault.New(keyvault.Hooks{Authorize: s.authorizeVault, Challenge: s.challenge, Reset: faults.BreakOff, Now: options.Now})
	certificate, err := clientCertificate(options.CyberArkFile, options.Now())
	if err != nil {
		return nil, err
	}
	s.cyberArk = cyberark.New(certificate, faults.BreakOff)
	return s, nil
}

// registration is the application that may sign in from the start: with a
// secret, beside one that has expired, and with a token of the outside issuer.
func (s *services) registration(options *Options) (entraid.Registration, error) {
	now := options.Now()
	app := entraid.Registration{
		TenantID:    s.world.TenantID(),
		Domain:      s.world.Domain(),
		ClientID:    cmp.Or(options.ClientID, s.world.ClientID()),
		ManagedID:   demoID(s.world.Seed(), "managed identity"),
		DisplayName: "Usher",
		Roles:       options.Roles,
		Secrets: []entraid.Secret{{
			KeyID: demoID(s.world.Seed(), "secret"), DisplayName: "secret",
			Value: cmp.Or(options.Secret, demoSecret(s.world.Seed(), "secret")), Start: now.AddDate(0, -6, 0), End: now.AddDate(1, 0, 0),
		}, {
			KeyID: demoID(s.world.Seed(), "expired secret"), DisplayName: "expired secret",
			Value: demoSecret(s.world.Seed(), "expired secret"), Start: now.AddDate(-1, 0, 0), End: now.AddDate(0, 0, -1),
		}},
		Federated: []entraid.Federated{{
			Name: "usher", Issuer: s.issuer.Address(), Subject: managed.Subject, Audience: managed.Audience,
		}},
	}
	if app.Roles == nil {
		app.Roles = graphapi.DefaultRoles()
		if options.Writes {
			app.Roles = append(app.Roles, graphapi.WriteRoles()...)
		}
	}
	certificate, err := clientCertificate(options.CertificateFile, now)
	if err != nil {
		return app, err
	}
	if certificate != nil {
		app.Certificates = []entraid.Certificate{entraid.NewCertificate(entraid.Certificate{X509: certificate})}
	}
	return app, nil
}

// ready tells what there is, and writes the first federated token.
func (s *services) ready(options *Options) (Ready, error) {
	app := s.signIn.Registration()
	ready := Ready{
		URL: s.address, Authority: s.address, TenantID: app.TenantID, TenantType: cmp.Or(options.TenantType, "AAD"), Domain: app.Domain,
		ClientID: app.ClientID, ClientSecret: app.Secrets[0].Value, SecretID: app.Secrets[0].KeyID, ExpiredSecret: app.Secrets[1].Value,
		Control: s.address + control.Prefix,
		Cloud:   s.cloud.Name, CloudAuthority: "https://" + s.cloud.Login[0], CloudGraph: "https://" + s.cloud.Graph,
		CloudVault: s.cloud.VaultURL("usher-sandbox"),
		Vault:      s.address, CCP: s.address + cyberark.Path,
		FederatedIssuer: s.issuer.Address(), FederatedSubject: managed.Subject, ManagedClientID: app.ManagedID,
	}
	for _, file := range []struct {
		name string
		into *string
	}{
		{options.CAFile, &ready.CAFile}, {options.CertificateFile, &ready.CertificateFile},
		{options.CyberArkFile, &ready.CCPCertificateFile}, {options.FederatedFile, &ready.FederatedFile},
	} {
		if file.name == "" {
			continue
		}
		var err error
		if *file.into, err = filepath.Abs(file.name); err != nil { // good in any folder
			return ready, err
		}
	}
	if options.FederatedFile == "" {
		return ready, nil
	}
	_, err := s.issuer.Write(options.FederatedFile, managed.Request{Life: federatedLife})
	return ready, err
}

// federatedLife is how long the token is good that is written at the start.
const federatedLife = 24 * time.Hour

// authorizeVault checks a token for the vault, in the vault's words.
func (s *services) authorizeVault(token, host string) (keyvault.Caller, error) {
	claims, err := s.signIn.Verify(token, entraid.Vault, host)
	caller := keyvault.Caller{AppID: claims.AppID, TenantID: claims.TenantID}
	switch {
	case err == nil:
		return caller, nil
	case errors.Is(err, entraid.ErrAudience):
		_, resource := s.challenge(host)
		return caller, fmt.Errorf("AKV10022: Invalid audience. Expected %s, found: %s", resource, claims.Audience)
	case errors.Is(err, entraid.ErrExpired):
		return caller, errors.New("[TokenExpired] Error validating token: IDX10223")
	}
	return caller, errors.New("[BearerReadAccessTokenFailed] Error validating token: IDX10511")
}

// challenge says where a caller of the vault at a host signs in, and for what.
func (s *services) challenge(host string) (authorization, resource string) {
	cloud, authority := s.cloud, "https://"+host
	if named, ok := entraid.CloudOfVault(host); ok {
		cloud, authority = named, "https://"+named.Login[0]
	}
	return authority + "/" + s.world.TenantID(), cloud.VaultResource()
}

// identity is the managed identity of the machine that the sandbox runs on.
func (s *services) identity(options *Options, header string) http.Handler {
	return managed.New(managed.Options{
		ClientID:     s.signIn.Registration().ManagedID,
		Header:       header,
		TokensFolder: cmp.Or(options.ArcFolder, filepath.Join(os.TempDir(), "usher-sandbox-arc")),
		Token: func(resource string) (managed.Token, error) {
			token, err := s.signIn.ManagedToken(resource)
			if no, ok := errors.AsType[*entraid.Refusal](err); ok {
				err = &managed.Refusal{Status: no.Status, Code: no.Kind, Description: no.Error(), RetryAfter: no.RetryAfter}
			}
			return managed.Token{Text: token.Text, Begins: token.Begins, Expires: token.Expires}, err
		},
	})
}

// clientCertificate reads or makes a certificate; there is none without a file.
func clientCertificate(file string, now time.Time) (*x509.Certificate, error) {
	if file == "" {
		return nil, nil //nolint:nilnil // no certificate is an answer
	}
	certificate, err := ca.ClientCertificate(file, now)
	if err != nil {
		return nil, fmt.Errorf("cannot read the client's certificate: %w", err)
	}
	return certificate, nil
}

// demoSecret makes a secret in the form of Entra's from the seed. It guards
// nothing but made-up data.
func demoSecret(seed uint64, name string) string {
	digest := sha256.Sum256(fmt.Appendf(nil, "%d %s", seed, name))
	text := base64.RawURLEncoding.EncodeToString(digest[:])
	return text[:3] + "8Q~" + text[3:37]
}

// demoID makes a GUID from the seed.
func demoID(seed uint64, name string) string {
	b := sha256.Sum256(fmt.Appendf(nil, "%d id of %s", seed, name))
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16])
}
