package settings

import "github.com/usher-iga/usher/agent/settings/layer"

// The keys that Usher reads, section by section. The JSON Schemas in appsettings/ list the same; a
// test holds them together.
var (
	rootKeys = []string{
		"TempFolderPath", "WorkFolderPath", "Proxy", "TrustedCertificates", "Connectors", "Connections",
		layer.EncryptionSection, layer.KeyVaultSection, layer.CyberArkSection, passwordSection, generationSection,
	}
	proxyKeys      = []string{"Address", "Bypass", "Username", "Password"}
	connectorsKeys = []string{"Folder", "Checksums", "StartTimeout", "IdleTimeout"}
	connectionKeys = []string{
		"Connector", "EntityTypeMapping", "EntityTypeMappingFiles", "Csv", "IgnoreCookieFile", "MaximumCookieAge",
		"MaximumInsertedLines", "MaximumUpdatedLines", "MaximumDeletedLines", "MaximumLinkInsertedLines", "MaximumLinkDeletedLines",
		"MaxPercentageInsertedLines", "MaxPercentageUpdatedLines", "MaxPercentageDeletedLines",
		"MaxLinkPercentageInsertedLines", "MaxLinkPercentageDeletedLines",
		"FulfillConnector", "ProvisioningOrdersPath", "OrderRetention",
		"MaximumDeletes", "MaximumDisables", "MaximumLinkRemovals",
		"MaxPercentageDeletes", "MaxPercentageDisables", "MaxPercentageLinkRemovals",
	}
	mappingKeys = []string{"C0", "Navigations", "Properties"}
	// Identifier, Format and IsUniqueKey belong to the reference product's mapping and change nothing here.
	propertyKeys = []string{"ConnectionColumn", "IsPrimaryKey", "Entities", "Identifier", "Format", "IsUniqueKey"}
	csvKeys      = []string{"Delimiter", "ValueSeparator", "TypeName"}

	// All from TwoFactorSettings on belong to the reference product and change nothing here.
	passwordKeys = []string{
		"Sets", "MailSettings", "NotificationSettings", layer.EncryptionSection,
		"TwoFactorSettings", "File", "Password", "Thumbprint", "DistinguishedName", "StoreLocation", "StoreName",
	}
	notificationKeys = []string{"Cultures"}
	passwordSetKeys  = []string{
		"AutoGenerate", "DefaultPassword", "GeneratedLength", "GeneratedLowerCaseCharsCount", "GeneratedUpperCaseCharsCount",
		"GeneratedDigitCharsCount", "GeneratedSymbolCharsCount", "StrengthCheck", "MustChange", "Mode", "DisableNotifications", "NotificationCC",
		"NotifiedEmailBinding", "NotifiedFullNameBinding", "BeneficiaryEmailBinding", "BeneficiaryFullNameBinding",
	}
	mailKeys = []string{
		"Enabled", "FromAddress", "Host", "Port", "SecureSocketOption", "EnableSsl", "Username", "Password", "UseDefaultCredentials",
		"UseSpecifiedPickupDirectory", "PickupDirectory", "AllowedDomains", "CatchAllAddress", "CatchAllCCAddress",
	}
)

// referenceKeys are root keys that the reference product reads and Usher does not: they may stay in
// files that were written for it.
var referenceKeys = []string{
	"$schema", "ApplicationInsights", "ApplicationUri", "Authentication", "AuthorizeUsercubeCertificate",
	"Cors", "Databases", "IdentityServer",
	"InstallationDirectoryPath", "InvokeSqlCommands", "JobLaunchTimeout", "Jobs", "LogsPath", "OpenId",
	"Scheduler", "Serilog", "SourcesRootPaths",
	"Swagger", "TaskAgentConfiguration", "TaskTimeoutSupplement", "TokenBuildingSettings",
}
