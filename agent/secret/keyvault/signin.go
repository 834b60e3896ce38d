package keyvault

import (
	"context"
	"regexp"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azcloud "github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/usher-iga/usher/agent/secret"
	"github.com/usher-iga/usher/connectors/sdk/aadsts"
	"github.com/usher-iga/usher/connectors/sdk/certificate"
	"github.com/usher-iga/usher/connectors/sdk/clock"
	"github.com/usher-iga/usher/connectors/sdk/fault"
	"github.com/usher-iga/usher/connectors/sdk/transport"
)

// A Method is a way to sign in to a vault.
type Method string

// The methods.
const (
	// ClientSecret needs TenantID, ClientID and ClientSecret.
	ClientSecret Method = "secret"
	// Certificate needs TenantID, ClientID and a certificate.
	Certificate Method = "certificate"
	// ManagedIdentity is that of the Azure or Azure Arc machine; ClientID names one of several.
	ManagedIdentity Method = "managedIdentity"
	// WorkloadIdentity needs TenantID, ClientID and TokenFile.
	WorkloadIdentity Method = "workloadIdentity"
)

// SignIn says who reads the vault. See the methods for what each needs.
type SignIn struct {
	Method             Method
	TenantID, ClientID string
	ClientSecret       secret.String
	// Certificate is used as it is; without a key, CertificateStore says where it is in Windows.
	Certificate      certificate.Identity
	CertificateStore certificate.Store
	TokenFile        string
	// Names are what an admin knows all this by. Credential is that of the method.
	Names aadsts.Names
}

var (
	guid   = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)
	domain = regexp.MustCompile(`^([0-9A-Za-z-]+\.)+[0-9A-Za-z-]+$`)
)

func (s SignIn) validate() error {
	application := s.Method != ManagedIdentity
	switch {
	case application && !guid.MatchString(s.TenantID) && !domain.MatchString(s.TenantID):
		return fault.Errorf(fault.Invalid, "the tenant %q of the sign-in to Key Vault is neither a GUID nor a domain name", s.TenantID).
			WithSetting(signInSetting).WithHint("Copy the Tenant ID from the overview page of Microsoft Entra")
	case (application || s.ClientID != "") && !guid.MatchString(s.ClientID):
		return fault.Errorf(fault.Invalid, "the application %q of the sign-in to Key Vault is not a GUID", s.ClientID).
			WithSetting(signInSetting).WithHint("Copy the Application (client) ID from the app registration's overview page, or the Client ID of the managed identity")
	case s.Method == WorkloadIdentity && s.TokenFile == "":
		return fault.Errorf(fault.Invalid, "the token file of the sign-in to Key Vault is missing").
			WithSetting(signInSetting).WithHint("Name the file that the other issuer's token is written to")
	case s.Method == ClientSecret && s.ClientSecret.IsEmpty():
		return fault.Errorf(fault.Invalid, "the client secret of the sign-in to Key Vault is missing").
			WithSetting(signInSetting).WithHint("Give the value of a client secret, or sign in by certificate or managed identity")
	}
	return nil
}

// A signer makes credentials of a SignIn.
type signer struct {
	SignIn
	authority string // scheme and host
	clock     clock.Clock
	retry     Retry
	way       *transport.Transport
}

// credential makes the credential. Errors are [fault.Invalid].
func (s *signer) credential() (azcore.TokenCredential, error) {
	if err := s.validate(); err != nil {
		return nil, err
	}
	if s.Method == Certificate && s.Certificate.Key == nil {
		found, err := certificate.Find(s.CertificateStore)
		if err != nil {
			return nil, fault.Of(err).WithSetting(signInSetting)
		}
		s.Certificate = found
	}
	made, err := s.build()
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "the sign-in to Key Vault cannot be set up: %w", err).WithSetting(signInSetting)
	}
	return &explained{signer: s, inner: made}, nil
}

func (s *signer) build() (azcore.TokenCredential, error) {
	options := azcore.ClientOptions{
		Cloud:     azcloud.Configuration{ActiveDirectoryAuthorityHost: s.authority + "/"},
		Transport: &wire{doer: s.way, near: s.Method == ManagedIdentity},
		Retry:     s.retry.options(),
		Telemetry: policy.TelemetryOptions{Disabled: true},
	}
	private := !isPublic(s.authority)
	// The vault names its tenant by GUID, which is not compared with a domain name.
	var tenants []string
	if !guid.MatchString(s.TenantID) {
		tenants = []string{"*"}
	}
	switch s.Method {
	case ClientSecret:
		return azidentity.NewClientSecretCredential(s.TenantID, s.ClientID, s.ClientSecret.Reveal(), &azidentity.ClientSecretCredentialOptions{
			ClientOptions: options, AdditionallyAllowedTenants: tenants, DisableInstanceDiscovery: private,
		})
	case Certificate:
		return azidentity.NewClientAssertionCredential(s.TenantID, s.ClientID, s.assertion, &azidentity.ClientAssertionCredentialOptions{
			ClientOptions: options, AdditionallyAllowedTenants: tenants, DisableInstanceDiscovery: private,
		})
	case ManagedIdentity:
		o := &azidentity.ManagedIdentityCredentialOptions{ClientOptions: options}
		if s.ClientID != "" {
			o.ID = azidentity.ClientID(s.ClientID)
		}
		return azidentity.NewManagedIdentityCredential(o)
	case WorkloadIdentity:
		return azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{
			ClientOptions: options, AdditionallyAllowedTenants: tenants, DisableInstanceDiscovery: private,
			TenantID: s.TenantID, ClientID: s.ClientID, TokenFilePath: s.TokenFile,
		})
	}
	return nil, fault.Errorf(fault.Invalid, "there is no way to sign in %q", s.Method)
}

// assertion proves that we hold the certificate's key, which azidentity's own credential for
// certificates cannot when the key is in the Windows store.
func (s *signer) assertion(context.Context) (string, error) {
	return s.Certificate.ClientAssertion(s.authority+"/"+s.TenantID+"/oauth2/v2.0/token", s.ClientID, s.clock.Now())
}

// explained is a credential whose errors are faults.
type explained struct {
	*signer
	inner azcore.TokenCredential
}

// GetToken is that of azcore.TokenCredential.
func (e *explained) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	application := e.Method != ManagedIdentity && guid.MatchString(e.TenantID)
	if application && o.TenantID != "" && guid.MatchString(o.TenantID) && !strings.EqualFold(o.TenantID, e.TenantID) {
		return azcore.AccessToken{}, lasting{fault.Errorf(fault.Invalid, "the Key Vault belongs to the tenant %s, but the sign-in to it is for the tenant %s", o.TenantID, e.TenantID).
			WithSetting(signInSetting).WithHint("Sign in with an application of the vault's tenant")}
	}
	noted, note := withNote(ctx)
	token, err := e.inner.GetToken(noted, o)
	if err == nil {
		return token, nil
	}
	if ctx.Err() != nil {
		return azcore.AccessToken{}, ctx.Err()
	}
	return azcore.AccessToken{}, lasting{e.explain(note.err, err)}
}
