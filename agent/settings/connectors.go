package settings

import (
	"encoding/hex"
	"path/filepath"
	"strings"
)

// connectors reads the root section Connectors.
func (s section) connectors() Connectors {
	s = s.child("Connectors")
	s.unknown(connectorsKeys)
	c := Connectors{
		StartTimeout: s.duration("StartTimeout", "30s"),
		IdleTimeout:  s.duration("IdleTimeout", "5m"),
		Origin:       s.node.origin,
	}
	c.Folder, _ = s.folder("Folder", filepath.Join(s.programDir, "connectors"))
	if s.node.find("Checksums") == nil {
		return c
	}
	c.Checksums = map[string]string{}
	sums := s.child("Checksums")
	for _, member := range sums.node.members {
		sum := strings.ToLower(member.text)
		if raw, err := hex.DecodeString(sum); !member.isScalar() || err != nil || len(raw) != 32 {
			s.invalid(member.origin, "%s must be a SHA-256 of 64 hexadecimal digits", sums.name(member.name)).
				WithHint("Take it from the release notes of the connector, or compute it with sha256sum or Get-FileHash")
			continue
		}
		c.Checksums[member.name] = sum
	}
	return c
}
