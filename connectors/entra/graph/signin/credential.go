package signin

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/usher-iga/usher/connectors/entra/graph/cloud"
	"github.com/usher-iga/usher/connectors/entra/setting"
	"github.com/usher-iga/usher/connectors/sdk/certificate"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// A credential is what an application has at hand for one sign-in.
type credential struct {
	Application
	way      way
	identity *certificate.Identity // for a certificate
	token    string                // of FederatedTokenFile
}

// open reads what the application signs in with. Errors are [fault.Invalid] and name the setting.
func (a Application) open() (credential, error) {
	if problems := a.Validate(); len(problems) > 0 {
		return credential{}, problems[0]
	}
	c := credential{Application: a, way: a.ways()[0]}
	var err error
	if c.identity, err = a.identity(); err != nil {
		return credential{}, err
	}
	if a.FederatedTokenFile != "" {
		if c.token, err = readToken(a.FederatedTokenFile); err != nil {
			return credential{}, err
		}
	}
	return c, nil
}

// same reports whether two credentials show the authority the same thing.
func (c credential) same(other credential) bool { return c.sum() == other.sum() }

func (c credential) sum() [sha256.Size]byte {
	shown := []byte(c.ClientSecret + c.token)
	if c.identity != nil {
		shown = c.identity.Certificate().Raw
	}
	return sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s", c.way.setting, c.ClientID, shown))
}

// azure makes azidentity's credential. A certificate signs an assertion of our own, as a
// token of another issuer is one: azidentity's certificate credential wants
// the private key itself, which a key in the Windows store never gives away.
func (c credential) azure(e cloud.Endpoints, now time.Time, o policy.ClientOptions) (azcore.TokenCredential, error) {
	switch {
	case c.ManagedIdentity:
		options := &azidentity.ManagedIdentityCredentialOptions{ClientOptions: o}
		if c.ClientID != "" {
			options.ID = azidentity.ClientID(c.ClientID)
		}
		return azidentity.NewManagedIdentityCredential(options)
	case c.ClientSecret != "":
		return azidentity.NewClientSecretCredential(c.TenantID, c.ClientID, c.ClientSecret,
			&azidentity.ClientSecretCredentialOptions{ClientOptions: o, DisableInstanceDiscovery: !e.Public})
	}
	assertion := c.token
	if c.identity != nil {
		endpoint := e.Authority + "/" + c.TenantID + "/oauth2/v2.0/token"
		var err error
		if assertion, err = c.identity.ClientAssertion(endpoint, c.ClientID, now); err != nil {
			return nil, err
		}
	}
	return azidentity.NewClientAssertionCredential(c.TenantID, c.ClientID,
		func(context.Context) (string, error) { return assertion, nil },
		&azidentity.ClientAssertionCredentialOptions{ClientOptions: o, DisableInstanceDiscovery: !e.Public})
}

// maxToken bounds a federated token; they have 1 to 4 KiB.
const maxToken = 64 << 10

// readToken reads a JSON Web Token from a file.
func readToken(file string) (string, error) {
	f, err := os.Open(file)
	var text []byte
	if err == nil {
		defer f.Close()
		text, err = io.ReadAll(io.LimitReader(f, maxToken))
	}
	if err != nil {
		if path, ok := errors.AsType[*os.PathError](err); ok {
			err = path.Err // the message has the path already
		}
		return "", fault.Errorf(fault.Invalid, "%s %s cannot be read: %w", setting.FederatedTokenFile, file, err).
			WithSetting(setting.FederatedTokenFile).WithHint("Check the path, that the account that runs Usher may read the file, and that what writes it has run")
	}
	text = bytes.TrimSpace(text)
	if bytes.Count(text, []byte(".")) != 2 || bytes.ContainsAny(text, " \t\r\n") {
		return "", fault.Errorf(fault.Invalid, "%s %s does not hold a token", setting.FederatedTokenFile, file).
			WithSetting(setting.FederatedTokenFile).WithHint("The file holds a JSON Web Token, three parts with dots between, and nothing else")
	}
	return string(text), nil
}

// located adds the setting to an error about a certificate.
func located(err error, key string) error {
	f := fault.Of(err)
	if f == nil {
		f = fault.Errorf(fault.Internal, "%w", err)
	}
	told := *f
	told.Setting = key
	if errors.Is(err, certificate.ErrPassword) {
		told.Setting = setting.CertificatePassword
	}
	return &told
}
