package publish

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/usher-iga/usher/agent/durable"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// ManifestVersion is the version of the manifest's format.
const ManifestVersion = 1

// Mode says what the files of a set hold.
type Mode string

// The modes.
const (
	Complete    Mode = "complete"    // everything, each row an insert
	Incremental Mode = "incremental" // what has changed since the set of Previous
)

// Manifest describes a published set. A program that loads the files reads it
// first and takes them from Folder, which never changes.
type Manifest struct {
	Version    int       `json:"version"`
	Connection string    `json:"connection"`
	Run        string    `json:"run"`
	Mode       Mode      `json:"mode"`
	Started    time.Time `json:"started"`
	Finished   time.Time `json:"finished"`
	Folder     string    `json:"folder"`             // of the set, from the manifest's folder, with slashes
	Previous   string    `json:"previous,omitempty"` // run whose set is kept beside this one
	Usher      string    `json:"usher"`              // version that wrote it
	Entities   []Entity  `json:"entities"`
	Files      []File    `json:"files"`
}

// Entity counts the rows of one entity.
type Entity struct {
	Name    string `json:"name"`
	Objects uint64 `json:"objects"`
	Links   uint64 `json:"links"` // of all navigations
}

// Kind says what the rows of a file are.
type Kind string

// The kinds of files.
const (
	Objects Kind = "objects"
	Links   Kind = "links"
)

// File is one file of a set.
type File struct {
	Name       string `json:"name"`
	Kind       Kind   `json:"kind"`
	Entity     string `json:"entity,omitempty"`     // of links
	Navigation string `json:"navigation,omitempty"` // of links
	Rows       uint64 `json:"rows"`                 // without the header
	Inserts    uint64 `json:"inserts,omitempty"`    // of an incremental set, as the next two
	Updates    uint64 `json:"updates,omitempty"`
	Deletes    uint64 `json:"deletes,omitempty"`
	Bytes      uint64 `json:"bytes"`
	SHA256     string `json:"sha256"` // in hex
}

// ReadManifest reads a manifest. A missing one is fault.NotFound; one that is
// damaged or of a later version is fault.Storage.
func ReadManifest(path string) (*Manifest, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Errorf(fault.NotFound, "there is no manifest %s", path).
			WithHint("Nothing has been published for this connection yet; run a complete export")
	}
	if err != nil {
		return nil, durable.Fault(err, "read", path)
	}
	m := &Manifest{}
	if err := json.Unmarshal(content, m); err != nil {
		return nil, damaged(path, err.Error())
	}
	if m.Version > ManifestVersion {
		return nil, fault.Errorf(fault.Storage, "the manifest %s has version %d; this Usher knows versions up to %d", path, m.Version, ManifestVersion).
			WithHint("Use the version of Usher that wrote it (%s) or a later one", m.Usher)
	}
	if folder := filepath.FromSlash(m.Folder); m.Version < 1 || !filepath.IsLocal(folder) || !IsPlainName(filepath.Base(folder)) {
		return nil, damaged(path, "it does not name its folder")
	}
	for _, f := range m.Files {
		if !IsPlainName(f.Name) {
			return nil, damaged(path, "it names a file that is none")
		}
	}
	return m, nil
}

func damaged(path, why string) error {
	return fault.Errorf(fault.Storage, "the manifest %s is damaged: %s", path, why).
		WithHint("Delete it and run a complete export, which writes it anew")
}

// IsPlainName reports whether a name stands for a file right in a folder, on every
// system.
func IsPlainName(name string) bool {
	return name != "" && name != "." && name != ".." && !strings.ContainsAny(name, `/\:`) && filepath.IsLocal(name)
}

func (m *Manifest) has(name string) bool {
	return slices.ContainsFunc(m.Files, func(f File) bool { return f.Name == name })
}

// Verify compares the set of a manifest with the manifest, byte for byte. folder is
// that of the manifest. The first difference is fault.Storage.
func Verify(folder string, m *Manifest) error {
	for _, f := range m.Files {
		path := filepath.Join(folder, filepath.FromSlash(m.Folder), f.Name)
		size, sum, err := digest(path)
		if err != nil {
			return err
		}
		if size != f.Bytes || sum != f.SHA256 {
			return fault.Errorf(fault.Storage, "the file %s was changed after run %s had published it", path, m.Run).
				WithHint("Run a complete export")
		}
	}
	return nil
}

func digest(path string) (size uint64, sum string, err error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, "", durable.Fault(err, "read", path)
	}
	defer file.Close()
	hash := sha256.New()
	n, err := io.Copy(hash, file)
	return uint64(n), hex.EncodeToString(hash.Sum(nil)), durable.Fault(err, "read", path)
}

func (o Output) write(m Manifest) error {
	content, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fault.Errorf(fault.Internal, "write the manifest of run %s: %w", m.Run, err)
	}
	return durable.WriteFile(o.Manifest(), append(content, '\n'))
}
