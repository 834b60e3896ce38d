// Package setting names the keys of a connection to Entra ID and describes them.
// The connectors share it: a connection serves export and fulfilment alike.
package setting

import "github.com/usher-iga/usher/connectors/sdk"

// The keys of a connection.
const (
	TenantID      = "TenantId"
	ApplicationID = "ApplicationId"

	// The ways to sign in: one of them is set.
	ApplicationKey               = "ApplicationKey"
	CertificateFile              = "ApplicationCertificateFile"
	Certificate                  = "ApplicationCertificate"
	CertificateThumbprint        = "ApplicationCertificateThumbprint"
	CertificateDistinguishedName = "ApplicationCertificateDistinguishedName"
	FederatedTokenFile           = "FederatedTokenFile"
	ManagedIdentity              = "ManagedIdentity"

	// What belongs to some of them.
	CertificatePassword      = "ApplicationCertificatePassword"
	CertificateStoreLocation = "ApplicationCertificateStoreLocation"
	CertificateStoreName     = "ApplicationCertificateStoreName"

	Cloud         = "Cloud"
	AuthorityPath = "MicrosoftAuthorityPath"
	Scope         = "MicrosoftGraphPath"
	BaseURL       = "MicrosoftGraphPathApi"
	ResponseURI   = "ResponseUri"
)

// All describes every key, in the order in which an admin reads them.
func All() []sdk.Setting {
	return []sdk.Setting{
		{Name: TenantID, Kind: sdk.GUID, Required: true, Help: "Tenant ID, from the overview page of Microsoft Entra"},
		{
			Name: ApplicationID, Kind: sdk.GUID,
			Help: "Application (client) ID of the app registration; with ManagedIdentity the client ID of a user-assigned identity, or nothing",
		},
		{Name: ApplicationKey, Kind: sdk.Text, Secret: true, Help: "Value of a client secret of the app registration; not its ID"},
		{Name: CertificateFile, Kind: sdk.File, Help: "Instead of ApplicationKey: PEM file with certificate and private key, or PFX file; RSA"},
		{Name: Certificate, Kind: sdk.Text, Secret: true, Help: "Instead of ApplicationKey: the same as text, PEM or PFX in base64, as Azure Key Vault gives a certificate"},
		{Name: CertificatePassword, Kind: sdk.Text, Secret: true, Help: "Password of the PFX"},
		{Name: CertificateThumbprint, Kind: sdk.Text, Help: "Instead of ApplicationKey: thumbprint of a certificate in the Windows certificate store"},
		{Name: CertificateDistinguishedName, Kind: sdk.Text, Help: "Instead of ApplicationKey: subject of a certificate in the Windows certificate store"},
		{
			Name: CertificateStoreLocation, Kind: sdk.Choice, Default: "LocalMachine", Choices: []string{"LocalMachine", "CurrentUser"},
			Help: "Where in Windows the certificate store is",
		},
		{Name: CertificateStoreName, Kind: sdk.Text, Default: "My", Help: "Name of the Windows certificate store; My is shown as Personal"},
		{Name: FederatedTokenFile, Kind: sdk.File, Help: "Instead of ApplicationKey: file with a token of an issuer that the app registration trusts (workload identity federation)"},
		{Name: ManagedIdentity, Kind: sdk.Bool, Default: "false", Help: "Instead of ApplicationKey: sign in as the managed identity of this machine, in Azure or by Azure Arc"},
		{
			Name: Cloud, Kind: sdk.Choice, Default: "Global", Choices: []string{"Global", "USGov", "USGovDoD", "China"},
			Help: "Cloud that the tenant is in; USGov is GCC High",
		},
		{Name: AuthorityPath, Kind: sdk.Text, Help: "Sign-in service, if not the cloud's: a root URL, or a pattern with {0} in place of the tenant"},
		{Name: Scope, Kind: sdk.Text, Help: "Scope of the token, if not that of MicrosoftGraphPathApi, such as https://graph.microsoft.com/.default"},
		{Name: BaseURL, Kind: sdk.URL, Help: "Root of Microsoft Graph, if not the cloud's, such as https://graph.microsoft.com/v1.0/"},
		{
			Name: ResponseURI, Kind: sdk.Text, Default: "http://localhost",
			Help: "Where the browser goes after admin consent: a redirect URI of the app registration. The sign-in does not use it",
		},
	}
}
