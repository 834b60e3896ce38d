// Package signin gets tokens for an application, by a client secret or a
// certificate, and puts them on requests.
package signin

import (
	"context"
	"net/http"
	"regexp"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azcloud "github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/entra/graph/cloud"
	"github.com/usher-iga/usher/connectors/sdk/clock"
	"github.com/usher-iga/usher/connectors/sdk/fault"
	"github.com/usher-iga/usher/connectors/sdk/transport"
)

const (
	// ahead is how long before its end a token is replaced, so that none ends on the way.
	ahead = 5 * time.Minute
	// rest is how long a token that still holds is used on after its replacement failed.
	rest = 30 * time.Second
)

// Application says who signs in. Either ClientSecret or CertificateFile is given.
type Application struct {
	TenantID            string // GUID or domain name
	ClientID            string // GUID
	ClientSecret        string
	CertificateFile     string // PEM with certificate and key, or PFX
	CertificatePassword string // of a PFX file
}

// A Source holds the token of one application. It is safe for use by several goroutines.
type Source struct {
	clock  clock.Clock
	ask    func(ctx context.Context, claims string) (azcore.AccessToken, error)
	turn   chan struct{} // holds one element; who takes it may use what follows
	token  string
	expiry time.Time
	renew  time.Time // when to get the next one
}

// NewSource makes a Source that asks the authority of e by doer, which repeats
// what may be repeated itself. A nil clock is [clock.System]. Nothing is sent yet.
//
// Errors are [fault.Invalid] and name the setting: TenantId, ApplicationId,
// ApplicationKey, ApplicationCertificateFile or ApplicationCertificatePassword.
func NewSource(a Application, e cloud.Endpoints, doer graph.Doer, c clock.Clock) (*Source, error) {
	if err := a.validate(); err != nil {
		return nil, err
	}
	build, err := a.credential()
	if err != nil {
		return nil, err
	}
	if c == nil {
		c = clock.System
	}
	s := &Source{clock: c, turn: make(chan struct{}, 1)}
	s.turn <- struct{}{}
	s.ask = func(ctx context.Context, claims string) (azcore.AccessToken, error) {
		wire := &wire{doer: doer}
		// A new credential each time: its cache cannot hand back the token that was just refused.
		credential, err := build(policy.ClientOptions{
			Cloud:     azcloud.Configuration{ActiveDirectoryAuthorityHost: e.Authority + "/"},
			Transport: wire,
			Retry:     policy.RetryOptions{MaxRetries: -1},
			Telemetry: policy.TelemetryOptions{Disabled: true},
		}, !e.Public)
		if err != nil {
			return azcore.AccessToken{}, fault.Errorf(fault.Invalid, "the sign-in cannot be set up: %w", err)
		}
		token, err := credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{e.Scope}, Claims: claims, EnableCAE: true})
		if err != nil {
			return azcore.AccessToken{}, wire.explain(ctx, e, err)
		}
		return token, nil
	}
	return s, nil
}

var (
	guid   = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)
	domain = regexp.MustCompile(`^[0-9A-Za-z]([0-9A-Za-z-]*\.)+[0-9A-Za-z-]+$`)
)

func (a Application) validate() error {
	switch {
	case !guid.MatchString(a.TenantID) && !domain.MatchString(a.TenantID):
		return fault.Errorf(fault.Invalid, "TenantId %q is neither a GUID nor a domain name", a.TenantID).
			WithSetting("TenantId").WithHint("Copy the Tenant ID from the overview page of Microsoft Entra")
	case !guid.MatchString(a.ClientID):
		return fault.Errorf(fault.Invalid, "ApplicationId %q is not a GUID", a.ClientID).
			WithSetting("ApplicationId").WithHint("Copy the Application (client) ID from the app registration's overview page")
	case a.ClientSecret == "" && a.CertificateFile == "":
		return fault.Errorf(fault.Invalid, "neither ApplicationKey nor ApplicationCertificateFile is set").
			WithSetting("ApplicationKey").WithHint("Give the value of a client secret, or a certificate file")
	case a.ClientSecret != "" && a.CertificateFile != "":
		return fault.Errorf(fault.Invalid, "both ApplicationKey and ApplicationCertificateFile are set").
			WithSetting("ApplicationKey").WithHint("Keep one of the two")
	}
	return nil
}

