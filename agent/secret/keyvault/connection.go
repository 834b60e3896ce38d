package keyvault

import (
	"strings"

	"github.com/usher-iga/usher/agent/secret"
	"github.com/usher-iga/usher/connectors/sdk/aadsts"
	"github.com/usher-iga/usher/connectors/sdk/certificate"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// ParseConnectionString reads the form in which the reference product names the sign-in, such as
// RunAs=App;AppId=..;TenantId=..;AppKey=... It may hold a secret, so errors, which are
// [fault.Invalid], name its keys alone. Source:
// https://learn.microsoft.com/dotnet/api/overview/azure/app-auth-migration.
func ParseConnectionString(text secret.String) (SignIn, error) {
	values, err := splitConnection(text.Reveal())
	if err != nil {
		return SignIn{}, err
	}
	if as := values["runas"]; !strings.EqualFold(as, "App") {
		return SignIn{}, refuse("its RunAs is not App").
			WithHint("An agent signs in as an application or as a managed identity: give RunAs=App")
	}
	if values["keyvaultcertificatesecretidentifier"] != "" {
		return SignIn{}, refuse("its KeyVaultCertificateSecretIdentifier is not supported").
			WithHint("Let the managed identity that reads the certificate read the secrets as well: give RunAs=App alone")
	}
	s := SignIn{
		TenantID: values["tenantid"], ClientID: values["appid"],
		Names: aadsts.Names{Tenant: "TenantId", Application: "AppId", Authority: "MicrosoftAuthorityPath", Credential: "AppKey"},
	}
	thumbprint, subject := values["certificatethumbprint"], values["certificatesubjectname"]
	switch {
	case values["appkey"] != "" && thumbprint == "" && subject == "":
		s.Method, s.ClientSecret = ClientSecret, secret.New(values["appkey"])
	case values["appkey"] == "" && (thumbprint != "" || subject != ""):
		s.Method, s.Names.Credential = Certificate, "CertificateThumbprint or CertificateSubjectName"
		s.CertificateStore = certificate.Store{Location: values["certificatestorelocation"], Thumbprint: thumbprint, DistinguishedName: subject}
	case values["appkey"] != "":
		return SignIn{}, refuse("it has both AppKey and a certificate").WithHint("Keep one of the two")
	default:
		s.Method, s.TenantID = ManagedIdentity, ""
		return s, nil
	}
	if s.ClientID == "" || s.TenantID == "" {
		return SignIn{}, refuse("AppId or TenantId is missing").WithHint("Give RunAs=App;AppId=..;TenantId=..;AppKey=..")
	}
	return s, nil
}

// connectionKeys are those that a connection string may have, in lower case.
var connectionKeys = map[string]bool{
	"runas": true, "appid": true, "tenantid": true, "appkey": true,
	"certificatethumbprint": true, "certificatesubjectname": true, "certificatestorelocation": true,
	"keyvaultcertificatesecretidentifier": true,
}

// splitConnection returns the values by key in lower case. Braces and quotes around a value go.
func splitConnection(text string) (map[string]string, error) {
	values := map[string]string{}
	for i, part := range strings.Split(text, ";") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		key, value, ok := strings.Cut(part, "=")
		key = strings.ToLower(strings.TrimSpace(key))
		switch {
		case !ok || !connectionKeys[key]:
			// The part is not quoted: a secret with a semicolon in it looks like this.
			return nil, refuse("its part %d is not of the form KEY=VALUE with a key that Usher knows", i+1).
				WithHint("Give RunAs, AppId, TenantId and either AppKey or CertificateThumbprint, CertificateSubjectName and CertificateStoreLocation; a secret with a semicolon cannot stand here")
		case values[key] != "":
			return nil, refuse("it has the key of part %d twice", i+1)
		}
		value = strings.TrimSpace(value)
		for _, pair := range []string{"{}", `""`, "''"} {
			if len(value) >= 2 && value[0] == pair[0] && value[len(value)-1] == pair[1] {
				value = value[1 : len(value)-1]
				break
			}
		}
		values[key] = value
	}
	return values, nil
}

func refuse(format string, args ...any) *fault.Error {
	return fault.Errorf(fault.Invalid, "the connection string of Key Vault cannot be used: "+format, args...).WithSetting(connectionSetting)
}
