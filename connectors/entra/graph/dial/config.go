package dial

import (
	"context"
	"strings"

	"github.com/usher-iga/usher/connectors/entra/graph/cloud"
	"github.com/usher-iga/usher/connectors/entra/graph/signin"
	"github.com/usher-iga/usher/connectors/entra/setting"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/certificate"
)

// ConfigOf reads the settings of a connection. What they say is checked by
// [signin.Application.Validate] and [Dialer.Dial].
func ConfigOf(c sdk.Connection) Config {
	config := Config{
		Application: applicationOf(c),
		Cloud: cloud.Settings{
			Cloud: c.Settings[setting.Cloud], AuthorityPath: c.Settings[setting.AuthorityPath],
			Scope: c.Settings[setting.Scope], BaseURL: c.Settings[setting.BaseURL],
		},
		Proxy: c.Network.Proxy, NoProxy: c.Network.NoProxy, RootsPEM: c.Network.TrustedCertificates,
	}
	if c.Renew != nil {
		config.Renew = func(ctx context.Context) (signin.Application, error) {
			renewed, err := c.Renew(ctx)
			return applicationOf(renewed), err
		}
	}
	return config
}

func applicationOf(c sdk.Connection) signin.Application {
	return signin.Application{
		TenantID: c.Settings[setting.TenantID], ClientID: c.Settings[setting.ApplicationID],
		ClientSecret:    c.Secrets[setting.ApplicationKey],
		CertificateFile: c.Settings[setting.CertificateFile],
		Certificate:     c.Secrets[setting.Certificate],
		CertificateStore: certificate.Store{
			Location: c.Settings[setting.CertificateStoreLocation], Name: c.Settings[setting.CertificateStoreName],
			Thumbprint:        c.Settings[setting.CertificateThumbprint],
			DistinguishedName: c.Settings[setting.CertificateDistinguishedName],
		},
		FederatedTokenFile:  c.Settings[setting.FederatedTokenFile],
		ManagedIdentity:     strings.EqualFold(c.Settings[setting.ManagedIdentity], "true"),
		CertificatePassword: c.Secrets[setting.CertificatePassword],
	}
}
