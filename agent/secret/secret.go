// Package secret holds the type of every value that nobody may read by accident: it prints,
// formats, logs and marshals as [Hidden].
package secret

import (
	"fmt"
	"io"
	"log/slog"
)

// Hidden stands wherever a secret would otherwise be printed.
const Hidden = "[hidden]"

// String is a secret text. The zero value is the empty secret. A String is immutable and may be
// copied and used by several goroutines. Compare what [String.Reveal] gives, not two Strings.
type String struct {
	// Printers that walk a value by reflection find a function here, which they cannot look into;
	// fmt too, which cannot call methods on a String in an unexported field of another struct.
	// It is a pointer so that a String can be compared and be a key.
	reveal *func() string
}

// New makes a secret of text.
func New(text string) String {
	if text == "" {
		return String{}
	}
	reveal := func() string { return text }
	return String{reveal: &reveal}
}

// Reveal returns the text. Call it only where the secret is used, and never keep the result.
func (s String) Reveal() string {
	if s.reveal == nil {
		return ""
	}
	return (*s.reveal)()
}

// IsEmpty reports whether there is no text.
func (s String) IsEmpty() bool { return s.reveal == nil }

// String returns [Hidden], also for the empty secret.
func (String) String() string { return Hidden }

// Format writes [Hidden] for every verb and flag.
func (String) Format(f fmt.State, _ rune) {
	// fmt.State keeps its write errors to itself.
	_, _ = io.WriteString(f, Hidden)
}

// LogValue makes slog print [Hidden].
func (String) LogValue() slog.Value { return slog.StringValue(Hidden) }

// MarshalText gives [Hidden]; encoding/json, encoding/xml and others use it. There is no way back.
func (String) MarshalText() ([]byte, error) { return []byte(Hidden), nil }

// MarshalJSON gives [Hidden] as a JSON string.
func (String) MarshalJSON() ([]byte, error) { return []byte(`"` + Hidden + `"`), nil }
