// Package settings reads an agent's settings: the appsettings files in clear and encrypted, Azure
// Key Vault, CyberArk and the environment, layer over layer. It keeps for every value where it came
// from, so that each message names a file and a line, and it tells everything that is wrong at once.
//
// The package knows no connector. A connector describes its own keys, see [Connection.Resolve].
package settings

import (
	"context"
	"slices"
	"time"

	"github.com/usher-iga/usher/agent/secret"
	"github.com/usher-iga/usher/agent/settings/layer"
	"github.com/usher-iga/usher/agent/settings/tree"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/certificate"
	"github.com/usher-iga/usher/connectors/sdk/clock"
)

// Options say where settings are.
type Options struct {
	// Dir is the folder of the appsettings files; relative to the working folder.
	Dir string
	// Environ is the environment as [os.Environ] gives it.
	Environ []string
	// Environment names the appsettings.<Environment>.json files to read. Empty: the variable
	// ASPNETCORE_ENVIRONMENT, or else "Production".
	Environment string
	// ProgramDir is the folder of the usher program, beside which connectors are looked for
	// unless Connectors.Folder is set.
	ProgramDir string
	// UserAgent is what requests to a vault and to CyberArk say about who asks.
	UserAgent string
	// Describe returns the keys that a connector reads, so that a vault is asked for them. It is
	// called when there is a vault, once in each load for the connector of a connection. If it is
	// nil or fails, the vault is asked for keys that stand in files and those of Usher itself.
	Describe func(ctx context.Context, connectors Connectors, name string) ([]sdk.Setting, error)
	// Clock is nil for the system's.
	Clock clock.Clock
}

// Settings are an agent's settings, checked as far as that is possible without a connector and
// without the network. They are not changed after [Loader.Load]; several goroutines may read them.
type Settings struct {
	Dir                    string // the folder of the appsettings files; absolute
	TempFolder, WorkFolder string // absolute; TempFolderPath and WorkFolderPath, by default ../Temp and ../Work
	Proxy                  Proxy
	TrustedCertificates    []string // absolute paths of PEM files; see [Settings.Roots]
	Connectors             Connectors
	Connections            []*Connection // in order of appearance; the ids are unique case-insensitively
	Passwords              Passwords
	Warnings               []Warning // in order of place

	root               *tree.Node
	encryption         *layer.Encryption
	passwordEncryption *layer.Encryption // of PasswordResetSettings
	sources            []SourceState
	certificates       []Origin // of TrustedCertificates, one each
}

// SourceState tells how a source of secrets was found; see [layer.State].
type SourceState = layer.State

// Sources lists the sources of secrets that are set up, in the order of their layers.
func (s *Settings) Sources() []SourceState { return slices.Clone(s.sources) }

// EncryptionCertificate gets the certificate that secrets are encrypted for, with its private key.
// The error is a [Problems]; so it is if the settings name none. It may be called any number of
// times and reads the certificate each time.
func (s *Settings) EncryptionCertificate() (certificate.Identity, error) {
	return s.encryption.Identity()
}

// Connectors is the root section Connectors: which connector programs may be started, and how long
// they may take.
type Connectors struct {
	Folder       string            // absolute; "connectors" beside the program by default
	Checksums    map[string]string // connector name, as written, to SHA-256 in lower-case hexadecimal
	StartTimeout time.Duration     // 30 s by default
	IdleTimeout  time.Duration     // how long a connector may say nothing during a run; 5 min by default
	Origin       Origin            // of the section; the default layer if it is absent
}

// Connection is one entry of the root section Connections.
type Connection struct {
	ID        string           // as written
	Connector string           // name of the connector program; "entra-export" by default
	Values    map[string]Value // the connector's own keys as written, unchecked; see [Connection.Resolve]
	Mapping   EntityTypeMapping
	CSV       CSV
	// IgnoreCookieFile asks for a complete export each time.
	IgnoreCookieFile bool
	// MaximumCookieAge is how old cookies may be before an export warns of it; 144 h by default.
	MaximumCookieAge time.Duration
	Thresholds       Thresholds
	Fulfillment      Fulfillment
	Origin           Origin

	dir string // what relative paths are relative to
}

// Thresholds bound what an incremental export may change before it is held. The fields are named
// like the keys; 0, the default, is no bound.
type Thresholds struct {
	MaximumInsertedLines, MaximumUpdatedLines, MaximumDeletedLines                   uint64
	MaximumLinkInsertedLines, MaximumLinkDeletedLines                                uint64
	MaxPercentageInsertedLines, MaxPercentageUpdatedLines, MaxPercentageDeletedLines uint64 // of the objects known
	MaxLinkPercentageInsertedLines, MaxLinkPercentageDeletedLines                    uint64 // of the links known
}

// Value is one of a connector's keys as the settings give it. All are taken for secrets until the
// connector has said which are.
type Value struct {
	Text    secret.String // text, number or truth value as written
	Section bool          // a list or an object instead: no key of a connector is one
	Origin  Origin
}

// EntityTypeMapping says what a connection exports. It has no properties if the settings have no
// mapping for the connection; see [Connection.CheckMapping].
type EntityTypeMapping struct {
	Entities    []string   // key C0, as written; "user group directoryRole servicePrincipal" by default
	Navigations []string   // "members owners" by default
	Properties  []Property // the columns in order, at least "id"; never @odata.type, which is always written
	Origin      Origin
}

// Property is one column of a mapping.
type Property struct {
	Column     string   // ConnectionColumn: the column's name and the target system's name of the attribute
	PrimaryKey bool     // exactly one property of a mapping has it, the one named "id"
	Entities   []string // if not empty: the only entities, as spelled in C0, that are asked for it
	Origin     Origin
}

// CSV is how a connection's files are written.
type CSV struct {
	Delimiter      rune   // comma by default
	ValueSeparator string // between several values of one attribute; a line feed by default
	TypeName       TypeName
}

// TypeName is how the column @odata.type names an entity.
type TypeName string

// The forms of @odata.type.
const (
	TypeNameBare TypeName = "bare" // "user"; the default
	TypeNameFull TypeName = "full" // "#microsoft.graph.user"
)
