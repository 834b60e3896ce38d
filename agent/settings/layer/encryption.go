package layer

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/usher-iga/usher/agent/secret/rsafile"
	"github.com/usher-iga/usher/agent/settings/tree"
	"github.com/usher-iga/usher/connectors/sdk/certificate"
)

// SchemaKey names the JSON Schema of a file; it stays clear in encrypted files.
const SchemaKey = "$schema"

// Encryption is the section EncryptionCertificate: the certificate that values of encrypted files
// are encrypted for.
type Encryption struct {
	// Wanted is whether encrypted files are read: nil if the settings do not say, and then they are
	// read if they are there.
	Wanted *bool
	Origin tree.Origin // of UseEncryptedAppsettings, or of the section

	section  tree.Section
	identity identity
}

// ReadEncryption reads the section below the root. It opens no certificate.
func ReadEncryption(root tree.Section) *Encryption {
	s := root.Child(EncryptionSection)
	s.Unknown(EncryptionKeys)
	e := &Encryption{section: s, Origin: s.Node.Origin, identity: readIdentity(s, "File", "Password")}
	if n := s.Node.Find("UseEncryptedAppsettings"); n != nil {
		wanted := s.Truth("UseEncryptedAppsettings")
		e.Wanted, e.Origin = &wanted, n.Origin
	}
	if n := s.Node.Find("EncryptFile"); n != nil && s.Truth("EncryptFile") {
		s.Warn(n.Origin, "EncryptFile has no effect: Usher does not encrypt the files that it writes",
			"Let the file system protect TempFolderPath and WorkFolderPath: Usher makes its folders readable to its own account alone")
	}
	return e
}

// IsNamed reports whether the section names a certificate, or tries to.
func (e *Encryption) IsNamed() bool {
	return e.identity.isSet() || e.section.Node.Find("CertificateAzureKeyVault") != nil
}

// Identity gets the certificate with its private key. What is wrong with it is an error of
// [tree.Problems]; so is it if the section names none. It may be called any number of times.
func (e *Encryption) Identity() (certificate.Identity, error) {
	var r tree.Report
	identity, _ := e.load(&r)
	return identity, r.Err()
}

// load reports what is wrong, and returns false.
func (e *Encryption) load(r *tree.Report) (certificate.Identity, bool) {
	const hint = "Name a file in EncryptionCertificate.File, or on Windows a certificate by EncryptionCertificate.Thumbprint"
	vault := e.section.Node.Find("CertificateAzureKeyVault")
	switch {
	case e.identity.isSet():
		return e.identity.load(r)
	case vault != nil && vault.Text() != "":
		r.Invalid(vault.Origin, "CertificateAzureKeyVault cannot name the certificate: Usher opens encrypted files before it signs in to a vault").
			WithHint("%s; or keep the secrets in the vault, where they need no encrypted file", hint)
	default:
		at := e.section.Node.Origin
		if at.Layer == tree.LayerDefault {
			at = tree.Origin{Layer: "appsettings.json", File: filepath.Join(e.section.Dir, "appsettings.json")}
		}
		r.Invalid(at, "EncryptionCertificate names no certificate to open encrypted values with").WithHint("%s", hint)
	}
	return certificate.Identity{}, false
}

// Files opens the values of encrypted files in place and tells how many there were; it returns nil
// if the section names no certificate. Files that are not there are nil. Values that cannot be
// opened it reports; those of a file that have the reason in common as one. A certificate that cannot be
// used it reports if there is a file. Otherwise nothing needs it yet, and the state tells it, unless
// the settings say that encrypted files are not wanted.
func (e *Encryption) Files(files ...*tree.Node) *State {
	there := slices.DeleteFunc(slices.Clone(files), func(file *tree.Node) bool { return file == nil })
	if len(there) == 0 && !e.identity.isSet() {
		return nil
	}
	state := &State{Kind: EncryptionSection, Address: e.identity.address(), Message: "no encrypted file was read", Origin: e.identity.origin}
	var r tree.Report // of the certificate
	identity, ok := e.load(&r)
	switch {
	case ok:
		state.restsOn(e.identity.address(), identity.Certificate())
	case len(there) > 0:
		e.section.Take(&r)
		return nil
	case e.Wanted == nil || *e.Wanted:
		state.Err = r.Err()
	}
	opened := 0
	for _, file := range there {
		opened += e.open(file, identity)
		state.Message = counted(opened, "encrypted value")
	}
	return state
}

// open opens the values of one file and counts them.
func (e *Encryption) open(file *tree.Node, identity certificate.Identity) (opened int) {
	type failure struct {
		at    tree.Origin
		what  string
		err   error
		count int
	}
	var failures []*failure
	for path, n := range file.Scalars() {
		if len(path) == 1 && path[0] == SchemaKey {
			continue
		}
		text, err := rsafile.Open(n.Text(), identity)
		if err == nil {
			n.SetText(text)
			n.Origin.Protected = true
			opened++
			continue
		}
		i := slices.IndexFunc(failures, func(f *failure) bool { return f.err.Error() == err.Error() })
		if i < 0 {
			failures = append(failures, &failure{at: n.Origin, what: strings.Join(path, "."), err: err})
		} else {
			failures[i].count++
		}
	}
	for _, f := range failures {
		if f.count > 0 {
			f.what += " and " + strconv.Itoa(f.count) + " more of this file"
		}
		e.section.Fault(f.at, f.what, f.err)
	}
	return opened
}
