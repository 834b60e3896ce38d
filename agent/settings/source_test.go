package settings

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"maps"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usher-iga/usher/agent/secret"
	"github.com/usher-iga/usher/agent/secret/cyberark"
	"github.com/usher-iga/usher/agent/secret/keyvault"
	"github.com/usher-iga/usher/agent/secret/rsafile"
	"github.com/usher-iga/usher/agent/settings/layer"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/certificate"
	"github.com/usher-iga/usher/connectors/sdk/fault"
	"github.com/usher-iga/usher/connectors/sdk/transport"
)

// testCertificates are two certificates, a value sealed for the first, and its file.
type testCertificates struct {
	one, two certificate.Identity
	onePEM   string
	sealed   string
	err      error
}

func certificates(t *testing.T) testCertificates {
	t.Helper()
	c := makeCertificates()
	if c.err != nil {
		t.Fatal(c.err)
	}
	return c
}

// makeCertificates makes them once: RSA keys take their time.
var makeCertificates = sync.OnceValue(func() (c testCertificates) {
	create := func(name string) (certificate.Identity, []byte, error) {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			return certificate.Identity{}, nil, err
		}
		template := &x509.Certificate{
			SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
		}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			return certificate.Identity{}, nil, err
		}
		private, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return certificate.Identity{}, nil, err
		}
		text := slices.Concat(
			pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
		identity, err := certificate.Parse(text, "")
		return identity, text, err
	}
	var text []byte
	if c.one, text, c.err = create("One"); c.err != nil {
		return c
	}
	c.onePEM = string(text)
	if c.two, _, c.err = create("Two"); c.err != nil {
		return c
	}
	c.sealed, c.err = rsafile.Seal("s3cr3t", c.one.Certificate())
	return c
})

// describeSpecs is what the connector of the tests tells about itself.
func describeSpecs(_ context.Context, _ Connectors, name string) ([]sdk.Setting, error) {
	if name != defaultConnector {
		return nil, fault.Errorf(fault.Invalid, "there is no connector %s", name)
	}
	return specs, nil
}

// fakeVault is a vault with values; what Get returns beside them may be set.
type fakeVault struct {
	values    map[string]string
	warnings  []error
	err       error
	asked     []string // at the last Get, in order
	config    keyvault.Config
	opened    int
	refreshed int
	closed    int
}

func (f *fakeVault) open(c keyvault.Config, _ *transport.Transport) (layer.Vault, error) {
	f.config = c
	f.opened++
	return f, nil
}

func (f *fakeVault) Get(_ context.Context, names []string) (map[string]secret.String, []error, error) {
	f.asked = slices.Sorted(slices.Values(names))
	if f.err != nil {
		return nil, nil, f.err
	}
	values := map[string]secret.String{}
	for _, name := range names {
		for held := range maps.Keys(f.values) {
			if strings.EqualFold(held, name) {
				values[name] = secret.New(f.values[held])
			}
		}
	}
	return values, f.warnings, nil
}

func (f *fakeVault) Certificate() *x509.Certificate {
	if f.config.SignIn.Certificate.Key == nil {
		return nil
	}
	return f.config.SignIn.Certificate.Certificate()
}

func (f *fakeVault) Refresh() { f.refreshed++ }
func (f *fakeVault) Close()   { f.closed++ }

// fakeAccounts are accounts by their object names.
type fakeAccounts map[string]cyberark.Account

func (f fakeAccounts) open(cyberark.Central, cyberark.Local, *transport.Transport) (layer.Accounts, error) {
	return cyberark.NewSource(f), nil
}

func (f fakeAccounts) Account(_ context.Context, object string) (cyberark.Account, error) {
	if a, ok := f[object]; ok {
		return a, nil
	}
	return cyberark.Account{}, fault.Errorf(fault.NotFound, "CyberArk has no account %s", object).WithHint("Give the name of the object")
}
