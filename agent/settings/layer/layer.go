// Package layer has the layers of settings that hold secrets: encrypted files, Azure Key Vault and
// CyberArk. Each is set up by a section of the layers below it, and gives a tree of its values or
// opens one.
//
// What is found wrong goes into the [tree.Report] of the section that was passed in.
package layer

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"strconv"
	"strings"
	"time"

	"github.com/usher-iga/usher/agent/secret"
	"github.com/usher-iga/usher/agent/settings/tree"
	"github.com/usher-iga/usher/connectors/sdk/certificate"
	"github.com/usher-iga/usher/connectors/sdk/fault"
	"github.com/usher-iga/usher/connectors/sdk/transport"
)

// The sections that the layers read. Their values come from the layers below and from the
// environment: a layer cannot hold what is needed to reach it.
const (
	EncryptionSection = "EncryptionCertificate"
	KeyVaultSection   = "AzureKeyVault"
	CyberArkSection   = "CyberArk"
)

// The keys of the sections.
var (
	EncryptionKeys = []string{
		"File", "Password", "Thumbprint", "DistinguishedName", "StoreLocation", "StoreName",
		"CertificateAzureKeyVault", "EncryptFile", "UseEncryptedAppsettings",
	}
	KeyVaultKeys = []string{
		"Vault", "ConnectionString", "TenantId", "ApplicationId", "ApplicationKey",
		"ApplicationCertificateFile", "ApplicationCertificatePassword",
		"Thumbprint", "DistinguishedName", "StoreLocation", "StoreName",
		"ManagedIdentity", "FederatedTokenFile", "MicrosoftAuthorityPath",
	}
	CyberArkKeys = []string{
		"UseCyberArkSetting", "SafeName", "ApplicationId", "Server", "Program",
		"File", "Password", "Thumbprint", "DistinguishedName", "StoreLocation", "StoreName",
	}
)

// State is how a layer was found when the settings were loaded.
type State struct {
	Kind    string // the layer's section: EncryptionSection, KeyVaultSection or CyberArkSection
	Address string // the certificate's file or name, the vault's URL, CyberArk's server or program
	Message string // what it gave, such as "2 of 40 names have a value"
	// Err says why some of its values are those of an earlier load, or why its certificate cannot be used
	// that nothing needs yet. It is nil if all is well.
	Err    error
	Origin tree.Origin

	// Certificate is the one that the layer rests on: that values are encrypted for, or that signs in. It is a
	// file or, in the store of Windows, a name; empty for none.
	Certificate string
	Ends        time.Time // of Certificate; zero if it is not known
}

// restsOn notes the certificate of a layer; nil for none.
func (s *State) restsOn(address string, c *x509.Certificate) {
	if c != nil {
		s.Certificate, s.Ends = address, c.NotAfter
	}
}

// Network is the way to the outside.
type Network struct {
	Proxy     secret.String // URL with user name and password; empty: none
	NoProxy   []string
	Roots     []byte // trusted certificates in PEM, beside those of the system
	UserAgent string
}

// transport makes the HTTP stack for one layer; identity may be empty.
func (n Network) transport(identity certificate.Identity) (*transport.Transport, error) {
	o := transport.Options{Proxy: n.Proxy.Reveal(), NoProxy: n.NoProxy, RootsPEM: n.Roots, UserAgent: n.UserAgent}
	if identity.Key != nil {
		o.ClientCertificate = identity.TLS()
	}
	return transport.New(o)
}

// locate is the place of what an error is about: the key that its setting names, or else the section.
func locate(s tree.Section, err error) tree.Origin {
	if f := fault.Of(err); f != nil {
		_, key, _ := strings.Cut(f.Setting, ":")
		if n := s.Node.Find(key); n != nil {
			return n.Origin
		}
	}
	return s.Node.Origin
}

// report adds what a source found wrong; at tells the place of each.
func report(s tree.Section, err error, at func(error) tree.Origin) {
	found := []error{err}
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		found = several.Unwrap()
	}
	for _, one := range found {
		s.Fault(at(one), "", one)
	}
}

// warn turns what a source found wrong, and could do without, into warnings.
func warn(s tree.Section, found []error, at func(error) tree.Origin) {
	for _, err := range found {
		hint := ""
		if f := fault.Of(err); f != nil {
			hint = f.Hint
		}
		s.Warn(at(err), err.Error(), hint)
	}
}

// counted writes a number with its noun, such as "1 key" or "2 keys".
func counted(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return strconv.Itoa(n) + " " + noun
}

// fingerprint tells whether anything has changed that a source was opened with.
type fingerprint [sha256.Size]byte

func fingerprintOf(s tree.Section, n Network, identity certificate.Identity) fingerprint {
	hash := sha256.New()
	add := func(part string) {
		hash.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		hash.Write([]byte(part))
	}
	for path, scalar := range s.Node.Scalars() {
		add(strings.Join(path, ":"))
		add(scalar.Text())
	}
	add(n.Proxy.Reveal())
	add(strings.Join(n.NoProxy, " "))
	add(string(n.Roots))
	for _, c := range identity.Chain {
		add(string(c.Raw))
	}
	return fingerprint(hash.Sum(nil))
}
