package settings

import (
	"encoding/hex"
	"path/filepath"
	"strings"

	"github.com/usher-iga/usher/agent/settings/tree"
)

// connectors reads the root section Connectors.
func connectors(s tree.Section, programDir string) Connectors {
	s = s.Child("Connectors")
	s.Unknown(connectorsKeys)
	c := Connectors{
		StartTimeout: s.Duration("StartTimeout", "30s"),
		IdleTimeout:  s.Duration("IdleTimeout", "5m"),
		Origin:       s.Node.Origin,
	}
	c.Folder, _ = s.Folder("Folder", filepath.Join(programDir, "connectors"))
	if s.Node.Find("Checksums") == nil {
		return c
	}
	c.Checksums = map[string]string{}
	sums := s.Child("Checksums")
	for _, member := range sums.Node.Members {
		sum := strings.ToLower(member.Text())
		if raw, err := hex.DecodeString(sum); !member.IsScalar() || err != nil || len(raw) != 32 {
			s.Invalid(member.Origin, "%s must be a SHA-256 of 64 hexadecimal digits", sums.Name(member.Name)).
				WithHint("Take it from the release notes of the connector, or compute it with sha256sum or Get-FileHash")
			continue
		}
		c.Checksums[member.Name] = sum
	}
	return c
}
