package layer

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/usher-iga/usher/agent/secret/cyberark"
	"github.com/usher-iga/usher/agent/settings/tree"
	"github.com/usher-iga/usher/connectors/sdk/certificate"
	"github.com/usher-iga/usher/connectors/sdk/clock"
	"github.com/usher-iga/usher/connectors/sdk/fault"
	"github.com/usher-iga/usher/connectors/sdk/transport"
)

// Accounts is what reads accounts of CyberArk: a [cyberark.Source].
type Accounts interface {
	Get(ctx context.Context, objects []string) (accounts map[string]cyberark.Account, warnings []error, err error)
	Refresh()
}

// CyberArk is the layer of CyberArk. It keeps what it has opened from load to load as [KeyVault]
// does. It is not for several goroutines.
type CyberArk struct {
	// Open opens the way to accounts, by Central if its Server is set, else by Local; nil opens the
	// one of [cyberark].
	Open  func(cyberark.Central, cyberark.Local, *transport.Transport) (Accounts, error)
	Clock clock.Clock

	opened   fingerprint
	accounts Accounts
	way      *transport.Transport
}

// UsesCyberArk reports whether the settings ask for it, and where; without the section, the place is
// empty.
func UsesCyberArk(root tree.Section) (bool, tree.Origin) {
	n := root.Node.Find(CyberArkSection, "UseCyberArkSetting")
	if n == nil {
		return false, tree.Origin{}
	}
	return root.Child(CyberArkSection).Truth("UseCyberArkSetting"), n.Origin
}

// leaf is one key that the mapping maps to an account.
type leaf struct {
	path   []string
	field  cyberark.Field
	object string
	at     tree.Origin
}

// Load reads the section below the root, asks for the accounts that the mapping names, and returns
// a tree of their values. What is wrong it reports; the tree is nil then.
func (c *CyberArk) Load(ctx context.Context, root tree.Section, way Network, mapping *tree.Node) (*tree.Node, *State) {
	s := root.Child(CyberArkSection)
	before := s.Len()
	s.Unknown(CyberArkKeys)
	config := readCyberArk(s)
	identity, hasIdentity := config.identity.load(s.Report)
	leaves := readMapping(s.Report, mapping)
	if s.Len() > before {
		return nil, nil
	}
	if err := c.open(s, config, identity, way); err != nil {
		s.Fault(locate(s, err), "", err)
		return nil, nil
	}
	var objects []string
	for _, l := range leaves {
		if !slices.Contains(objects, l.object) {
			objects = append(objects, l.object)
		}
	}
	at := func(err error) tree.Origin { return locateAccount(s, leaves, err) }
	accounts, warnings, err := c.accounts.Get(ctx, objects)
	if err != nil {
		report(s, err, at)
		return nil, nil
	}
	warn(s, warnings, at)
	found := &tree.Node{Shape: tree.Object}
	for _, l := range leaves {
		account, ok := accounts[l.object]
		value := account.Field(l.field)
		l.at.Layer, l.at.Item, l.at.Holder, l.at.Protected = tree.LayerCyberArk, l.object, config.central.Safe, true
		if !ok || value.IsEmpty() {
			s.Invalid(l.at, "the account has no %s, which %s is read from", l.field, strings.Join(l.path, ".")).
				WithHint("Fill it in in CyberArk, or take the key out of the mapping")
			continue
		}
		found.Set(l.path, value, l.at, s.Report)
	}
	found.MakeArrays()
	state := &State{
		Kind: CyberArkSection, Address: config.address(), Origin: s.Node.Origin,
		Message: counted(len(leaves), "key") + " from " + counted(len(objects), "account"),
	}
	if hasIdentity {
		state.restsOn(config.identity.address(), identity.Certificate())
	}
	if len(warnings) > 0 {
		state.Err = warnings[0]
	}
	return found, state
}

// locateAccount is the place of what an error is about: for one account the line of the mapping that
// names it.
func locateAccount(s tree.Section, leaves []leaf, err error) tree.Origin {
	f := fault.Of(err)
	if one, ok := errors.AsType[*cyberark.AccountError](err); ok && (f == nil || f.Setting == "") {
		for _, l := range leaves {
			if l.object == one.Object {
				return l.at
			}
		}
	}
	return locate(s, err)
}

