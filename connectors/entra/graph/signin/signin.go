// Package signin gets tokens for an application, by a client secret, a certificate, a
// token of another issuer or the managed identity of the machine, and puts them
// on requests.
package signin

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azcloud "github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/entra/graph/cloud"
	"github.com/usher-iga/usher/connectors/sdk/clock"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

const (
	// ahead is how long before its end a token is replaced, so that none ends on the way.
	ahead = 5 * time.Minute
	// rest is how long a token that still holds is used on after its replacement failed, and how long it
	// must hold to be used while somebody replaces it.
	rest = 30 * time.Second
)

// Options say where and how to sign in.
type Options struct {
	Endpoints cloud.Endpoints

	// Authority sends to the sign-in service; it repeats itself what may be repeated.
	Authority graph.Doer
	// Machine sends to the service of managed identities, which is on this machine and
	// never behind a proxy; see [Patient].
	Machine graph.Doer

	Clock clock.Clock // clock.System if nil

	// Renew resolves the application's settings anew, after the authority has refused what it
	// signs in with. Errors are faults. It may be nil.
	Renew func(ctx context.Context) (Application, error)
}

// A Source holds the token of one application. It is safe for use by several goroutines.
type Source struct {
	options Options

	turn        chan struct{} // holds one item while somebody signs in
	application Application   // of whose turn it is

	mu   sync.Mutex
	held held
}

// held is the token at hand, the zero value none.
type held struct {
	token  string
	expiry time.Time
	renew  time.Time // when to get the next one
}

// NewSource makes a Source. Nothing is sent yet. Errors are [fault.Invalid] and name the
// setting: the first of [Application.Validate], or a file or certificate that cannot be read.
func NewSource(a Application, o Options) (*Source, error) {
	if _, err := a.open(); err != nil {
		return nil, err
	}
	if o.Clock == nil {
		o.Clock = clock.System
	}
	return &Source{options: o, application: a, turn: make(chan struct{}, 1)}, nil
}

// Token returns a token that holds for some minutes, getting a new one if needed.
//
// If the authority refuses the secret or certificate, or if that is no longer there, the
// settings are resolved anew, once, and another one that is found there is tried.
// Errors: [fault.Unauthorized] if the sign-in is refused, [fault.Unavailable] if
// the authority cannot be reached, [fault.Invalid] if what is needed for it is gone, or
// that of ctx.
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
	had, ok := s.have(refused)
	now := s.options.Clock.Now()
	if ok && now.Before(had.renew) {
		return had.token, nil
	}
	canDoWithout := ok && now.Before(had.expiry.Add(-rest))
	switch {
	case s.take(ctx, canDoWithout):
	case canDoWithout:
		return had.token, nil
	default:
		return "", ctx.Err()
	}
	defer func() { <-s.turn }()
	if had, ok = s.have(refused); ok && s.options.Clock.Now().Before(had.renew) {
		return had.token, nil // somebody else has got it meanwhile
	}
	next, err := s.ask(ctx, claims)
	if err == nil {
		s.keep(held{next.Token, next.ExpiresOn, next.ExpiresOn.Add(-ahead)})
		return next.Token, nil
	}
	if had, ok = s.have(refused); !ok || ctx.Err() != nil {
		return "", err
	}
	had.renew = s.options.Clock.Now().Add(rest)
	s.keep(had)
	return had.token, nil
}

// take takes the turn to sign in. Who can do without, because there is a token that holds, does not
// wait for one who has it; others wait until ctx is done.
func (s *Source) take(ctx context.Context, canDoWithout bool) bool {
	select {
	case s.turn <- struct{}{}:
		return true
	default:
	}
	if canDoWithout {
		return false
	}
	select {
	case s.turn <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// have returns the token at hand; it is not ok if that is the refused one, or over.
func (s *Source) have(refused string) (h held, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held, s.held.token != refused && s.options.Clock.Now().Before(s.held.expiry)
}

func (s *Source) keep(h held) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = h
}

// ask signs in, and again if the credential was refused and there is another one now.
func (s *Source) ask(ctx context.Context, claims string) (azcore.AccessToken, error) {
	used, err := s.application.open()
	var token azcore.AccessToken
	if err == nil {
		token, err = s.signIn(ctx, used, claims)
	}
	if err == nil || s.options.Renew == nil || ctx.Err() != nil || !mayBeReplaced(err) {
		return token, err
	}
	return s.askAnew(ctx, used, claims, err)
}

// askAnew resolves the settings anew and signs in with what they hold now.
func (s *Source) askAnew(ctx context.Context, used credential, claims string, refusal error) (azcore.AccessToken, error) {
	renewed, err := s.options.Renew(ctx)
	switch {
	case ctx.Err() != nil:
		return azcore.AccessToken{}, ctx.Err()
	case err != nil:
		return azcore.AccessToken{}, adding(refusal, "; its settings could not be resolved anew: "+err.Error())
	case !strings.EqualFold(renewed.TenantID, s.application.TenantID):
		return azcore.AccessToken{}, adding(refusal, "; the settings, resolved anew, name another tenant")
	}
	current, err := renewed.open()
	switch {
	case err != nil:
		return azcore.AccessToken{}, adding(err, "; this was after resolving the settings anew")
	case current.same(used):
		return azcore.AccessToken{}, adding(refusal, "; the settings were resolved anew and hold the same "+string(used.way.kind))
	}
	token, err := s.signIn(ctx, current, claims)
	switch {
	case err == nil:
		s.application = renewed
	case mayBeReplaced(err):
		err = adding(err, "; the settings were resolved anew, and what they hold now is refused as well")
	}
	return token, err
}

// signIn asks for a token, once.
func (s *Source) signIn(ctx context.Context, c credential, claims string) (azcore.AccessToken, error) {
	wire := &wire{doer: s.options.Authority}
	if c.ManagedIdentity {
		wire.doer = s.options.Machine
		// Any claims keep azidentity from handing out the token of an earlier sign-in, which
		// it keeps for the whole process; it does not send them.
		if claims == "" {
			claims = "{}"
		}
	}
	// A new credential each time: its cache cannot hand back the token that was just refused.
	azure, err := c.azure(s.options.Endpoints, s.options.Clock.Now(), policy.ClientOptions{
		Cloud:     azcloud.Configuration{ActiveDirectoryAuthorityHost: s.options.Endpoints.Authority + "/"},
		Transport: wire,
		Retry:     policy.RetryOptions{MaxRetries: -1},
		Telemetry: policy.TelemetryOptions{Disabled: true},
	})
	if err != nil {
		return azcore.AccessToken{}, fault.Errorf(fault.Invalid, "the sign-in cannot be set up: %w", err).
			WithSetting(c.way.setting).WithHint("Check %s", c.way.setting)
	}
	token, err := azure.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{s.options.Endpoints.Scope}, Claims: claims, EnableCAE: true})
	if err != nil {
		return azcore.AccessToken{}, wire.explain(ctx, s.options.Endpoints, c, err)
	}
	return token, nil
}

// mayBeReplaced reports whether an error says that a secret or certificate no longer does,
// so that a new one may be there already.
func mayBeReplaced(err error) bool {
	f := fault.Of(err)
	if f == nil {
		return false
	}
	switch f.SystemCode {
	case "AADSTS7000215", "AADSTS7000216", "AADSTS7000222", "AADSTS700027", "AADSTS50012":
		return true
	}
	return f.Code == fault.Invalid
}

// adding returns err with more at the end of its message.
func adding(err error, more string) error {
	f := fault.Of(err)
	if f == nil {
		return err
	}
	told := *f
	told.Message += more
	return &told
}
