package layer

import (
	"strings"

	"github.com/usher-iga/usher/agent/secret"
	"github.com/usher-iga/usher/agent/secret/keyvault"
	"github.com/usher-iga/usher/agent/settings/tree"
	"github.com/usher-iga/usher/connectors/sdk/certificate"
)

// signIn is how the section AzureKeyVault says to sign in, in Usher's own keys.
type signIn struct {
	tenant, client  string
	secret          secret.String
	identity        identity
	managedIdentity bool
	tokenFile       string
}

func readSignIn(s tree.Section) signIn {
	var i signIn
	i.tenant, _ = s.Given("TenantId")
	i.client, _ = s.Given("ApplicationId")
	i.secret = s.Secret("ApplicationKey")
	i.identity = readIdentity(s, "ApplicationCertificateFile", "ApplicationCertificatePassword")
	if s.Node.Find("ManagedIdentity") != nil {
		i.managedIdentity = s.Truth("ManagedIdentity")
	}
	if file, _ := s.Given("FederatedTokenFile"); file != "" {
		i.tokenFile = tree.Absolute(s.Dir, file)
	}
	return i
}

// ways are the keys by which the section signs in.
func (i signIn) ways() []string {
	var ways []string
	for _, way := range []struct {
		key   string
		isSet bool
	}{
		{"ApplicationKey", !i.secret.IsEmpty()},
		{"ApplicationCertificateFile", i.identity.file != ""},
		{"Thumbprint", i.identity.store.Thumbprint != ""},
		{"DistinguishedName", i.identity.store.DistinguishedName != "" && i.identity.store.Thumbprint == ""},
		{"ManagedIdentity", i.managedIdentity},
		{"FederatedTokenFile", i.tokenFile != ""},
	} {
		if way.isSet {
			ways = append(ways, way.key)
		}
	}
	return ways
}

// first is a key that says how to sign in, "" if none does.
func (i signIn) first() string {
	switch ways := i.ways(); {
	case len(ways) > 0:
		return ways[0]
	case i.tenant != "":
		return "TenantId"
	case i.client != "":
		return "ApplicationId"
	}
	return ""
}

// config turns the keys into c, exactly one way; what is wrong it reports. Without any key the
// variables of the environment count that Microsoft's own programs read, or else the identity of
// the machine. It returns the certificate of a file that signs in.
func (i signIn) config(s tree.Section, c *keyvault.SignIn, variable func(string) string) (found certificate.Identity) {
	ways := i.ways()
	c.TenantID, c.ClientID = i.tenant, i.client
	switch {
	case len(ways) > 1:
		s.Invalid(s.Node.Origin, "AzureKeyVault has %s: it can sign in in one way only", strings.Join(ways, " and ")).
			WithHint("Keep one of them")
		return found
	case i.first() == "" && variable("AZURE_TENANT_ID") != "":
		c.Method = keyvault.Environment
		return found
	case i.first() == "":
		c.Method, c.ClientID = keyvault.ManagedIdentity, variable("AZURE_CLIENT_ID")
		return found
	case len(ways) == 0:
		s.Invalid(s.Node.Origin, "AzureKeyVault has %s and nothing to sign in with", i.first()).
			WithHint("Add ApplicationKey, ApplicationCertificateFile, FederatedTokenFile or ManagedIdentity; without any of them the variables AZURE_TENANT_ID and so on count, or else a managed identity")
		return found
	case i.managedIdentity:
		c.Method = keyvault.ManagedIdentity
		return found
	case i.tenant == "" || i.client == "":
		s.Invalid(s.Node.Origin, "AzureKeyVault has %s without TenantId and ApplicationId", ways[0]).WithHint("Add both")
		return found
	}
	switch {
	case !i.secret.IsEmpty():
		c.Method, c.ClientSecret = keyvault.ClientSecret, i.secret
	case i.tokenFile != "":
		c.Method, c.TokenFile = keyvault.WorkloadIdentity, i.tokenFile
	case i.identity.file == "":
		c.Method, c.CertificateStore = keyvault.Certificate, i.identity.store
	default:
		c.Method = keyvault.Certificate
		found, _ = i.identity.load(s.Report)
		c.Certificate = found
	}
	return found
}
