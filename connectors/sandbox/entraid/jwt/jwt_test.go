package jwt

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestSignAndVerify(t *testing.T) {
	key, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	other, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	text, err := key.Sign(map[string]any{"x5t": "a"}, map[string]any{"sub": "b"})
	if err != nil {
		t.Fatal(err)
	}
	token, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	var header struct{ Alg, Kid, X5t string }
	var claims struct{ Sub string }
	if err := errors.Join(token.Header(&header), token.Claims(&claims)); err != nil {
		t.Fatal(err)
	}
	if header.Alg != "RS256" || header.Kid != key.ID() || header.X5t != "a" || claims.Sub != "b" {
		t.Errorf("read %+v, %+v", header, claims)
	}
	if err := token.Verify(key.Public()); err != nil {
		t.Error(err)
	}
	if token.Verify(other.Public()) == nil {
		t.Error("another key is good too")
	}
	unsigned, err := Parse("eyJhbGciOiJub25lIn0.e30.")
	if err != nil {
		t.Fatal(err)
	}
	if err := unsigned.Verify(key.Public()); err == nil || !strings.Contains(err.Error(), `"none"`) {
		t.Errorf("a token without a signature: %v", err)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{"", "a.b", "a.b.c.d"} {
		if _, err := Parse(text); !errors.Is(err, ErrNoDots) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := Parse("e30.e30.="); err == nil || errors.Is(err, ErrNoDots) {
		t.Errorf("no base64: %v", err)
	}
}

func TestAudience(t *testing.T) {
	for text, want := range map[string]Audience{`"a"`: {"a"}, `["a","b"]`: {"a", "b"}} {
		var got Audience
		if err := json.Unmarshal([]byte(text), &got); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	var none Audience
	if json.Unmarshal([]byte(`1`), &none) == nil {
		t.Error("a number is an audience")
	}
}
