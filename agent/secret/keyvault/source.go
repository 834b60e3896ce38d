// Package keyvault reads secrets of Azure Key Vault by Microsoft's own client.
//
// Errors name the setting that they are about by its whole path, such as AzureKeyVault:Vault.
package keyvault

import (
	"context"
	"crypto/x509"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azcloud "github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"

	"github.com/usher-iga/usher/agent/secret"
	"github.com/usher-iga/usher/agent/secret/internal/kept"
	"github.com/usher-iga/usher/connectors/sdk/clock"
	"github.com/usher-iga/usher/connectors/sdk/fault"
	"github.com/usher-iga/usher/connectors/sdk/transport"
)

// The settings that errors name.
const (
	vaultSetting      = "AzureKeyVault:Vault"
	connectionSetting = "AzureKeyVault:ConnectionString"
	authoritySetting  = "AzureKeyVault:MicrosoftAuthorityPath"
	signInSetting     = "AzureKeyVault" // whoever made the SignIn knows more
)

// Config says which vault to read and as whom.
type Config struct {
	Vault  string // https://NAME.vault.azure.net, or that of another cloud
	SignIn SignIn
	// AuthorityHost is the address of the sign-in service; that of the vault's cloud if empty.
	AuthorityHost string
	Clock         clock.Clock // clock.System if nil
	Retry         Retry
}

// Retry says how often and how patiently a vault or sign-in service is asked again that is
// down or asks for patience. The zero value stands for 4 times within some 20 seconds, or as
// long as the service asks for up to a minute each time.
type Retry struct {
	Times   int           // after the first; negative for none
	Wait    time.Duration // before the first repetition; it grows
	MaxWait time.Duration // if the service asks for more, it is not waited for
}

func (r Retry) options() policy.RetryOptions {
	o := policy.RetryOptions{MaxRetries: 4, RetryDelay: 800 * time.Millisecond, MaxRetryDelay: time.Minute}
	if r.Times != 0 {
		o.MaxRetries = int32(min(r.Times, 100))
	}
	if r.Wait != 0 {
		o.RetryDelay = r.Wait
	}
	if r.MaxWait != 0 {
		o.MaxRetryDelay = r.MaxWait
	}
	return o
}

// A Source reads one vault. It is safe for use by several goroutines.
type Source struct {
	host        string
	client      *azsecrets.Client
	cache       *kept.Cache[secret.String]
	local       *transport.Transport // for managed identity; nil for none
	certificate *x509.Certificate
}

// New makes a Source that reaches vault and sign-in service by way, which stays the caller's. The
// identity of the machine is asked for without it: it must not go through a proxy. Nothing is
// sent yet. Errors are [fault.Invalid].
func New(c Config, way *transport.Transport) (*Source, error) {
	vault, err := parseVault(c.Vault)
	if err != nil {
		return nil, err
	}
	authority, err := parseAuthority(c.AuthorityHost, vault.Hostname())
	if err != nil {
		return nil, err
	}
	if c.Clock == nil {
		c.Clock = clock.System
	}
	s := &Source{host: vault.Host, cache: kept.New[secret.String]()}
	signer := &signer{SignIn: c.SignIn, authority: authority, clock: c.Clock, retry: c.Retry, way: way}
	if c.SignIn.Method == ManagedIdentity {
		if s.local, err = transport.New(transport.Options{}); err != nil {
			return nil, err
		}
		signer.way = s.local
	}
	credential, err := signer.credential()
	if err != nil {
		return nil, err
	}
	if c.SignIn.Method == Certificate {
		s.certificate = signer.Certificate.Certificate()
	}
	s.client, err = azsecrets.NewClient(vault.String(), credential, &azsecrets.ClientOptions{
		ClientOptions: azcore.ClientOptions{
			Cloud:     azcloud.Configuration{ActiveDirectoryAuthorityHost: authority + "/"},
			Transport: &wire{doer: way, vault: true},
			Retry:     c.Retry.options(),
			Telemetry: policy.TelemetryOptions{Disabled: true},
		},
		// The vault says which service a token is for. That must be Key Vault itself
		// unless the vault is a private one, whose name then says nothing.
		DisableChallengeResourceVerification: cloudOf(vault.Hostname()) == nil,
	})
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "the Key Vault %s cannot be set up: %w", vault.Host, err).WithSetting(vaultSetting)
	}
	return s, nil
}

// Get returns the values of those names that are in the vault. Each name is asked for once
// between two calls of [Source.Refresh].
//
// What the vault does not give now that it has given before keeps its last value, and a warning
// tells why. Otherwise errors are [fault.Unauthorized] for the sign-in, [fault.Forbidden] for the
// vault's rights, [fault.Throttled], [fault.Unavailable] with the reason, or that of ctx.
func (s *Source) Get(ctx context.Context, names []string) (values map[string]secret.String, warnings []error, err error) {
	possible := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !isName(n) })
	return s.cache.Get(ctx, possible, s.ask)
}

// Certificate is the one that signs in; nil if another credential does.
func (s *Source) Certificate() *x509.Certificate { return s.certificate }

// Refresh makes the next Get ask the vault again.
func (s *Source) Refresh() { s.cache.Refresh() }

// Close drops idle connections that the Source has made itself. It may be called several times.
func (s *Source) Close() {
	if s.local != nil {
		s.local.Close()
	}
}

func (s *Source) ask(ctx context.Context, name string) (secret.String, bool, error) {
	answer, err := s.client.GetSecret(ctx, name, "", nil)
	switch {
	case ctx.Err() != nil:
		return secret.String{}, false, ctx.Err()
	case isAbsent(err):
		return secret.String{}, false, nil
	case err != nil:
		return secret.String{}, false, s.explain(name, err)
	case answer.Value == nil:
		return secret.String{}, true, nil
	}
	return secret.New(*answer.Value), true, nil
}

// names are those that a secret may have. Source:
// https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates.
var names = regexp.MustCompile(`^[0-9A-Za-z-]{1,127}$`)

func isName(text string) bool { return names.MatchString(text) }

// Name returns the name of the secret that holds the setting of the given path, such
// as Connections--Contoso--ApplicationKey; items of arrays go by their number from 0. It is not ok
// if no secret can have such a name.
func Name(path ...string) (name string, ok bool) {
	name = strings.Join(path, "--")
	return name, !slices.Contains(path, "") && isName(name)
}

func parseVault(text string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fault.Errorf(fault.Invalid, "the address of the Key Vault is not of the form https://NAME.vault.azure.net").
			WithSetting(vaultSetting).WithHint("Copy the Vault URI from the overview page of the Key Vault")
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, nil
}
