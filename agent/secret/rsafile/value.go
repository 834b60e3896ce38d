// Package rsafile encrypts single values of a settings file for the certificate of the agent, and
// decrypts them. An encrypted value is a compact JWE: RSA-OAEP-256 with A256GCM, and the
// certificate's name in the header, so that the wrong certificate can be told from damage.
//
// Errors are [fault.Invalid] without a setting, which the caller knows. They never hold
// anything of a value.
package rsafile

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" // the thumbprint of Windows and Entra is SHA-1 by definition
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/go-jose/go-jose/v4"

	"github.com/usher-iga/usher/agent/secret"
	"github.com/usher-iga/usher/connectors/sdk/certificate"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

const (
	// MinBits is how long an RSA key must be at least.
	MinBits = 2048
	// MaxText is how long a text may be, in bytes; a chain of certificates fits.
	MaxText = 64 << 10
	// maxValue leaves room for base64, the key and the header.
	maxValue = MaxText/3*4 + 16<<10
	// maxName of a certificate goes into the header.
	maxName = 200
)

// header is that of an encrypted value. Source: RFC 7516 section 4.
type header struct {
	Algorithm   string `json:"alg"`
	Encryption  string `json:"enc"`
	Compression string `json:"zip"`
	// Certificate is the SHA-256 of the certificate, in base64url.
	Certificate string `json:"x5t#S256"`
	// Name is the certificate's subject, for people.
	Name string `json:"kid"`
}

// Seal encrypts text for the certificate c. The same text gives another value each time.
func Seal(text string, c *x509.Certificate) (string, error) {
	public, err := publicKey(c)
	if err != nil {
		return "", err
	}
	switch {
	case len(text) > MaxText:
		return "", fault.Errorf(fault.Invalid, "the value has %d bytes; %d can be encrypted", len(text), MaxText)
	case !utf8.ValidString(text):
		return "", fault.Errorf(fault.Invalid, "the value is not UTF-8 text").WithHint("Save the file as UTF-8")
	}
	options := (&jose.EncrypterOptions{}).WithHeader("x5t#S256", thumbprint(c))
	encrypter, err := jose.NewEncrypter(jose.A256GCM, jose.Recipient{Algorithm: jose.RSA_OAEP_256, Key: public, KeyID: nameOf(c)}, options)
	if err != nil {
		return "", fault.Errorf(fault.Internal, "the value cannot be encrypted: %w", err)
	}
	sealed, err := encrypter.Encrypt([]byte(text))
	if err != nil {
		return "", fault.Errorf(fault.Internal, "the value cannot be encrypted: %w", err)
	}
	value, err := sealed.CompactSerialize()
	if err != nil {
		return "", fault.Errorf(fault.Internal, "the value cannot be encrypted: %w", err)
	}
	return value, nil
}

// IsSealed reports whether value looks like one that [Seal] made; it may be damaged.
func IsSealed(value string) bool {
	_, ok := headerOf(value)
	return ok
}

// Open decrypts a value that [Seal] made, or another program by the same standard. A
// certificate that was renewed with its old key opens values of the old one.
func Open(value string, i certificate.Identity) (secret.String, error) {
	value = strings.TrimSpace(value)
	head, err := check(value)
	if err != nil {
		return secret.String{}, err
	}
	if _, err := publicKey(i.Certificate()); err != nil {
		return secret.String{}, err
	}
	private, ok := i.Key.(crypto.Decrypter)
	if !ok {
		return secret.String{}, fault.Errorf(fault.Invalid, "the key of the certificate %s does not decrypt", nameOf(i.Certificate())).
			WithHint("Use a certificate whose key may be used for encryption")
	}
	sealed, err := jose.ParseEncryptedCompact(value, []jose.KeyAlgorithm{jose.RSA_OAEP_256}, []jose.ContentEncryption{jose.A256GCM})
	if err != nil {
		return secret.String{}, damaged() // the cause may quote from the value
	}
	key := &unwrapper{key: private}
	text, err := sealed.Decrypt(key)
	switch {
	case err == nil && len(text) <= MaxText && utf8.Valid(text):
		return secret.New(string(text)), nil
	case key.err != nil && !errors.Is(key.err, rsa.ErrDecryption):
		return secret.String{}, fault.Errorf(fault.Invalid, "the key of the certificate %s cannot be used: %w", nameOf(i.Certificate()), key.err).
			WithHint("Give the account that runs Usher the right to use the key")
	case err != nil && head.Certificate != "" && head.Certificate != thumbprint(i.Certificate()):
		return secret.String{}, fault.Errorf(fault.Invalid, "the value was encrypted for the certificate %q, SHA-256 %s, not for %q, SHA-256 %s, thumbprint (SHA-1) %X",
			shortened(head.Name), hexOf(head.Certificate), nameOf(i.Certificate()), hexOf(thumbprint(i.Certificate())), sha1.Sum(i.Certificate().Raw)).
			WithHint("Set up the certificate that it was encrypted for, or encrypt the value anew for this one")
	default:
		return secret.String{}, damaged()
	}
}

