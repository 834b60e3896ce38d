package signin

import (
	"crypto/x509"
	"regexp"

	"github.com/usher-iga/usher/connectors/entra/setting"
	"github.com/usher-iga/usher/connectors/sdk/aadsts"
	"github.com/usher-iga/usher/connectors/sdk/certificate"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Application says who signs in, and in which way: exactly one of them is given.
// It is settings as they stand: files and stores are looked at by each sign-in.
type Application struct {
	TenantID string // GUID or domain name
	ClientID string // GUID; of a managed identity that of a user-assigned one, or empty

	ClientSecret       string
	CertificateFile    string            // PEM with certificate and key, or PFX
	Certificate        string            // the same as text, PFX in base64
	CertificateStore   certificate.Store // of Windows; given if it says which certificate
	FederatedTokenFile string            // holds a token of another issuer, which the application trusts
	ManagedIdentity    bool              // that of the machine

	CertificatePassword string // of PFX
}

// A way to sign in.
type way struct {
	setting string // the key that chooses it
	kind    aadsts.Kind
}

// ways returns those that are given.
func (a Application) ways() []way {
	var given []way
	for _, w := range [...]struct {
		given bool
		way   way
	}{
		{a.ClientSecret != "", way{setting.ApplicationKey, aadsts.ClientSecret}},
		{a.CertificateFile != "", way{setting.CertificateFile, aadsts.Certificate}},
		{a.Certificate != "", way{setting.Certificate, aadsts.Certificate}},
		{a.CertificateStore.Thumbprint != "", way{setting.CertificateThumbprint, aadsts.Certificate}},
		{a.CertificateStore.DistinguishedName != "", way{setting.CertificateDistinguishedName, aadsts.Certificate}},
		{a.FederatedTokenFile != "", way{setting.FederatedTokenFile, aadsts.FederatedToken}},
		{a.ManagedIdentity, way{setting.ManagedIdentity, aadsts.ManagedIdentity}},
	} {
		if w.given {
			given = append(given, w.way)
		}
	}
	return given
}

var (
	guid   = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)
	domain = regexp.MustCompile(`^[0-9A-Za-z]([0-9A-Za-z-]*\.)+[0-9A-Za-z-]+$`)
)

// Validate returns all that is missing or contradicts each other, each a
// [fault.Invalid] with its setting. It opens no file.
func (a Application) Validate() (problems []*fault.Error) {
	refuse := func(key, hint, format string, args ...any) {
		problems = append(problems, fault.Errorf(fault.Invalid, format, args...).WithSetting(key).WithHint("%s", hint))
	}
	const tenantHint = "Copy the Tenant ID from the overview page of Microsoft Entra"
	const clientHint = "Copy the Application (client) ID from the overview page of the app registration"
	switch {
	case a.TenantID == "":
		refuse(setting.TenantID, tenantHint, "%s is missing", setting.TenantID)
	case !guid.MatchString(a.TenantID) && !domain.MatchString(a.TenantID):
		refuse(setting.TenantID, tenantHint, "%s %q is neither a GUID nor a domain name", setting.TenantID, a.TenantID)
	}
	switch {
	case a.ClientID == "" && !a.ManagedIdentity:
		refuse(setting.ApplicationID, clientHint, "%s is missing", setting.ApplicationID)
	case a.ClientID != "" && !guid.MatchString(a.ClientID):
		refuse(setting.ApplicationID, clientHint, "%s %q is not a GUID", setting.ApplicationID, a.ClientID)
	}
	ways := a.ways()
	switch len(ways) {
	case 1:
	case 0:
		refuse(setting.ApplicationKey, "Give the value of a client secret, a certificate, FederatedTokenFile or ManagedIdentity",
			"nothing says how to sign in: neither %s nor another way is set", setting.ApplicationKey)
	default:
		refuse(ways[1].setting, "Keep one of them", "both %s and %s are set", ways[0].setting, ways[1].setting)
	}
	if a.CertificatePassword != "" && a.CertificateFile == "" && a.Certificate == "" {
		refuse(setting.CertificatePassword, "Remove it, or give the certificate that it opens",
			"%s is set, but neither %s nor %s is", setting.CertificatePassword, setting.CertificateFile, setting.Certificate)
	}
	return problems
}

// X509 returns the certificate that the application signs in with, or nil if it signs in
// in another way. Errors are [fault.Invalid] and name the setting: it cannot be
// read, or found, or its key is missing.
func (a Application) X509() (*x509.Certificate, error) {
	identity, err := a.identity()
	if err != nil || identity == nil {
		return nil, err
	}
	return identity.Certificate(), nil
}

// identity finds the certificate with its key, or nothing if there is to be none.
func (a Application) identity() (*certificate.Identity, error) {
	ways := a.ways()
	if len(ways) != 1 {
		return nil, nil
	}
	var found certificate.Identity
	var err error
	switch ways[0].setting {
	case setting.CertificateFile:
		found, err = certificate.Load(a.CertificateFile, a.CertificatePassword)
	case setting.Certificate:
		found, err = certificate.Parse([]byte(a.Certificate), a.CertificatePassword)
	case setting.CertificateThumbprint, setting.CertificateDistinguishedName:
		found, err = certificate.Find(a.CertificateStore)
	default:
		return nil, nil
	}
	if err != nil {
		return nil, located(err, ways[0].setting)
	}
	return &found, nil
}
