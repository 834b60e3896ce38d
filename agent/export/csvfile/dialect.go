package csvfile

import (
	"bytes"
	"unicode"
	"unicode/utf8"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Dialect is how fields are written. Make it by NewDialect.
type Dialect struct {
	delimiter string
	special   [256]bool // bytes that may make quotes necessary
}

// NewDialect returns the dialect with a delimiter; fault.Invalid if fields cannot
// be separated by it.
func NewDialect(delimiter rune) (*Dialect, error) {
	switch {
	case delimiter == 0, delimiter == '"', delimiter == '\r', delimiter == '\n',
		delimiter == utf8.RuneError, !utf8.ValidRune(delimiter):
		return nil, fault.Errorf(fault.Invalid, "%q cannot separate the fields of a CSV file", delimiter).
			WithHint("Choose one character that is neither a quote nor a line end, such as a comma, a semicolon or a tab").
			WithSetting("Csv:Delimiter")
	}
	d := &Dialect{delimiter: string(delimiter)}
	for _, b := range []byte{'"', '\r', '\n', d.delimiter[0]} {
		d.special[b] = true
	}
	return d, nil
}

// appendField appends a field, in quotes where needed.
func (d *Dialect) appendField(b, text []byte) []byte {
	if !d.needsQuotes(text) {
		return append(b, text...)
	}
	b = append(b, '"')
	for {
		quote := bytes.IndexByte(text, '"')
		if quote < 0 {
			break
		}
		b = append(append(b, text[:quote+1]...), '"')
		text = text[quote+1:]
	}
	return append(append(b, text...), '"')
}

// needsQuotes is true for what RFC 4180 asks, and for a space at either end, which
// many readers cut off otherwise.
func (d *Dialect) needsQuotes(text []byte) bool {
	if len(text) == 0 {
		return false
	}
	for _, b := range text {
		if d.special[b] {
			// The first byte of a longer delimiter begins other characters too.
			return b < utf8.RuneSelf || bytes.Contains(text, []byte(d.delimiter)) || bytes.ContainsAny(text, "\"\r\n")
		}
	}
	return spaceAt(utf8.DecodeRune(text)) || spaceAt(utf8.DecodeLastRune(text))
}

func spaceAt(r rune, _ int) bool { return unicode.IsSpace(r) }
