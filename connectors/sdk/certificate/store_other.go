//go:build !windows

package certificate

import "github.com/usher-iga/usher/connectors/sdk/fault"

func (s Store) find() (Identity, error) {
	return Identity{}, fault.Errorf(fault.Invalid, "the certificate %s is looked for in the store %s, which only Windows has", s.wanted(), s).
		WithHint("Give the file of the certificate instead")
}
