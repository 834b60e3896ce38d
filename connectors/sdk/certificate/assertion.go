package certificate

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"
)

// assertionLife is how long an assertion may be used; each sign-in makes a new one.
const assertionLife = 10 * time.Minute

// ClientAssertion signs the text by which an application proves to Microsoft Entra that it
// holds the key; tokenEndpoint is where it will be sent. Only the key signs, so a key
// that cannot leave its store will do. Source:
// https://learn.microsoft.com/entra/identity-platform/certificate-credentials.
func (i Identity) ClientAssertion(tokenEndpoint, clientID string, now time.Time) (string, error) {
	own := sha256.Sum256(i.Certificate().Raw)
	head, err := segment(map[string]string{"alg": "PS256", "typ": "JWT", "x5t#S256": encode(own[:])})
	if err != nil {
		return "", err
	}
	body, err := segment(map[string]any{
		"aud": tokenEndpoint, "iss": clientID, "sub": clientID, "jti": rand.Text(),
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(assertionLife).Unix(),
	})
	if err != nil {
		return "", err
	}
	text := head + "." + body
	digest := sha256.Sum256([]byte(text))
	signature, err := i.Key.Sign(rand.Reader, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256})
	if err != nil {
		return "", fmt.Errorf("sign with the key of the certificate %s: %w", i.Certificate().Subject, err)
	}
	return text + "." + encode(signature), nil
}

func segment(claims any) (string, error) {
	text, err := json.Marshal(claims)
	return encode(text), err
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
