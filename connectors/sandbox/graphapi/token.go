package graphapi

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/url"
	"strings"
	"time"

	"github.com/usher-iga/usher/connectors/sandbox/feed"
	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// tokenUse is what a token is for.
type tokenUse uint8

const (
	deltaPage  tokenUse = iota + 1 // the next page of a whole enumeration
	changePage                     // the next page of changes
	deltaRound                     // the next round of a delta query
	listPage                       // the next page of a list
)

// token is what a nextLink or a deltaLink says. All of the first request's
// parameters are in it, as in the real service.
type token struct {
	use     tokenUse
	kind    tenant.Kind
	issued  time.Time // seconds
	version uint64    // of the tenant that this round tells
	settled uint64    // the version after which the next round goes on
	since   uint64    // of a page of changes: feed.Round's
	known   uint64
	doubled uint32
	minimal uint32
	cursor  feed.Cursor
	fields  selection
	offset  uint32 // of a list, which has no cursor
	top     uint32
	path    string // of a list's request
	filter  string
	search  string
	selects string // of a list of members, whose kinds differ
}

// tokens seals and opens tokens. Its key comes from the tenant, so that a
// token is good for the same tenant after a restart and for no other one.
type tokens struct{ key []byte }

const macSize = 16

// seal writes a token in the form in which it stands in a link: standard
// base64 with its characters +, / and = as %2B, %2F and %3D. Each token has
// all three of them, so that a client that takes links apart notices.
func (t tokens) seal(tok token) string {
	for salt := byte(0); ; salt++ {
		plain := tok.append([]byte{salt})
		for (len(plain)+macSize)%3 == 0 {
			plain = append(plain, 0)
		}
		text := base64.StdEncoding.EncodeToString(append(plain, t.mac(plain)...))
		if salt == 255 || strings.Contains(text, "+") && strings.Contains(text, "/") {
			return url.QueryEscape(text)
		}
	}
}

// open reads the value of a link's parameter, still escaped. It undoes the
// escapes as for a form, as the real service does: a bare + is a blank, and
// with it the token is none.
func (t tokens) open(escaped string) (token, bool) {
	text, err := url.QueryUnescape(escaped)
	if err != nil {
		return token{}, false
	}
	sealed, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(sealed) < macSize {
		return token{}, false
	}
	plain, mac := sealed[:len(sealed)-macSize], sealed[len(sealed)-macSize:]
	if !hmac.Equal(mac, t.mac(plain)) {
		return token{}, false
	}
	return parseToken(plain[1:]), true
}

func (t tokens) mac(plain []byte) []byte {
	h := hmac.New(sha256.New, t.key)
	h.Write(plain)
	return h.Sum(nil)[:macSize]
}

func (tok *token) append(b []byte) []byte {
	b = append(b, byte(tok.use), byte(tok.kind))
	b = binary.BigEndian.AppendUint64(b, uint64(tok.issued.Unix()))
	for _, n := range tok.versions() {
		b = binary.BigEndian.AppendUint64(b, *n)
	}
	for _, n := range tok.numbers() {
		b = binary.BigEndian.AppendUint32(b, *n)
	}
	for _, word := range tok.fields.properties {
		b = binary.BigEndian.AppendUint64(b, word)
	}
	var explicit byte
	if tok.fields.explicit {
		explicit = 1
	}
	b = append(b, tok.fields.relations, explicit)
	b = appendString(b, tok.path)
	b = appendString(b, tok.filter)
	b = appendString(b, tok.search)
	return appendString(b, tok.selects)
}

// parseToken reads what append wrote; the signature says that it did.
func parseToken(b []byte) token {
	tok := token{use: tokenUse(b[0]), kind: tenant.Kind(b[1])}
	tok.issued = time.Unix(int64(binary.BigEndian.Uint64(b[2:])), 0)
	b = b[10:]
	for _, n := range tok.versions() {
		*n = binary.BigEndian.Uint64(b)
		b = b[8:]
	}
	for _, n := range tok.numbers() {
		*n = binary.BigEndian.Uint32(b)
		b = b[4:]
	}
	for i := range tok.fields.properties {
		tok.fields.properties[i] = binary.BigEndian.Uint64(b)
		b = b[8:]
	}
	tok.fields.relations, tok.fields.explicit = b[0], b[1] == 1
	tok.path, b = cutString(b[2:])
	tok.filter, b = cutString(b)
	tok.search, b = cutString(b)
	tok.selects, _ = cutString(b)
	return tok
}

func (tok *token) versions() [4]*uint64 {
	return [...]*uint64{&tok.version, &tok.settled, &tok.since, &tok.known}
}

func (tok *token) numbers() [11]*uint32 {
	c := &tok.cursor
	return [...]*uint32{&c.Page, &c.Ordinal, &c.Step, &c.Offset, &c.Large, &c.LargeStep, &c.LargeOffset,
		&tok.offset, &tok.top, &tok.doubled, &tok.minimal}
}

func appendString(b []byte, s string) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(s)))
	return append(b, s...)
}

func cutString(b []byte) (string, []byte) {
	n := 2 + int(binary.BigEndian.Uint16(b))
	return string(b[2:n]), b[n:]
}
