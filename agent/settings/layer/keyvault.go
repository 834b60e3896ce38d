package layer

import (
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/usher-iga/usher/agent/secret"
	"github.com/usher-iga/usher/agent/secret/keyvault"
	"github.com/usher-iga/usher/agent/settings/tree"
	"github.com/usher-iga/usher/connectors/sdk/certificate"
	"github.com/usher-iga/usher/connectors/sdk/clock"
	"github.com/usher-iga/usher/connectors/sdk/transport"
)

// Vault is what reads secrets of a vault: a [keyvault.Source].
type Vault interface {
	Get(ctx context.Context, names []string) (values map[string]secret.String, warnings []error, err error)
	Certificate() *x509.Certificate // that signs in; nil for none
	Refresh()
	Close()
}

// KeyVault is the layer of Azure Key Vault. It keeps the vault that it has opened from load to load
// for as long as the settings of the vault stay the same: a value that cannot be read then stays
// the one that was read last. It is not for several goroutines.
type KeyVault struct {
	// Open opens a vault; nil is [keyvault.New].
	Open  func(keyvault.Config, *transport.Transport) (Vault, error)
	Clock clock.Clock
	// Variable returns a variable of the environment, "" if it is not set. It must not be nil.
	Variable func(name string) string

	opened fingerprint
	vault  Vault
	way    *transport.Transport
}

// HasKeyVault reports whether the settings below root are to have a vault.
func HasKeyVault(root *tree.Node) bool {
	section := root.Find(KeyVaultSection)
	isSet := func(m *tree.Node) bool { return m.IsScalar() && m.Text() != "" }
	return section != nil && (section.Shape != tree.Object || slices.ContainsFunc(section.Members, isSet))
}

// Load reads the section below the root, asks the vault for the names of all paths that can be
// names of secrets, and returns a tree of the values it has. If the vault cannot be read it reports
// why; the tree is nil then.
func (k *KeyVault) Load(ctx context.Context, root tree.Section, way Network, paths [][]string) (*tree.Node, *State) {
	s := root.Child(KeyVaultSection)
	before := s.Len()
	s.Unknown(KeyVaultKeys)
	config, signsIn := k.read(s)
	if s.Len() > before {
		return nil, nil
	}
	if err := k.open(s, config, way); err != nil {
		s.Fault(locate(s, err), "", err)
		return nil, nil
	}
	names := map[string][]string{}
	var order []string
	for _, path := range paths {
		// Two paths have the same name if a key has two hyphens in it: the vault cannot tell them apart.
		if name, ok := keyvault.Name(path...); ok && names[strings.ToLower(name)] == nil {
			names[strings.ToLower(name)] = path
			order = append(order, name)
		}
	}
	at := func(err error) tree.Origin { return locate(s, err) }
	values, warnings, err := k.vault.Get(ctx, order)
	if err != nil {
		report(s, err, at)
		return nil, nil
	}
	warn(s, warnings, at)
	found := &tree.Node{Shape: tree.Object}
	for _, name := range order {
		if value, ok := values[name]; ok {
			found.Set(names[strings.ToLower(name)], value, tree.Origin{
				Layer: tree.LayerKeyVault, Item: name, Holder: config.Vault, Protected: true,
			}, s.Report)
		}
	}
	found.MakeArrays()
	state := &State{
		Kind: KeyVaultSection, Address: config.Vault, Origin: s.Node.Origin,
		Message: fmt.Sprintf("%d of %s have a value", len(values), counted(len(order), "name")),
	}
	state.restsOn(signsIn.address(), k.vault.Certificate())
	if len(warnings) > 0 {
		state.Err = warnings[0]
	}
	return found, state
}

// open makes the vault ready: the one of the last load, if nothing about it has changed.
func (k *KeyVault) open(s tree.Section, config keyvault.Config, way Network) error {
	now := fingerprintOf(s, way, config.SignIn.Certificate)
	if k.vault != nil && k.opened == now {
		k.vault.Refresh()
		return nil
	}
	k.Close()
	t, err := way.transport(certificate.Identity{})
	if err != nil {
		return err
	}
	config.Clock = k.Clock
	open := k.Open
	if open == nil {
		open = func(c keyvault.Config, t *transport.Transport) (Vault, error) { return keyvault.New(c, t) }
	}
	vault, err := open(config, t)
	if err != nil {
		t.Close()
		return err
	}
	k.opened, k.vault, k.way = now, vault, t
	return nil
}

// Close closes the vault, if there is one. The next load opens it anew.
func (k *KeyVault) Close() {
	if k.vault == nil {
		return
	}
	k.vault.Close()
	k.way.Close()
	k.vault, k.way = nil, nil
}

// read reads the section; what is wrong it reports. It returns where the certificate is that signs in,
// if one does.
func (k *KeyVault) read(s tree.Section) (c keyvault.Config, signsIn identity) {
	var at tree.Origin
	if c.Vault, at = s.Given("Vault"); !isHTTPS(c.Vault) {
		s.Invalid(at, "AzureKeyVault.Vault must be the URL of the vault").
			WithHint("Copy Vault URI from the vault's overview in the Azure portal, such as https://contoso.vault.azure.net/")
	}
	if pattern, at := s.Given("MicrosoftAuthorityPath"); pattern != "" {
		c.AuthorityHost, _, _ = strings.Cut(pattern, "{0}")
		if !isHTTPS(c.AuthorityHost) {
			s.Invalid(at, "AzureKeyVault.MicrosoftAuthorityPath must be a URL such as https://login.microsoftonline.com/")
		}
	}
	own := readSignIn(s)
	n := s.Scalar("ConnectionString")
	if n == nil || n.Text() == "" {
		if own.first() == "" {
			own = environmentSignIn(k.Variable)
		}
		c.SignIn = own.config(s)
		return c, own.identity
	}
	if key := own.first(); key != "" {
		s.Invalid(n.Origin, "AzureKeyVault has a ConnectionString and %s beside it", key).WithHint("Remove one of them")
		return c, identity{}
	}
	var err error
	if c.SignIn, err = keyvault.ParseConnectionString(n.Secret()); err != nil {
		s.Fault(locate(s, err), "", err)
	}
	store := c.SignIn.CertificateStore
	store.Location, store.Name = cmp.Or(store.Location, "LocalMachine"), cmp.Or(store.Name, "My")
	return c, identity{store: store}
}

func isHTTPS(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Scheme == "https" && u.Host != "" && u.User == nil
}
