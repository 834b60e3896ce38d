package layer

import (
	"strings"

	"github.com/usher-iga/usher/agent/secret"
	"github.com/usher-iga/usher/agent/secret/keyvault"
	"github.com/usher-iga/usher/agent/settings/tree"
	"github.com/usher-iga/usher/connectors/sdk/aadsts"
)

// signIn is how the section AzureKeyVault says to sign in, in Usher's own keys, or the environment.
type signIn struct {
	tenant, client  string
	secret          secret.String
	identity        identity
	managedIdentity bool
	tokenFile       string

	names names // what an admin knows them by
}

// names are the keys or variables of a signIn.
type names struct {
	holder, tenant, client, secret, file, token string
}

func readSignIn(s tree.Section) signIn {
	i := signIn{names: names{KeyVaultSection, "TenantId", "ApplicationId", "ApplicationKey", "ApplicationCertificateFile", "FederatedTokenFile"}}
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

// environmentSignIn reads the variables that Microsoft's own programs read. Without them it is the
// identity of the machine. Source:
// https://learn.microsoft.com/azure/developer/go/sdk/authentication/authentication-overview.
func environmentSignIn(variable func(string) string) signIn {
	i := signIn{
		client: variable("AZURE_CLIENT_ID"),
		names: names{
			"the environment", "AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_FEDERATED_TOKEN_FILE",
		},
	}
	if i.tenant = variable("AZURE_TENANT_ID"); i.tenant == "" {
		i.managedIdentity = true
		return i
	}
	// The first one counts: all may be there, for several programs.
	file := variable(i.names.file)
	switch i.secret = secret.New(variable(i.names.secret)); {
	case !i.secret.IsEmpty():
	case file != "":
		i.identity = identity{
			file: file, password: secret.New(variable("AZURE_CLIENT_CERTIFICATE_PASSWORD")),
			origin: tree.Origin{Layer: tree.LayerEnvironment, Variable: i.names.file},
		}
	default:
		i.tokenFile = variable(i.names.token)
	}
	return i
}

// ways are the keys by which it signs in.
func (i signIn) ways() []string {
	var ways []string
	for _, way := range []struct {
		key   string
		isSet bool
	}{
		{i.names.secret, !i.secret.IsEmpty()},
		{i.names.file, i.identity.file != ""},
		{"Thumbprint", i.identity.store.Thumbprint != ""},
		{"DistinguishedName", i.identity.store.DistinguishedName != "" && i.identity.store.Thumbprint == ""},
		{"ManagedIdentity", i.managedIdentity},
		{i.names.token, i.tokenFile != ""},
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
		return i.names.tenant
	case i.client != "":
		return i.names.client
	}
	return ""
}

// config is what signs in, in exactly one way; what is wrong it reports.
func (i signIn) config(s tree.Section) keyvault.SignIn {
	c := keyvault.SignIn{TenantID: i.tenant, ClientID: i.client}
	ways := i.ways()
	switch {
	case len(ways) > 1:
		s.Invalid(s.Node.Origin, "%s has %s: it can sign in in one way only", i.names.holder, strings.Join(ways, " and ")).
			WithHint("Keep one of them")
		return c
	case len(ways) == 0:
		s.Invalid(s.Node.Origin, "%s has %s and nothing to sign in to the vault with", i.names.holder, i.first()).
			WithHint("Add %s, %s, %s or ManagedIdentity; without any of them the variables AZURE_TENANT_ID and so on count, or else a managed identity",
				i.names.secret, i.names.file, i.names.token)
		return c
	case i.managedIdentity:
		c.Method = keyvault.ManagedIdentity
		return c
	case i.tenant == "" || i.client == "":
		s.Invalid(s.Node.Origin, "%s has %s without %s and %s", i.names.holder, ways[0], i.names.tenant, i.names.client).WithHint("Add both")
		return c
	}
	c.Names = aadsts.Names{Tenant: i.names.tenant, Application: i.names.client, Authority: "MicrosoftAuthorityPath", Credential: ways[0]}
	switch {
	case !i.secret.IsEmpty():
		c.Method, c.ClientSecret = keyvault.ClientSecret, i.secret
	case i.tokenFile != "":
		c.Method, c.TokenFile = keyvault.WorkloadIdentity, i.tokenFile
	case i.identity.file == "":
		c.Method, c.CertificateStore = keyvault.Certificate, i.identity.store
	default:
		c.Method = keyvault.Certificate
		c.Certificate, _ = i.identity.load(s.Report)
	}
	return c
}