// builder makes a credential that sends as the options say.
type builder func(o policy.ClientOptions, private bool) (azcore.TokenCredential, error)

func (a Application) credential() (builder, error) {
	if a.CertificateFile == "" {
		return func(o policy.ClientOptions, private bool) (azcore.TokenCredential, error) {
			return azidentity.NewClientSecretCredential(a.TenantID, a.ClientID, a.ClientSecret,
				&azidentity.ClientSecretCredentialOptions{ClientOptions: o, DisableInstanceDiscovery: private})
		}, nil
	}
	certificates, key, err := loadCertificate(a.CertificateFile, a.CertificatePassword)
	if err != nil {
		return nil, err
	}
	return func(o policy.ClientOptions, private bool) (azcore.TokenCredential, error) {
		return azidentity.NewClientCertificateCredential(a.TenantID, a.ClientID, certificates, key,
			&azidentity.ClientCertificateCredentialOptions{ClientOptions: o, DisableInstanceDiscovery: private})
	}, nil
}

// Token returns a token that holds for some minutes, getting a new one if needed.
// Errors: [fault.Unauthorized] if the sign-in is refused, [fault.Unavailable] if
// the authority cannot be reached, or that of ctx.
func (s *Source) Token(ctx context.Context) (string, error) {
	return s.get(ctx, "", "")
}

// Replace returns a token other than refused, which Graph did not accept, even if its time
// was not over. Claims is what Graph wants the new one to have, or empty.
// Errors as those of Token.
func (s *Source) Replace(ctx context.Context, refused, claims string) (string, error) {
	return s.get(ctx, refused, claims)
}

func (s *Source) get(ctx context.Context, refused, claims string) (string, error) {
	select {
	case <-s.turn:
		defer func() { s.turn <- struct{}{} }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	now := s.clock.Now()
	usable := s.token != "" && s.token != refused
	if usable && now.Before(s.renew) {
		return s.token, nil
	}
	token, err := s.ask(ctx, claims)
	if err != nil {
		if usable && now.Before(s.expiry) && ctx.Err() == nil {
			s.renew = now.Add(rest)
			return s.token, nil
		}
		return "", err
	}
	s.token, s.expiry, s.renew = token.Token, token.ExpiresOn, token.ExpiresOn.Add(-ahead)
	return s.token, nil
}

// Doer returns a Doer that sends by next with a token. If Graph answers 401,
// a new token is got and the request is sent again, once; so a body must have GetBody.
// Errors are next's and those of [Source.Token], which are final: what may help
// was tried on the way to the token.
func (s *Source) Doer(next graph.Doer) graph.Doer { return &bearer{source: s, next: next} }

type bearer struct {
	source *Source
	next   graph.Doer
}

func (b *bearer) Do(req *http.Request) (*http.Response, error) {
	token, err := b.source.Token(req.Context())
	if err != nil {
		return nil, transport.Final(err)
	}
	resp, err := b.send(req, token)
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	repeat := req.Clone(req.Context())
	if req.Body != nil && req.Body != http.NoBody {
		if req.GetBody == nil {
			return resp, nil
		}
		if repeat.Body, err = req.GetBody(); err != nil {
			return resp, nil //nolint:nilerr // the refusal says more
		}
	}
	resp.Body.Close()
	token, err = b.source.Replace(req.Context(), token, claims(resp.Header))
	if err != nil {
		return nil, transport.Final(err)
	}
	return b.send(repeat, token)
}

func (b *bearer) send(req *http.Request, token string) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("Authorization", "Bearer "+token)
	return b.next.Do(req)
}
