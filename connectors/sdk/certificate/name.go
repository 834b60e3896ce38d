package certificate

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"slices"
	"strings"
)

// A name is a distinguished name: attributes such as {"CN", "usher"}.
type name []attribute

type attribute struct{ kind, value string }

// parseName reads a name as Windows and RFC 4514 write it. It returns nil for what is no name.
func parseName(text string) name {
	var parsed name
	for _, part := range splitName(text) {
		kind, value, ok := strings.Cut(part, "=")
		kind, value = strings.ToUpper(strings.TrimSpace(kind)), unquote(strings.TrimSpace(value))
		if !ok || kind == "" || value == "" {
			return nil
		}
		if usual, ok := aliases[kind]; ok {
			kind = usual
		}
		parsed = append(parsed, attribute{strings.TrimPrefix(kind, "OID."), value})
	}
	return parsed
}

// splitName cuts at commas, semicolons and plus signs that are neither quoted nor escaped.
func splitName(text string) []string {
	var parts []string
	start, quoted, escaped := 0, false, false
	for i, r := range text {
		switch {
		case escaped:
			escaped = false
		case r == '\\':
			escaped = true
		case r == '"':
			quoted = !quoted
		case !quoted && strings.ContainsRune(",;+", r):
			parts = append(parts, text[start:i])
			start = i + 1
		}
	}
	return append(parts, text[start:])
}

// unquote undoes "quotes" and \escapes.
func unquote(value string) string {
	if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
		value = strings.ReplaceAll(value[1:len(value)-1], `""`, `"`)
	}
	var b strings.Builder
	escaped := false
	for _, r := range value {
		if r == '\\' && !escaped {
			escaped = true
			continue
		}
		escaped = false
		b.WriteRune(r)
	}
	return b.String()
}

// matches compares without regard to case and to the direction in which it is written:
// Windows and RFC 4514 begin at the common name, the certificate and X.500 end there.
func (n name) matches(c *x509.Certificate) bool {
	own := subjectOf(c)
	if slices.EqualFunc(n, own, attribute.equal) {
		return true
	}
	slices.Reverse(own)
	return slices.EqualFunc(n, own, attribute.equal)
}

func (a attribute) equal(b attribute) bool {
	return a.kind == b.kind && strings.EqualFold(a.value, b.value)
}

// kinds are the short names of attributes. Source: RFC 4514, and the names that Windows writes.
var kinds = map[string]string{
	"2.5.4.3": "CN", "2.5.4.4": "SN", "2.5.4.5": "SERIALNUMBER", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST",
	"2.5.4.9": "STREET", "2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.12": "T", "2.5.4.42": "G",
	"0.9.2342.19200300.100.1.25": "DC", "0.9.2342.19200300.100.1.1": "UID", "1.2.840.113549.1.9.1": "E",
}

// aliases are other ways to write some of them.
var aliases = map[string]string{"S": "ST", "EMAILADDRESS": "E", "EMAIL": "E"}

func subjectOf(c *x509.Certificate) name {
	var sequence pkix.RDNSequence
	if rest, err := asn1.Unmarshal(c.RawSubject, &sequence); err != nil || len(rest) > 0 {
		return nil
	}
	var subject name
	for _, set := range sequence {
		for _, one := range set {
			kind, known := kinds[one.Type.String()]
			if !known {
				kind = one.Type.String()
			}
			subject = append(subject, attribute{kind, fmt.Sprint(one.Value)})
		}
	}
	return subject
}
