package settings

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/usher-iga/usher/agent/settings/layer"
	"github.com/usher-iga/usher/agent/settings/tree"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// The files of the layers, beside appsettings.json.
const (
	agentFile          = "appsettings.agent.json"
	encryptedMainFile  = "appsettings.encrypted.json"
	encryptedAgentFile = "appsettings.encrypted.agent.json"
	mappingFile        = "appsettings.cyberArk.agent.json"
	connectionFile     = "appsettings.connection.json"
)

const defaultWorkFolder = "../Work"

// files reads the clear and the encrypted files, and the variables of the environment.
func (r *reading) files() {
	main, agent := r.clearFiles()
	if r.Len() > 0 {
		return
	}
	// What opens the encrypted files may stand in any of the clear ones.
	below := r.merge(slices.Concat(main, agent))
	r.setsUp(layer.EncryptionSection, below)
	r.encryption = layer.ReadEncryption(below)
	encryptedMain, encryptedAgent := make([]*tree.Node, 2), make([]*tree.Node, 2)
	wanted := r.encryption.Wanted
	if wanted == nil || *wanted {
		encryptedMain, encryptedAgent = r.both(encryptedMainFile, r.read), r.both(encryptedAgentFile, r.read)
	}
	if agent[0] == nil && encryptedAgent[0] == nil && r.Len() == 0 {
		r.Add(Origin{Layer: agentFile, File: filepath.Join(r.dir, agentFile)}, fault.Errorf(fault.Invalid, "there is no %s in %s", agentFile, r.dir)).
			WithHint("Copy the sample %s that comes with Usher, or name another folder with --settings DIR", agentFile)
		return
	}
	encrypted := slices.Concat(encryptedMain, encryptedAgent)
	if state := r.encryption.Files(encrypted...); state != nil {
		r.sources = append(r.sources, *state)
	}
	isThere := func(file *tree.Node) bool { return file != nil }
	if wanted != nil && *wanted && !slices.ContainsFunc(encrypted, isThere) && r.Len() == 0 {
		r.Invalid(r.encryption.Origin, "UseEncryptedAppsettings is true and there is no encrypted file in %s", r.dir).
			WithHint("Make %s with: usher secrets encrypt %s; or set UseEncryptedAppsettings to false", encryptedAgentFile, agentFile)
	}
	r.layers = slices.Concat(main, encryptedMain, agent, encryptedAgent)
}

// clearFiles reads the files in clear and the variables of the environment.
func (r *reading) clearFiles() (main, agent []*tree.Node) {
	r.variables = tree.ReadEnvironment(r.environ, rootKeys, referenceKeys, &r.Report)
	return r.both("appsettings.json", r.clear), r.both(agentFile, r.clear)
}

// both reads a file and that of the environment, which wins over it; nil for one that is not there.
func (r *reading) both(name string, read func(path string) *tree.Node) []*tree.Node {
	ofEnvironment := strings.TrimSuffix(name, "json") + r.environment + ".json"
	return []*tree.Node{read(filepath.Join(r.dir, name)), read(filepath.Join(r.dir, ofEnvironment))}
}

// read reads a JSON file; nil if it is not there.
func (r *reading) read(path string) *tree.Node {
	file, err := tree.ReadFile(filepath.Base(path), path, &r.Report)
	if err != nil || file == nil {
		return nil
	}
	return tree.ReadJSON(file, &r.Report)
}

// clear reads a JSON file whose values are not encrypted.
func (r *reading) clear(path string) *tree.Node {
	root := r.read(path)
	if root != nil {
		checkClear(path, root, &r.Report)
	}
	return root
}

// fromKeyVault reads the layer of Azure Key Vault.
func (r *reading) fromKeyVault(ctx context.Context, vault *layer.KeyVault) {
	root := r.merge(r.layers)
	r.setsUp(layer.KeyVaultSection, root)
	if !layer.HasKeyVault(root.Node) {
		vault.Close()
		return
	}
	way := r.network(root)
	if r.Len() > 0 {
		return
	}
	values, state := vault.Load(ctx, root, way, r.vaultPaths(ctx, root))
	r.add(values, state)
}

// fromCyberArk reads the layer of CyberArk.
func (r *reading) fromCyberArk(ctx context.Context, accounts *layer.CyberArk) {
	root := r.merge(r.layers)
	r.setsUp(layer.CyberArkSection, root)
	uses, at := layer.UsesCyberArk(root)
	mapping := r.mapping()
	if !uses {
		accounts.Close()
		if mapping != nil && at == (Origin{}) {
			r.Warn(mapping.Origin, "the file is not read: the settings do not use CyberArk",
				"Set CyberArk.UseCyberArkSetting to true in appsettings.json, or remove the file")
		}
		return
	}
	if mapping == nil && r.Len() == 0 {
		r.Invalid(at, "UseCyberArkSetting is true and there is no %s in %s", mappingFile, r.dir).
			WithHint(`Write one: {"Connections": {"Contoso": {"ApplicationId": "OBJECT", "ApplicationKey": "OBJECT"}}} with the names of accounts`)
	}
	way := r.network(root)
	if r.Len() > 0 {
		return
	}
	values, state := accounts.Load(ctx, root, way, mapping)
	r.add(values, state)
}

// add adds a layer, unless what is wrong with it was reported.
func (r *reading) add(values *tree.Node, state *layer.State) {
	if values != nil {
		r.layers = append(r.layers, values)
		r.sources = append(r.sources, *state)
	}
}

// mapping reads the files that map keys to accounts, however upper and lower case are in their
// names; nil if there is none.
func (r *reading) mapping() *tree.Node {
	var all *tree.Node
	for _, file := range r.both(mappingFile, r.readAnyCase) {
		switch {
		case all == nil:
			all = file
		case file != nil:
			all.Merge(file)
		}
	}
	return all
}

func (r *reading) readAnyCase(path string) *tree.Node {
	entries, err := os.ReadDir(r.dir)
	if err != nil {
		r.Add(Origin{File: r.dir}, fault.Errorf(fault.Storage, "%s: cannot list the folder: %w", r.dir, tree.Bare(err))).
			WithHint("Let the account that runs usher read the folder")
		return nil
	}
	var found []string
	for _, entry := range entries {
		if strings.EqualFold(entry.Name(), filepath.Base(path)) {
			found = append(found, filepath.Join(r.dir, entry.Name()))
		}
	}
	switch len(found) {
	case 0:
		return nil
	case 1:
		return r.read(found[0])
	}
	at := Origin{Layer: filepath.Base(found[1]), File: found[1]}
	r.Invalid(at, "the folder has %s too", filepath.Base(found[0])).WithHint("Remove one of them")
	return nil
}

// connectionFile reads what another product's user interface has written into the work folder.
func (r *reading) connectionFile() {
	root := r.merge(r.layers)
	root.Report = new(tree.Report) // what is wrong with the folder is told when all layers are known
	work, _ := root.Folder("WorkFolderPath", defaultWorkFolder)
	r.layers = append(r.layers, r.clear(filepath.Join(work, connectionFile)))
}

// network is the way to a vault and to CyberArk, as far as the layers below say.
func (r *reading) network(root tree.Section) layer.Network {
	var s Settings
	s.trust(root)
	p := proxy(root, r.environ)
	return layer.Network{Proxy: p.URL(), NoProxy: p.Bypass, Roots: s.roots(&r.Report), UserAgent: r.options.UserAgent}
}
