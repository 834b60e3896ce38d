package signin_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/usher-iga/usher/connectors/entra/graph/signin"
	"github.com/usher-iga/usher/connectors/entra/setting"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

func TestRefusedCredentialIsResolvedAnew(t *testing.T) {
	renewedTo := func(a signin.Application) func(context.Context) (signin.Application, error) {
		return func(context.Context) (signin.Application, error) { return a, nil }
	}
	with := func(change func(*signin.Application)) signin.Application {
		a := bySecret
		change(&a)
		return a
	}
	another := with(func(a *signin.Application) { a.ClientSecret = "new~secret" })
	for _, tc := range []struct {
		name     string
		code     int
		accepted string // the secret
		renew    func(context.Context) (signin.Application, error)
		requests int
		want     string // the message's end; empty for success
		setting  string
	}{
		{"replaced", 7000222, "new~secret", renewedTo(another), 2, "", ""},
		{"by a certificate", 7000215, "", renewedTo(with(func(a *signin.Application) {
			a.ClientSecret, a.CertificateFile = "", newCertificateFile(t)
		})), 2, "", ""},
		{"unchanged", 7000215, "new~secret", renewedTo(bySecret), 1, "the client secret is wrong; the settings were resolved anew and hold the same client secret", setting.ApplicationKey},
		{"refused as well", 7000215, "third~secret", renewedTo(another), 2, "the client secret is wrong; the settings were resolved anew, and what they hold now is refused as well", setting.ApplicationKey},
		{"another tenant", 7000215, "new~secret", renewedTo(with(func(a *signin.Application) {
			a.TenantID, a.ClientSecret = client, "new~secret"
		})), 1, "the client secret is wrong; the settings, resolved anew, name another tenant", setting.ApplicationKey},
		{"not to be had", 7000215, "new~secret", func(context.Context) (signin.Application, error) {
			return signin.Application{}, fault.Errorf(fault.Unavailable, "the vault is down")
		}, 1, "the client secret is wrong; its settings could not be resolved anew: the vault is down", setting.ApplicationKey},
		{"incomplete", 7000215, "", renewedTo(with(func(a *signin.Application) { a.ClientSecret = "" })), 1,
			"neither ApplicationKey nor another way is set; this was after resolving the settings anew", setting.ApplicationKey},
		{"nobody to ask", 7000215, "new~secret", nil, 1, "the client secret is wrong", setting.ApplicationKey},
		{"another refusal", 7000112, "new~secret", renewedTo(another), 1, "the application is disabled", setting.ApplicationID},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := &authority{expires: 3599}
			a.refuse = func() (int, string) {
				form := a.forms[len(a.forms)-1]
				if form.Get("client_secret") == tc.accepted {
					return 200, `{"token_type":"Bearer","expires_in":3599,"access_token":"good"}`
				}
				return refusing(tc.code, 401, "invalid_client", "x")()
			}
			renewals := 0
			options := signin.Options{Authority: a, Clock: &manual{time.Now()}}
			if tc.renew != nil {
				options.Renew = func(ctx context.Context) (signin.Application, error) {
					renewals++
					return tc.renew(ctx)
				}
			}
			s := sourceOf(t, bySecret, options)
			token, err := s.Token(t.Context())
			if len(a.forms) != tc.requests || renewals > 1 {
				t.Errorf("%d requests, %d renewals", len(a.forms), renewals)
			}
			if tc.want == "" {
				if token != "good" || err != nil {
					t.Fatalf("%q, %v", token, err)
				}
				// What was found is kept.
				if _, err := s.Replace(t.Context(), "good", ""); err != nil || renewals != 1 {
					t.Errorf("%v, %d renewals", err, renewals)
				}
				return
			}
			f := fault.Of(err)
			if f == nil || !strings.HasSuffix(f.Message, tc.want) || f.Setting != tc.setting || f.Hint == "" {
				t.Fatalf("got %#v", f)
			}
			for _, hidden := range []string{secret, "new~secret"} {
				if strings.Contains(err.Error()+f.Hint, hidden) {
					t.Errorf("the secret shows: %v", err)
				}
			}
		})
	}
}

// A certificate whose file has gone may have moved: the settings say where to.
func TestVanishedCertificateIsResolvedAnew(t *testing.T) {
	clock := &manual{time.Now()}
	old := signin.Application{TenantID: tenant, ClientID: client, CertificateFile: newCertificateFile(t)}
	a := &authority{expires: 600}
	s := sourceOf(t, old, signin.Options{Authority: a, Clock: clock, Renew: func(context.Context) (signin.Application, error) {
		return signin.Application{TenantID: tenant, ClientID: client, CertificateFile: newCertificateFile(t)}, nil
	}})
	if _, err := s.Token(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(old.CertificateFile); err != nil {
		t.Fatal(err)
	}
	clock.now = clock.now.Add(time.Hour)
	if token, err := s.Token(t.Context()); token != "token2" || err != nil {
		t.Errorf("%q, %v", token, err)
	}
}

func TestRenewalStopsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	a := &authority{refuse: refusing(7000215, 401, "invalid_client", "x")}
	s := sourceOf(t, bySecret, signin.Options{Authority: a, Renew: func(ctx context.Context) (signin.Application, error) {
		cancel()
		return signin.Application{}, ctx.Err()
	}})
	if _, err := s.Token(ctx); err != context.Canceled { //nolint:errorlint // it is to be that one
		t.Errorf("got %v", err)
	}
}
