// Package cyberark reads accounts of CyberArk: from the Central Credential Provider over HTTPS, or
// from the Credential Provider of the machine by its command-line program.
//
// Errors name the setting that they are about by its whole path, such as CyberArk:Server.
package cyberark

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/usher-iga/usher/agent/secret"
	"github.com/usher-iga/usher/agent/secret/internal/kept"
	"github.com/usher-iga/usher/connectors/sdk/clock"
	"github.com/usher-iga/usher/connectors/sdk/fault"
	"github.com/usher-iga/usher/connectors/sdk/transport"
)

// An Account is what CyberArk calls an object, such as the client id and secret of an application.
type Account struct {
	Username string
	Content  secret.String // the password
	Address  string
}

// A Field is a part of an account.
type Field string

// The fields.
const (
	Username Field = "UserName"
	Content  Field = "Content"
	Address  Field = "Address"
)

// fields tells where the values of settings come from, by key in lower case. It is the rule of the
// reference product.
var fields = map[string]Field{
	"login": Username, "applicationid": Username, "clientid": Username, "username": Username,
	"password": Content, "applicationkey": Content, "clientsecret": Content,
	"server": Address, "microsoftgraphpathapi": Address, "responseuri": Address, "address": Address,
}

// FieldOf returns the field that gives a setting its value, by the last part of its path in any
// case. It is not ok for a setting that CyberArk cannot give.
func FieldOf(key string) (f Field, ok bool) {
	f, ok = fields[strings.ToLower(key)]
	return f, ok
}

// Field returns one field, empty if the account does not have it.
func (a Account) Field(f Field) secret.String {
	switch f {
	case Username:
		return secret.New(a.Username)
	case Content:
		return a.Content
	case Address:
		return secret.New(a.Address)
	}
	return secret.String{}
}

// A Provider asks CyberArk for an account by the name of its object. It waits while the password
// is being changed, and a little if CyberArk is down.
//
// Errors are [fault.NotFound], [fault.Unauthorized], [fault.Forbidden], [fault.Invalid],
// [fault.Unavailable] or that of ctx. It may be called from several goroutines.
type Provider interface {
	Account(ctx context.Context, object string) (Account, error)
}

// A Source remembers what a Provider has answered. It is safe for use by several goroutines.
type Source struct {
	provider Provider
	cache    *kept.Cache[Account]
}

// NewSource makes a Source.
func NewSource(p Provider) *Source { return &Source{provider: p, cache: kept.New[Account]()} }

// Get returns the accounts of all objects by name. Each is asked for once between two calls of
// [Source.Refresh]. One that cannot be had now and was had before stays as it was, and a
// warning tells why. Otherwise errors are those of [Provider], joined if there are several: those
// about one account are of type [*AccountError].
func (s *Source) Get(ctx context.Context, objects []string) (accounts map[string]Account, warnings []error, err error) {
	return s.cache.Get(ctx, objects, func(ctx context.Context, object string) (Account, bool, error) {
		a, err := s.provider.Account(ctx, object)
		if err != nil && !kept.OfSource(err) {
			err = &AccountError{Object: object, Err: err}
		}
		return a, err == nil, err
	})
}

// An AccountError tells why one account could not be had, and that others may be.
type AccountError struct {
	Object string
	Err    error // a fault
}

// Error gives the text of Err, which names the object.
func (e *AccountError) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *AccountError) Unwrap() error { return e.Err }

// Refresh makes the next Get ask CyberArk again.
func (s *Source) Refresh() { s.cache.Refresh() }

// CyberArk asks callers to come back in a second and a half while it changes a password.
const (
	changeWait  = 1500 * time.Millisecond
	changeTries = 20
	downWait    = time.Second // it doubles
	downTries   = 4
)

// errChanging says that the password is being changed at this moment, so that the old one may
// not work any more and the new one not yet.
var errChanging = errors.New("the password is being changed")

// patiently repeats ask while that may help.
func patiently(ctx context.Context, c clock.Clock, object string, ask func(context.Context) (Account, error)) (Account, error) {
	changing, down := 0, 0
	for {
		account, err := ask(ctx)
		var wait time.Duration
		switch {
		case err == nil || ctx.Err() != nil:
			return account, errors.Join(err, ctx.Err())
		case errors.Is(err, errChanging):
			if changing++; changing == changeTries {
				return Account{}, fault.Errorf(fault.Unavailable, "CyberArk has been changing the password of %s for %v", object, changeTries*changeWait).
					WithHint("Try again later; the Central Policy Manager may have failed to change it: see the account in CyberArk")
			}
			wait = changeWait
		case fault.Is(err, fault.Unavailable) && !transport.IsFinal(err):
			if down++; down == downTries {
				return Account{}, err
			}
			wait = downWait << (down - 1)
		default:
			return Account{}, err
		}
		if err := c.Sleep(ctx, wait); err != nil {
			return Account{}, err
		}
	}
}

// forbidden are the characters that CyberArk cannot take in a name: those that part a query, and
// those of which its documentation says so for requests.
const forbidden = `;&+%"`

// checkName refuses a name that would be read as something else.
func checkName(what, name, setting string) error {
	control := strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f })
	switch {
	case name == "":
		return fault.Errorf(fault.Invalid, "the %s is missing", what).WithSetting(setting)
	case control || strings.ContainsAny(name, forbidden):
		return fault.Errorf(fault.Invalid, "the %s %q has a character that CyberArk cannot take in a query", what, name).
			WithSetting(setting).WithHint("Rename it in CyberArk so that none of %s is in it", forbidden)
	}
	return nil
}
