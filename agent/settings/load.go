package settings

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Load reads and checks the settings. The error is a [Problems] with everything that is wrong. It
// may be called any number of times; it reads the files each time.
func Load(o Options) (*Settings, error) {
	l := &loader{environ: o.Environ, programDir: o.ProgramDir}
	l.dir = l.folder(o.Dir)
	environment := l.environment(o.Environment)
	if err := l.err(); err != nil {
		return nil, err
	}
	root := &node{shape: objectShape}
	for _, layer := range l.layers(environment) {
		if tree := layer(); tree != nil {
			root.merge(tree)
		}
	}
	if err := l.err(); err != nil {
		return nil, err // a layer that cannot be read would make the others look wrong
	}
	s := l.settings(root)
	if err := l.err(); err != nil {
		return nil, err
	}
	slices.SortStableFunc(l.warnings, func(a, b Warning) int { return a.Origin.compare(b.Origin) })
	s.Warnings = l.warnings
	return s, nil
}

// Default returns the settings of an installation that has no settings file: those that [Load]
// gives for empty files, without warnings.
func Default(o Options) (*Settings, error) {
	l := &loader{environ: o.Environ, programDir: o.ProgramDir}
	l.dir = l.folder(o.Dir)
	s := l.settings(&node{shape: objectShape})
	return s, l.err()
}

// loader is one call of [Load].
type loader struct {
	report
	dir        string // absolute
	programDir string
	environ    []string
}

// folder makes the settings' folder absolute and checks that it is there.
func (l *loader) folder(dir string) string {
	const hint = "Name the folder of the appsettings files with --settings DIR"
	given, at := dir, Origin{Layer: "--settings"}
	dir, err := filepath.Abs(dir)
	if err != nil {
		l.add(at, fault.Errorf(fault.Invalid, "settings folder %q: %w", given, err)).WithHint(hint)
		return dir
	}
	switch info, err := os.Stat(dir); {
	case errors.Is(err, fs.ErrNotExist):
		l.add(at, fault.Errorf(fault.Invalid, "there is no settings folder %s", dir)).WithHint(hint)
	case err != nil:
		l.add(at, fault.Errorf(fault.Storage, "settings folder %s: %w", dir, bare(err))).WithHint(hint)
	case !info.IsDir():
		l.add(at, fault.Errorf(fault.Invalid, "the settings folder %s is a file", dir)).WithHint(hint)
	}
	return dir
}

// environment names the environment whose files are read.
func (l *loader) environment(given string) string {
	const variable = "ASPNETCORE_ENVIRONMENT"
	if given == "" {
		given, _ = lookup(l.environ, variable)
	}
	if given == "" {
		return "Production"
	}
	if strings.ContainsAny(given, `/\:`) {
		l.invalid(Origin{Layer: LayerEnvironment, Variable: variable}, "%q is no name of an environment", given).
			WithHint("Use a plain word such as Production or Test")
	}
	return given
}

// layers lists what settings come from; a later layer wins over an earlier one, key by key. A
// layer gives nil if it has nothing to say.
func (l *loader) layers(environment string) []func() *node {
	return []func() *node{
		l.file("appsettings.json", false),
		l.file("appsettings."+environment+".json", false),
		l.file("appsettings.agent.json", true),
		l.file("appsettings.agent."+environment+".json", false),
		func() *node { return readEnvironment(l.environ, &l.report) },
	}
}

// file is the layer of a JSON file.
func (l *loader) file(name string, required bool) func() *node {
	return func() *node {
		path := filepath.Join(l.dir, name)
		source, err := readSource(name, path, &l.report)
		switch {
		case err == nil && source != nil:
			return readJSON(source, &l.report)
		case err != nil && required:
			l.add(Origin{Layer: name, File: path}, fault.Errorf(fault.Invalid, "there is no %s in %s", name, l.dir)).
				WithHint("Copy the sample %s that comes with Usher, or name another folder with --settings DIR", name)
		}
		return nil
	}
}

// settings makes the typed settings of the merged tree.
func (l *loader) settings(tree *node) *Settings {
	root := section{l, tree, ""}
	l.rootKeys(tree)
	s := &Settings{Dir: l.dir, root: tree}
	s.TempFolder, _ = root.folder("TempFolderPath", "../Temp")
	var work Origin
	s.WorkFolder, work = root.folder("WorkFolderPath", "../Work")
	if s.WorkFolder == s.TempFolder {
		l.warn(work, "WorkFolderPath and TempFolderPath are the same folder",
			"What is in the temp folder may be deleted at any time, the work folder must be kept: use two folders")
	}
	s.Proxy = root.proxy()
	for _, file := range root.list("TrustedCertificates") {
		if file.text == "" {
			l.invalid(file.origin, "TrustedCertificates names an empty path").WithHint("Name a PEM file")
			continue
		}
		s.TrustedCertificates = append(s.TrustedCertificates, absolute(l.dir, file.text))
		s.certificates = append(s.certificates, file.origin)
	}
	s.Connectors = root.connectors()
	s.Connections = root.connections()
	return s
}

// rootKeys reports root keys that look like misspelled ones of Usher, and warns of unknown ones.
func (l *loader) rootKeys(root *node) {
	for _, member := range root.members {
		switch near := nearest(member.name, rootKeys, closeBy); {
		case contains(rootKeys, member.name) || contains(referenceKeys, member.name):
		case near != "":
			l.invalid(member.origin, "unknown setting %q, did you mean %s?", member.name, near)
		default:
			l.warn(member.origin, "Usher does not know the setting \""+member.name+"\" and ignores it", "")
		}
	}
}