// open makes the accounts ready: those of the last load, if nothing about them has changed.
func (c *CyberArk) open(s tree.Section, config cyberArkConfig, identity certificate.Identity, way Network) error {
	now := fingerprintOf(s, way, identity)
	if c.accounts != nil && c.opened == now {
		c.accounts.Refresh()
		return nil
	}
	c.Close()
	t, err := way.transport(identity)
	if err != nil {
		return err
	}
	open := c.Open
	if open == nil {
		open = c.real
	}
	accounts, err := open(config.central, config.local, t)
	if err != nil {
		t.Close()
		return err
	}
	c.opened, c.accounts, c.way = now, accounts, t
	return nil
}

func (c *CyberArk) real(central cyberark.Central, local cyberark.Local, t *transport.Transport) (Accounts, error) {
	var provider cyberark.Provider
	var err error
	if central.Server != "" {
		provider, err = cyberark.NewCentral(central, t, c.Clock)
	} else {
		provider, err = cyberark.NewLocal(local, c.Clock)
	}
	if err != nil {
		return nil, err
	}
	return cyberark.NewSource(provider), nil
}

// Close lets go of what is kept. The next load opens it anew.
func (c *CyberArk) Close() {
	if c.accounts == nil {
		return
	}
	c.way.Close()
	c.accounts, c.way = nil, nil
}

// cyberArkConfig is what the section says.
type cyberArkConfig struct {
	central  cyberark.Central
	local    cyberark.Local
	identity identity // of the client certificate, which is optional
}

// address is the server or the program.
func (c cyberArkConfig) address() string {
	switch {
	case c.central.Server != "":
		return c.central.Server
	case c.local.Program != "":
		return c.local.Program
	}
	return "Credential Provider of this machine"
}

func readCyberArk(s tree.Section) cyberArkConfig {
	var c cyberArkConfig
	var at tree.Origin
	c.central.Server, at = s.Given("Server")
	c.central.AppID = required(s, "ApplicationId", "the application that CyberArk knows Usher by")
	c.central.Safe = required(s, "SafeName", "the safe that holds the accounts")
	c.identity = readIdentity(s, "File", "Password")
	c.local.AppID, c.local.Safe = c.central.AppID, c.central.Safe
	if program, programAt := s.Given("Program"); program != "" {
		c.local.Program = tree.Absolute(s.Dir, program)
		if c.central.Server != "" {
			s.Invalid(programAt, "CyberArk has a Server and a Program").
				WithHint("Keep Server for the Central Credential Provider, or Program for the Credential Provider of this machine")
		}
	}
	if c.central.Server != "" && !isHTTPS(c.central.Server) {
		s.Invalid(at, "CyberArk.Server must be a URL such as https://cyberark.contoso.example")
	}
	return c
}

// required returns the text of a key that must be there; what says what it is.
func required(s tree.Section, key, what string) string {
	text, at := s.Given(key)
	if text == "" {
		s.Invalid(at, "%s is not set", s.Name(key)).WithHint("Write %s: %s", key, what)
	}
	return text
}

// readMapping reads the mapping file: the same tree as the settings, with names of accounts for values.
func readMapping(r *tree.Report, mapping *tree.Node) []leaf {
	var leaves []leaf
	for path, n := range mapping.Scalars() {
		if len(path) == 1 && path[0] == SchemaKey {
			continue
		}
		key := tree.KeyOf(path)
		field, ok := cyberark.FieldOf(key)
		switch {
		case !ok:
			r.Invalid(n.Origin, "%s cannot come from CyberArk: nothing says which field of an account a key %s is", strings.Join(path, "."), key).
				WithHint("These keys can: Login, Username, ApplicationId, ClientId (the account's Username); Password, ApplicationKey, ClientSecret (its password); " +
					"Server, Address, MicrosoftGraphPathApi, ResponseUri (its Address)")
		case n.Text() == "":
			r.Invalid(n.Origin, "%s names no account", strings.Join(path, ".")).WithHint("Write the account's object name, or remove the key")
		default:
			leaves = append(leaves, leaf{path: path, field: field, object: n.Text(), at: n.Origin})
		}
	}
	return leaves
}
