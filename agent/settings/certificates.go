package settings

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"

	"github.com/usher-iga/usher/agent/settings/tree"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Roots reads the files of TrustedCertificates and returns their certificates as one PEM text, nil
// if there are none. The error is a [Problems]: a file that cannot be read, holds no certificate,
// or holds a damaged one. It may be called any number of times and reads the files each time.
func (s *Settings) Roots() ([]byte, error) {
	var r tree.Report
	roots := s.roots(&r)
	if err := r.Err(); err != nil {
		return nil, err
	}
	return roots, nil
}

// trust takes the files of the root key TrustedCertificates.
func (s *Settings) trust(root tree.Section) {
	for _, file := range root.List("TrustedCertificates") {
		if file.Text == "" {
			root.Invalid(file.Origin, "TrustedCertificates names an empty path").WithHint("Name a PEM file")
			continue
		}
		s.TrustedCertificates = append(s.TrustedCertificates, tree.Absolute(root.Dir, file.Text))
		s.certificates = append(s.certificates, file.Origin)
	}
}

// roots reads the files and reports what is wrong with them.
func (s *Settings) roots(r *tree.Report) []byte {
	var all bytes.Buffer
	for i, file := range s.TrustedCertificates {
		at := Origin{File: file} // of Settings that were not loaded
		if i < len(s.certificates) {
			at = s.certificates[i]
		}
		data, err := tree.Read(file)
		if err != nil {
			r.Add(at, fault.Errorf(fault.Invalid, "%s: cannot read the trusted certificates %s: %w", at, file, tree.Bare(err))).
				WithHint("Correct the path in TrustedCertificates, or let the account that runs usher read the file")
			continue
		}
		found := 0
		for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
			if block.Type != "CERTIFICATE" {
				continue // only certificates go on from here: a private key beside them stays behind
			}
			found++
			if _, err := x509.ParseCertificate(block.Bytes); err != nil {
				r.Add(at, fault.Errorf(fault.Invalid, "%s: certificate %d in %s is damaged: %w", at, found, file, err)).
					WithHint("Export the certificate again as Base-64 (PEM)")
				continue
			}
			all.Write(pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes}))
		}
		if found == 0 {
			r.Invalid(at, "%s holds no certificate", file).
				WithHint("Name a PEM file: text with lines BEGIN CERTIFICATE and END CERTIFICATE; convert a DER file with openssl x509 -inform der")
		}
	}
	return all.Bytes()
}