// check refuses what cannot be decrypted, with the reason.
func check(value string) (header, error) {
	if strings.HasPrefix(value, referencePrefix) {
		return header{}, referenceContainer()
	}
	if len(value) > maxValue {
		return header{}, fault.Errorf(fault.Invalid, "the encrypted value has %d bytes; %d is the limit", len(value), maxValue)
	}
	head, ok := headerOf(value)
	switch {
	case !ok && strings.Count(value, ".") == 4:
		return header{}, damaged()
	case !ok:
		return header{}, fault.Errorf(fault.Invalid, "the value is not encrypted").
			WithHint("Encrypt it with: usher secrets encrypt-value; or the whole file with: usher secrets encrypt FILE")
	case head.Algorithm != string(jose.RSA_OAEP_256) || head.Encryption != string(jose.A256GCM) || head.Compression != "":
		return header{}, fault.Errorf(fault.Invalid, "the value was encrypted in another way than by RSA-OAEP-256 and A256GCM without compression").
			WithHint("Encrypt it with: usher secrets encrypt-value")
	}
	return head, nil
}

func headerOf(value string) (header, bool) {
	first, _, _ := strings.Cut(value, ".")
	if strings.Count(value, ".") != 4 || len(first) > maxValue {
		return header{}, false
	}
	text, err := base64.RawURLEncoding.DecodeString(first)
	if err != nil {
		return header{}, false
	}
	var h header
	err = json.Unmarshal(text, &h)
	return h, err == nil && h.Algorithm != "" && h.Encryption != ""
}

func damaged() error {
	return fault.Errorf(fault.Invalid, "the encrypted value is damaged").
		WithHint("Copy it again whole, in one line, or encrypt it anew with: usher secrets encrypt-value")
}

// publicKey returns the key of a certificate if it is good for encryption.
func publicKey(c *x509.Certificate) (*rsa.PublicKey, error) {
	public, ok := c.PublicKey.(*rsa.PublicKey)
	if !ok {
		return nil, fault.Errorf(fault.Invalid, "the key of the certificate %s is not RSA", nameOf(c)).
			WithHint("Make a certificate with: usher secrets new-certificate")
	}
	if bits := public.N.BitLen(); bits < MinBits {
		return nil, fault.Errorf(fault.Invalid, "the key of the certificate %s has %d bits; %d is the least", nameOf(c), bits, MinBits).
			WithHint("Make a certificate with: usher secrets new-certificate")
	}
	return public, nil
}

// unwrapper lets a key decrypt that need not be in memory, and keeps its error, which
// the library hides.
type unwrapper struct {
	key crypto.Decrypter
	err error
}

// DecryptKey is part of [jose.OpaqueKeyDecrypter].
func (u *unwrapper) DecryptKey(wrapped []byte, _ jose.Header) ([]byte, error) {
	key, err := u.key.Decrypt(rand.Reader, wrapped, &rsa.OAEPOptions{Hash: crypto.SHA256})
	u.err = err
	return key, err
}

func thumbprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// hexOf writes a thumbprint as tools for certificates show it.
func hexOf(thumbprint string) string {
	sum, err := base64.RawURLEncoding.DecodeString(thumbprint)
	if err != nil || len(sum) != sha256.Size {
		return "unknown"
	}
	return strings.ToUpper(hex.EncodeToString(sum))
}

func nameOf(c *x509.Certificate) string { return shortened(c.Subject.String()) }

func shortened(name string) string {
	if len(name) > maxName {
		return strings.ToValidUTF8(name[:maxName], "") + "..."
	}
	return name
}
