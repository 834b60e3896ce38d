package settings

import "github.com/usher-iga/usher/agent/settings/layer"

// The keys that Usher reads, section by section. The JSON Schemas in appsettings/ list the same; a
// test holds them together.
var (
	rootKeys = []string{
		"TempFolderPath", "WorkFolderPath", "Proxy", "TrustedCertificates", "Connectors", "Connections",
		layer.EncryptionSection, layer.KeyVaultSection, layer.CyberArkSection,
	}
	proxyKeys      = []string{"Address", "Bypass", "Username", "Password"}
	connectorsKeys = []string{"Folder", "Checksums", "StartTimeout", "IdleTimeout"}
	connectionKeys = []string{
		"Connector", "EntityTypeMapping", "EntityTypeMappingFiles", "Csv", "IgnoreCookieFile", "MaximumCookieAge",
		"MaximumInsertedLines", "MaximumUpdatedLines", "MaximumDeletedLines", "MaximumLinkInsertedLines", "MaximumLinkDeletedLines",
		"MaxPercentageInsertedLines", "MaxPercentageUpdatedLines", "MaxPercentageDeletedLines",
		"MaxLinkPercentageInsertedLines", "MaxLinkPercentageDeletedLines",
	}
	mappingKeys = []string{"C0", "Navigations", "Properties"}
	// Identifier, Format and IsUniqueKey belong to the reference product's mapping and change nothing here.
	propertyKeys = []string{"ConnectionColumn", "IsPrimaryKey", "Entities", "Identifier", "Format", "IsUniqueKey"}
	csvKeys      = []string{"Delimiter", "ValueSeparator", "TypeName"}
)

// referenceKeys are root keys that the reference product reads and Usher does not: they may stay in
// files that were written for it.
var referenceKeys = []string{
	"$schema", "ApplicationInsights", "ApplicationUri", "Authentication", "AuthorizeUsercubeCertificate",
	"Cors", "Databases", "IdentityServer",
	"InstallationDirectoryPath", "InvokeSqlCommands", "JobLaunchTimeout", "Jobs", "LogsPath", "OpenId",
	"PasswordGenerationSetting", "PasswordResetSettings", "Scheduler", "Serilog", "SourcesRootPaths",
	"Swagger", "TaskAgentConfiguration", "TaskTimeoutSupplement", "TokenBuildingSettings",
}
