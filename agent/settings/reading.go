package settings

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/usher-iga/usher/agent/settings/layer"
	"github.com/usher-iga/usher/agent/settings/tree"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// reading is one call of [Loader.Load].
type reading struct {
	tree.Report
	options     Options
	environ     []string
	dir         string // of the settings; absolute
	environment string // whose files are read

	layers     []*tree.Node // those read so far; a later one wins, nil holds nothing
	variables  *tree.Node   // those of the environment win over all layers
	encryption *layer.Encryption
	sources    []SourceState
	// basis has for each section that sets up a layer the values that did.
	basis map[string]*tree.Node
}

func newReading(o Options, environ []string) *reading {
	r := &reading{options: o, environ: environ, variables: &tree.Node{Shape: tree.Object}, basis: map[string]*tree.Node{}}
	r.dir = r.folder(o.Dir)
	r.environment = r.environmentName(o.Environment)
	return r
}

// load reads the layers, from the lowest to the highest. It stops after one that cannot be read:
// the values of the others would look wrong.
func (r *reading) load(ctx context.Context, vault *layer.KeyVault, accounts *layer.CyberArk) (*Settings, error) {
	for _, step := range []func(){
		r.files,
		func() { r.fromKeyVault(ctx, vault) },
		func() { r.fromCyberArk(ctx, accounts) },
		r.connectionFile,
	} {
		if err := cmp.Or(ctx.Err(), r.Err()); err != nil {
			return nil, err
		}
		step()
	}
	if err := cmp.Or(ctx.Err(), r.Err()); err != nil {
		return nil, err
	}
	root := r.merge(r.layers)
	r.checkBasis(root.Node)
	s := r.settings(root)
	if err := r.Err(); err != nil {
		return nil, err
	}
	s.Warnings = r.Warnings()
	return s, nil
}

// merge lays layers over each other, those that are not nil, and the environment over all.
func (r *reading) merge(layers []*tree.Node) tree.Section {
	root := &tree.Node{Shape: tree.Object}
	for _, layer := range layers {
		if layer != nil {
			root.Merge(layer.Clone())
		}
	}
	root.Merge(r.variables.Clone())
	return r.section(root)
}

func (r *reading) section(root *tree.Node) tree.Section {
	return tree.Section{Report: &r.Report, Node: root, Dir: r.dir}
}

// setsUp notes the values of a section before its layer is read.
func (r *reading) setsUp(section string, root tree.Section) {
	if n := root.Node.Find(section); n != nil {
		r.basis[section] = n.Clone()
	}
}

// checkBasis reports values that would have set up a layer in another way, had they been known in time.
func (r *reading) checkBasis(root *tree.Node) {
	for _, section := range []string{layer.EncryptionSection, layer.KeyVaultSection, layer.CyberArkSection} {
		n := root.Find(section)
		if n == nil {
			continue
		}
		for path, value := range n.Scalars() {
			var known *tree.Node
			if basis := r.basis[section]; basis != nil {
				known = basis.Find(path...)
			}
			if known == nil || known.Text() != value.Text() {
				r.Invalid(value.Origin, "%s.%s has no effect here: it is needed before this is read", section, strings.Join(path, ".")).
					WithHint("Put it into appsettings.json, or into the variable %s__%s", section, strings.Join(path, "__"))
			}
		}
	}
}

// folder makes the settings' folder absolute and checks that it is there.
func (r *reading) folder(dir string) string {
	const hint = "Name the folder of the appsettings files with --settings DIR"
	given, at := dir, Origin{Layer: "--settings"}
	dir, err := filepath.Abs(dir)
	if err != nil {
		r.Add(at, fault.Errorf(fault.Invalid, "settings folder %q: %w", given, err)).WithHint(hint)
		return dir
	}
	switch info, err := os.Stat(dir); {
	case errors.Is(err, fs.ErrNotExist):
		r.Add(at, fault.Errorf(fault.Invalid, "there is no settings folder %s", dir)).WithHint(hint)
	case err != nil:
		r.Add(at, fault.Errorf(fault.Storage, "settings folder %s: %w", dir, tree.Bare(err))).WithHint(hint)
	case !info.IsDir():
		r.Add(at, fault.Errorf(fault.Invalid, "the settings folder %s is a file", dir)).WithHint(hint)
	}
	return dir
}

// environmentName tells whose files are read.
func (r *reading) environmentName(given string) string {
	const variable = "ASPNETCORE_ENVIRONMENT"
	if given == "" {
		given, _ = tree.Lookup(r.environ, variable)
	}
	if given == "" {
		return "Production"
	}
	// appsettings.agent.json must not be taken for the file of an environment named agent.
	kinds := []string{"agent", "encrypted", "encrypted.agent", "cyberArk.agent", "connection"}
	if strings.ContainsAny(given, `/\:`) || tree.Contains(kinds, given) {
		r.Invalid(Origin{Layer: LayerEnvironment, Variable: variable}, "%q is no name of an environment", given).
			WithHint("Use a plain word such as Production or Test")
	}
	return given
}

// settings makes the typed settings of the merged tree.
func (r *reading) settings(root tree.Section) *Settings {
	r.rootKeys(root.Node)
	s := &Settings{Dir: r.dir, root: root.Node, encryption: r.encryption, sources: r.sources}
	s.TempFolder, _ = root.Folder("TempFolderPath", "../Temp")
	var work Origin
	s.WorkFolder, work = root.Folder("WorkFolderPath", defaultWorkFolder)
	if s.WorkFolder == s.TempFolder {
		r.Warn(work, "WorkFolderPath and TempFolderPath are the same folder",
			"What is in the temp folder may be deleted at any time, the work folder must be kept: use two folders")
	}
	s.Proxy = proxy(root, r.environ)
	s.trust(root)
	s.Connectors = connectors(root, r.options.ProgramDir)
	s.Connections = connections(root, s.WorkFolder)
	s.Passwords = passwords(root)
	if root.Node.Find(passwordSection, layer.EncryptionSection) != nil {
		s.passwordEncryption = layer.ReadEncryption(root.Child(passwordSection))
	}
	return s
}

// rootKeys reports root keys that look like misspelled ones of Usher, and warns of unknown ones.
func (r *reading) rootKeys(root *tree.Node) {
	for _, member := range root.Members {
		switch near := tree.Nearest(member.Name, rootKeys, tree.CloseBy); {
		case tree.Contains(rootKeys, member.Name) || tree.Contains(referenceKeys, member.Name):
		case near != "":
			r.Invalid(member.Origin, "unknown setting %q, did you mean %s?", member.Name, near)
		default:
			r.Warn(member.Origin, "Usher does not know the setting \""+member.Name+"\" and ignores it", "")
		}
	}
}
