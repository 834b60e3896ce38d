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
	// WorkloadIdentity needs TenantID, ClientID and TokenFile, or AZURE_TENANT_ID,
	// AZURE_CLIENT_ID and AZURE_FEDERATED_TOKEN_FILE in their place.
	WorkloadIdentity Method = "workloadIdentity"
	// Environment reads AZURE_TENANT_ID, AZURE_CLIENT_ID and either AZURE_CLIENT_SECRET,
	// AZURE_CLIENT_CERTIFICATE_PATH or AZURE_FEDERATED_TOKEN_FILE. It is the method of the zero SignIn.
	Environment Method = "environment"
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
}

var (
	guid   = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)
	domain = regexp.MustCompile(`^([0-9A-Za-z-]+\.)+[0-9A-Za-z-]+$`)
)

func (s SignIn) validate() error {
	application := s.Method == ClientSecret || s.Method == Certificate
	mayLack := s.Method == WorkloadIdentity || s.Method == ManagedIdentity
	switch {
	case (application || s.Method == WorkloadIdentity && s.TenantID != "") && !guid.MatchString(s.TenantID) && !domain.MatchString(s.TenantID):
		return fault.Errorf(fault.Invalid, "the tenant %q of the sign-in to Key Vault is neither a GUID nor a domain name", s.TenantID).
			WithSetting(signInSetting).WithHint("Copy the Tenant ID from the overview page of Microsoft Entra")
	case (application || mayLack && s.ClientID != "") && !guid.MatchString(s.ClientID):
		return fault.Errorf(fault.Invalid, "the application %q of the sign-in to Key Vault is not a GUID", s.ClientID).
			WithSetting(signInSetting).WithHint("Copy the Application (client) ID from the app registration's overview page, or the Client ID of the managed identity")
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
		f := fault.Errorf(fault.Invalid, "the sign-in to Key Vault cannot be set up: %w", err).WithSetting(signInSetting)
		switch s.Method {
		case Environment, "":
			f.WithHint("Set the environment variables AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET (or AZURE_CLIENT_CERTIFICATE_PATH, or AZURE_FEDERATED_TOKEN_FILE), or choose another sign-in")
		case WorkloadIdentity:
			f.WithHint("Give tenant, application and token file, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_FEDERATED_TOKEN_FILE")
		}
		return nil, f
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
		return s.workload(options, tenants, private)
	case Environment, "":
		made, err := azidentity.NewEnvironmentCredential(&azidentity.EnvironmentCredentialOptions{ClientOptions: options, DisableInstanceDiscovery: private})
		if err == nil {
			return made, nil
		}
		if made, err := s.workload(options, tenants, private); err == nil {
			return made, nil
		}
		return nil, err
	}
	return nil, fault.Errorf(fault.Invalid, "there is no way to sign in %q", s.Method)
}

func (s *signer) workload(options azcore.ClientOptions, tenants []string, private bool) (azcore.TokenCredential, error) {
	return azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{
		ClientOptions: options, AdditionallyAllowedTenants: tenants, DisableInstanceDiscovery: private,
		TenantID: s.TenantID, ClientID: s.ClientID, TokenFilePath: s.TokenFile,
	})
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
