package password

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"sync"

	"github.com/usher-iga/usher/agent/fulfill/decode"
	"github.com/usher-iga/usher/agent/secret/rsafile"
	"github.com/usher-iga/usher/connectors/sdk/certificate"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// content is what is encrypted for one order.
type content struct {
	Order   string            `json:"order"` // whose it is
	Setting string            `json:"setting,omitempty"`
	Values  map[string]string `json:"values,omitempty"` // by path; none before the password is made
	Wish    decode.Wish       `json:"wish,omitzero"`
	Send    bool              `json:"send,omitempty"` // somebody gets the password
}

// envelope encrypts for the agent's certificate and decrypts. A thousand orders with passwords
// would take a thousand operations with the private key, each a few milliseconds; so one key
// for AES-256-GCM is encrypted for the certificate and serves as long as the envelope lives. The
// encrypted key stands before each text: "<compact JWE>\n<base64 of nonce and ciphertext>".
// It may be used by several goroutines.
type envelope struct {
	identity certificate.Identity

	mu      sync.Mutex
	wrapped string                 // the key that is used to encrypt, encrypted itself; made at first use
	opened  map[string]cipher.AEAD // by encrypted key
}

func newEnvelope(i certificate.Identity) *envelope {
	return &envelope{identity: i, opened: map[string]cipher.AEAD{}}
}

// maxOpened bounds the keys in memory: each process before this one that left passwords
// undelivered has one.
const maxOpened = 100

// seal encrypts. Errors are those of rsafile.Seal, and fault.Internal.
func (e *envelope) seal(c content) ([]byte, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return nil, fault.Errorf(fault.Internal, "order %s: its password cannot be encrypted: %w", c.Order, err)
	}
	wrapped, key, err := e.key()
	if err != nil {
		return nil, err
	}
	sealed := key.Seal(nil, nil, text, []byte(wrapped))
	return []byte(wrapped + "\n" + base64.StdEncoding.EncodeToString(sealed)), nil
}

// key returns the key to encrypt with.
func (e *envelope) key() (wrapped string, key cipher.AEAD, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.wrapped != "" {
		return e.wrapped, e.opened[e.wrapped], nil
	}
	raw := make([]byte, 32)
	_, _ = rand.Read(raw) // never fails, by its contract
	if key, err = aead(raw); err != nil {
		return "", nil, err
	}
	wrapped, err = rsafile.Seal(base64.StdEncoding.EncodeToString(raw), e.identity.Certificate())
	if err != nil {
		return "", nil, err
	}
	e.wrapped = wrapped
	e.opened[wrapped] = key
	return wrapped, key, nil
}

// open decrypts. Errors are those of rsafile.Open, and fault.Invalid for what is damaged.
func (e *envelope) open(sealed []byte) (content, error) {
	var c content
	wrapped, text, ok := bytes.Cut(sealed, []byte("\n"))
	raw, err := base64.StdEncoding.AppendDecode(nil, text)
	if !ok || err != nil {
		return c, damaged()
	}
	key, err := e.unwrap(string(wrapped))
	if err != nil {
		return c, err
	}
	plain, err := key.Open(nil, nil, raw, wrapped)
	if err != nil || json.Unmarshal(plain, &c) != nil {
		return c, damaged()
	}
	return c, nil
}

// unwrap returns the key that stands encrypted before a text.
func (e *envelope) unwrap(wrapped string) (cipher.AEAD, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if key := e.opened[wrapped]; key != nil {
		return key, nil
	}
	opened, err := rsafile.Open(wrapped, e.identity)
	if err != nil {
		return nil, err
	}
	raw, err := base64.StdEncoding.DecodeString(opened.Reveal())
	if err != nil || len(raw) != 32 {
		return nil, damaged()
	}
	key, err := aead(raw)
	if err != nil {
		return nil, err
	}
	if len(e.opened) >= maxOpened {
		for old := range e.opened {
			if old != e.wrapped {
				delete(e.opened, old)
			}
		}
	}
	e.opened[wrapped] = key
	return key, nil
}

func aead(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fault.Errorf(fault.Internal, "passwords cannot be encrypted: %w", err)
	}
	a, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fault.Errorf(fault.Internal, "passwords cannot be encrypted: %w", err)
	}
	return a, nil
}

func damaged() error {
	return fault.Errorf(fault.Invalid, "an encrypted password is damaged").
		WithHint("Cancel the order and give it again under a new id")
}
