package dial_test

import (
	"context"
	"errors"
	"testing"

	"github.com/usher-iga/usher/connectors/entra/graph/cloud"
	"github.com/usher-iga/usher/connectors/entra/graph/dial"
	"github.com/usher-iga/usher/connectors/entra/graph/signin"
	"github.com/usher-iga/usher/connectors/entra/setting"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/certificate"
)

// Each setting has its own name as its value, and reaches its place.
func TestConfigOf(t *testing.T) {
	c := sdk.Connection{
		Settings: map[string]string{}, Secrets: map[string]string{},
		Network: sdk.Network{Proxy: "proxy", NoProxy: []string{"none"}, TrustedCertificates: []byte("roots")},
	}
	for _, s := range setting.All() {
		if s.Secret {
			c.Secrets[s.Name] = s.Name
		} else {
			c.Settings[s.Name] = s.Name
		}
	}
	c.Settings[setting.ManagedIdentity] = "True"
	config := dial.ConfigOf(c)
	want := signin.Application{
		TenantID: setting.TenantID, ClientID: setting.ApplicationID, ClientSecret: setting.ApplicationKey,
		CertificateFile: setting.CertificateFile, Certificate: setting.Certificate, CertificatePassword: setting.CertificatePassword,
		CertificateStore: certificate.Store{
			Location: setting.CertificateStoreLocation, Name: setting.CertificateStoreName,
			Thumbprint: setting.CertificateThumbprint, DistinguishedName: setting.CertificateDistinguishedName,
		},
		FederatedTokenFile: setting.FederatedTokenFile, ManagedIdentity: true,
	}
	if config.Application != want {
		t.Errorf("got %+v", config.Application)
	}
	if config.Cloud != (cloud.Settings{Cloud: setting.Cloud, AuthorityPath: setting.AuthorityPath, Scope: setting.Scope, BaseURL: setting.BaseURL}) {
		t.Errorf("got %+v", config.Cloud)
	}
	if config.Proxy != "proxy" || config.NoProxy[0] != "none" || string(config.RootsPEM) != "roots" || config.Renew != nil {
		t.Errorf("got %+v", config)
	}

	failed := errors.New("failed")
	c.Renew = func(context.Context) (sdk.Connection, error) {
		return sdk.Connection{Secrets: map[string]string{setting.ApplicationKey: "new"}}, failed
	}
	if renewed, err := dial.ConfigOf(c).Renew(t.Context()); renewed.ClientSecret != "new" || !errors.Is(err, failed) {
		t.Errorf("%+v, %v", renewed, err)
	}
}
