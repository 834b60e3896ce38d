package layer

import (
	"errors"
	"strings"

	"github.com/usher-iga/usher/agent/durable"
	"github.com/usher-iga/usher/agent/secret"
	"github.com/usher-iga/usher/agent/settings/tree"
	"github.com/usher-iga/usher/connectors/sdk/certificate"
)

// identity says where a certificate with its private key is: in a file or, on Windows, in a store.
// If a section names both, the file counts, as in the reference product.
type identity struct {
	file     string // absolute
	password secret.String
	store    certificate.Store
	origin   tree.Origin // of the key that names it
}

// readIdentity reads it from a section whose keys for the file and its password have these names.
func readIdentity(s tree.Section, fileKey, passwordKey string) identity {
	var i identity
	if file, at := s.Given(fileKey); file != "" {
		i.file, i.origin = tree.Absolute(s.Dir, file), at
		i.password = s.Secret(passwordKey)
		return i
	}
	var at tree.Origin
	if i.store.Thumbprint, at = s.Given("Thumbprint"); i.store.Thumbprint != "" {
		i.origin = at
	}
	if i.store.DistinguishedName, at = s.Given("DistinguishedName"); i.store.DistinguishedName != "" {
		i.origin = at
	}
	if !i.isSet() {
		return i
	}
	i.store.Location = tree.Choose(s, "StoreLocation", "LocalMachine", "LocalMachine or CurrentUser", func(given string) (string, bool) {
		for _, location := range []string{"LocalMachine", "CurrentUser"} {
			if strings.EqualFold(given, location) {
				return location, true
			}
		}
		return "", false
	})
	i.store.Name, _ = s.Text("StoreName", "My")
	return i
}

func (i identity) isSet() bool {
	return i.file != "" || i.store.Thumbprint != "" || i.store.DistinguishedName != ""
}

// address tells an admin which certificate it is.
func (i identity) address() string {
	switch {
	case i.file != "":
		return i.file
	case i.store.Thumbprint != "":
		return i.store.Location + `\` + i.store.Name + ", thumbprint " + i.store.Thumbprint
	default:
		return i.store.Location + `\` + i.store.Name + ", " + i.store.DistinguishedName
	}
}

// load gets the certificate; what is wrong it reports. Without one it returns false, and so it does
// if nothing is set.
func (i identity) load(r *tree.Report) (certificate.Identity, bool) {
	if !i.isSet() {
		return certificate.Identity{}, false
	}
	found, err := i.get()
	if err != nil {
		r.Fault(i.origin, "", err)
		return certificate.Identity{}, false
	}
	return found, true
}

func (i identity) get() (certificate.Identity, error) {
	if i.file == "" {
		return certificate.Find(i.store)
	}
	found, err := certificate.Load(i.file, i.password.Reveal())
	if without, ok := strings.CutPrefix(i.password.Reveal(), "@"); ok && errors.Is(err, certificate.ErrPassword) {
		// In the reference product a password with an at sign in it is written with another one before it.
		found, err = certificate.Load(i.file, without)
	}
	if err == nil {
		err = durable.CheckPrivate(i.file)
	}
	return found, err
}
