// Package pluginhost finds connector programs, makes sure that they are genuine,
// launches and supervises them, and gives what they say as the Go interfaces of
// the connector SDK (P1, P2). Whatever a connector does, the agent gets an error
// with a reason, and the process ends.
package pluginhost

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/usher-iga/usher/agent/durable"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// ManifestName is the file in the connector folder that holds the checksum of each
// program, written when they are installed: {"entra-export": "<sha256 in hex>"}.
const ManifestName = "checksums.json"

// Program is a connector program in the connector folder.
type Program struct {
	Name     string // as connections name it: the file's name without .exe
	Path     string
	Checksum string // SHA-256 of the file, in hex
	Expected string // what it must be, in hex; empty: nobody vouches for it
	Source   string // who says so: "settings" or ManifestName
}

// Genuine reports whether the program is the one that was installed.
func (p Program) Genuine() bool { return p.Expected != "" && strings.EqualFold(p.Expected, p.Checksum) }

// verify returns nil for a genuine program, else a fault.Connector with the way out.
func (p Program) verify() error {
	switch {
	case p.Genuine():
		return nil
	case p.Expected != "" && len(p.Expected) != hex.EncodedLen(sha256.Size):
		return fault.Errorf(fault.Invalid, "the checksum %q of connector %s in %s is not a SHA-256 in hex", p.Expected, p.Name, p.Source).
			WithHint("Correct it there, or run `usher connectors trust`")
	case p.Expected == "":
		return fault.Errorf(fault.Connector, "the connector program %s has no known checksum, so it is not started", p.Path).
			WithHint("If you installed it yourself, run `usher connectors trust`, or add its SHA-256 %s to Connectors.Checksums in appsettings.json", p.Checksum)
	default:
		return fault.Errorf(fault.Connector, "the connector program %s is not the one that was installed: its SHA-256 is %s, but %s says %s",
			p.Path, p.Checksum, p.Source, p.Expected).
			WithHint("Install Usher again. If you replaced the program on purpose, run `usher connectors trust` or correct Connectors.Checksums")
	}
}

// Folder is a folder of connector programs.
type Folder struct {
	Path      string
	Checksums map[string]string // by program name, from the settings; they win over the manifest
}

// Programs lists the connector programs, sorted by name.
func (f Folder) Programs() ([]Program, error) {
	files, err := f.files()
	if err != nil {
		return nil, err
	}
	manifest, err := f.manifest()
	if err != nil {
		return nil, err
	}
	var programs []Program
	for _, file := range files {
		p, err := f.program(file, manifest)
		if err != nil {
			return nil, err
		}
		programs = append(programs, p)
	}
	return programs, nil
}

// files lists the program files, sorted by name.
func (f Folder) files() ([]string, error) {
	entries, err := os.ReadDir(f.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Errorf(fault.Invalid, "the connector folder %s does not exist", f.Path).
			WithHint("Run `make build`, install Usher again, or set Connectors.Folder in appsettings.json")
	}
	if err != nil {
		return nil, fault.Errorf(fault.Storage, "read the connector folder: %w", err)
	}
	var files []string
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil && isProgram(info) {
			files = append(files, entry.Name())
		}
	}
	return files, nil
}

// Find returns the program of that name.
func (f Folder) Find(name string) (Program, error) {
	files, err := f.files()
	if err != nil {
		return Program{}, err
	}
	var names []string
	for _, file := range files {
		if programName(file) == name {
			manifest, err := f.manifest()
			if err != nil {
				return Program{}, err
			}
			return f.program(file, manifest)
		}
		names = append(names, programName(file))
	}
	found := "It holds none"
	if len(names) > 0 {
		found = "It holds " + strings.Join(names, ", ")
	}
	return Program{}, fault.Errorf(fault.Invalid, "there is no connector %q in %s", name, f.Path).WithSetting("Connector").
		WithHint("%s; correct the connection's Connector, or install the program and run `usher connectors trust`", found)
}

// Trust writes the manifest for the programs that are in the folder now, and
// returns them.
func (f Folder) Trust() ([]Program, error) {
	programs, err := f.Programs()
	if err != nil {
		return nil, err
	}
	manifest := map[string]string{}
	for i := range programs {
		p := &programs[i]
		manifest[p.Name] = p.Checksum
		if p.Source != sourceSettings {
			p.Expected, p.Source = p.Checksum, ManifestName
		}
	}
	text, err := json.MarshalIndent(manifest, "", "  ")
	if err != nil {
		return nil, fault.Errorf(fault.Internal, "write the checksums: %w", err)
	}
	path := filepath.Join(f.Path, ManifestName)
	if err := durable.WriteFile(path, append(text, '\n')); err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o644); err != nil { // no secret, and the service runs as another user
		return nil, fault.Errorf(fault.Storage, "make the checksums readable: %w", err)
	}
	return programs, nil
}

const sourceSettings = "settings"

func (f Folder) manifest() (map[string]string, error) {
	path := filepath.Join(f.Path, ManifestName)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fault.Errorf(fault.Storage, "read the checksums: %w", err)
	}
	var manifest map[string]string
	if err := json.Unmarshal(text, &manifest); err != nil {
		return nil, fault.Errorf(fault.Connector, "%s cannot be read: %w", path, err).
			WithHint("Install Usher again, or run `usher connectors trust`")
	}
	return manifest, nil
}

func (f Folder) program(file string, manifest map[string]string) (Program, error) {
	p := Program{Name: programName(file), Path: filepath.Join(f.Path, file)}
	sum, err := checksum(p.Path)
	if err != nil {
		return Program{}, fault.Errorf(fault.Storage, "read the connector program: %w", err)
	}
	p.Checksum = sum
	if expected := manifest[p.Name]; expected != "" {
		p.Expected, p.Source = expected, ManifestName
	}
	for name, expected := range f.Checksums {
		if strings.EqualFold(name, p.Name) {
			p.Expected, p.Source = expected, sourceSettings
		}
	}
	return p, nil
}

// programName is the name by which connections know a program file.
func programName(file string) string {
	if runtime.GOOS == "windows" {
		return strings.TrimSuffix(file, filepath.Ext(file))
	}
	return file
}

func isProgram(info fs.FileInfo) bool {
	if !info.Mode().IsRegular() {
		return false
	}
	if runtime.GOOS == "windows" {
		return strings.EqualFold(filepath.Ext(info.Name()), ".exe")
	}
	return info.Mode()&0o111 != 0
}

func checksum(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}
