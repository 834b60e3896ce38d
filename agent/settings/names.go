package settings

import (
	"context"
	"slices"
	"strings"

	"github.com/usher-iga/usher/agent/secret/keyvault"
	"github.com/usher-iga/usher/agent/settings/layer"
	"github.com/usher-iga/usher/agent/settings/tree"
	"github.com/usher-iga/usher/connectors/sdk"
)

// notFromVault are keys of a connection that a vault is not asked for.
var notFromVault = []string{"Connector", "FulfillConnector", "EntityTypeMapping", "EntityTypeMappingFiles"}

// vaultPaths lists the paths that a vault is asked for: those of single values that stand in the
// layers below it, those that Usher knows, and those that connectors describe. What sets up the
// encrypted files and the vault itself, mappings, and what Usher does not read is not among them; nor
// is what says which programs are started: this machine alone decides that.
func (r *reading) vaultPaths(ctx context.Context, root tree.Section) [][]string {
	v := &vaultPaths{root: root.Node}
	for path := range root.Node.Scalars() {
		if v.isAskedFor(path) {
			v.all = append(v.all, path)
		}
	}
	v.add(nil, "TempFolderPath", "WorkFolderPath", "TrustedCertificates", "Proxy")
	if n := root.Node.Find("Proxy"); n != nil && n.Shape == tree.Object {
		v.add([]string{"Proxy"}, proxyKeys...)
	}
	if root.Node.Find(layer.CyberArkSection) != nil {
		v.add([]string{layer.CyberArkSection}, slices.DeleteFunc(slices.Clone(layer.CyberArkKeys), func(key string) bool { return key == "Program" })...)
	}
	if n := root.Node.Find(passwordSection); n != nil && n.Shape == tree.Object {
		v.passwordPaths(n)
	}
	r.connectionPaths(ctx, root, v)
	return v.all
}

// passwordPaths adds what is secret in the section about passwords.
func (v *vaultPaths) passwordPaths(section *tree.Node) {
	if section.Find("MailSettings") != nil {
		v.add([]string{passwordSection, "MailSettings"}, "Username", "Password")
	}
	if sets := section.Find("Sets"); sets != nil {
		for _, set := range sets.Members {
			if _, ok := keyvault.Name(set.Name); ok {
				v.add([]string{passwordSection, "Sets", set.Name}, "DefaultPassword")
			}
		}
	}
}

// connectionPaths adds the keys of connections.
func (r *reading) connectionPaths(ctx context.Context, root tree.Section, v *vaultPaths) {
	all := root.Node.Find("Connections")
	if all == nil {
		return
	}
	described := map[string][]sdk.Setting{}
	for _, c := range all.Members {
		if !isOurs(c) {
			continue
		}
		if _, ok := keyvault.Name(c.Name); !ok {
			r.Warn(c.Origin, "the connection name \""+c.Name+"\" cannot be part of a secret's name: Azure Key Vault is not asked for its keys",
				"Name the connection with letters, digits and hyphens alone, or give its secrets in another way")
			continue
		}
		at := []string{"Connections", c.Name}
		v.add(at, slices.DeleteFunc(slices.Clone(connectionKeys), func(key string) bool {
			return key == "Csv" || tree.Contains(notFromVault, key)
		})...)
		v.add(append(at, "Csv"), csvKeys...)
		connector := defaultConnector
		if n := c.Find("Connector"); n != nil && n.IsScalar() {
			connector = n.Text()
		}
		connectors := []string{connector}
		// The default one need not be installed where nothing but exports is wanted, and it reads no keys of its own.
		if n := c.Find("FulfillConnector"); n != nil && n.IsScalar() && !strings.EqualFold(n.Text(), defaultFulfillConnector) {
			connectors = append(connectors, n.Text())
		}
		for _, connector := range connectors {
			if _, asked := described[connector]; !asked {
				described[connector] = r.describe(ctx, root, connector, c.Origin)
			}
			for _, key := range described[connector] {
				v.add(at, key.Name)
			}
		}
	}
}

// describe asks a connector for its keys; without an answer there are none.
func (r *reading) describe(ctx context.Context, root tree.Section, connector string, at Origin) []sdk.Setting {
	const hint = "Keys that stand in no file are not looked for in the vault; see usher connectors list"
	if r.options.Describe == nil {
		return nil
	}
	keys, err := r.options.Describe(ctx, connectors(root, r.options.ProgramDir), connector)
	if err != nil {
		r.Warn(at, "the connector "+connector+" does not tell its keys: "+err.Error(), hint)
	}
	return keys
}

// vaultPaths gathers paths.
type vaultPaths struct {
	root *tree.Node // of the layers below the vault
	all  [][]string
}

// add adds keys at a path, unless the layers below have them, where they were seen, or something
// that is no single value there.
func (v *vaultPaths) add(at []string, keys ...string) {
	for _, key := range keys {
		path := slices.Concat(at, []string{key})
		if v.root.Find(path...) == nil {
			v.all = append(v.all, path)
		}
	}
}

// isAskedFor reports whether a value that stands in a file may stand in a vault too.
func (v *vaultPaths) isAskedFor(path []string) bool {
	switch section := path[0]; {
	case !tree.Contains(rootKeys, section),
		strings.EqualFold(section, layer.EncryptionSection), strings.EqualFold(section, layer.KeyVaultSection),
		strings.EqualFold(section, "Connectors"), slices.EqualFunc(path, []string{layer.CyberArkSection, "Program"}, strings.EqualFold):
		return false
	case !strings.EqualFold(section, "Connections") || len(path) < 3:
		return true
	}
	return isOurs(v.root.Find(path[:2]...)) && !tree.Contains(notFromVault, path[2])
}

// isOurs reports whether a connection is one that Usher works on: those of other products may stand
// beside it.
func isOurs(connection *tree.Node) bool {
	for _, key := range notFromVault {
		if connection.Find(key) != nil {
			return true
		}
	}
	return false
}
