package delta

import (
	"encoding/binary"
	"math/bits"
)

// A reader reads a JSON text, which is all there, value by value. It checks what
// jsontext checks but takes half the time, as BenchmarkUsers and BenchmarkMembers
// show: it returns views, and need not be ready for a text that ends and goes on.
//
// A text that is not JSON makes it stop: failed is set, it has no more to read, and
// what it returns means nothing. What is wrong is jsontext's to tell, see
// [Parser.mistake]; FuzzReader holds both to the same opinion of every text.
type reader struct {
	text   []byte
	pos    int  // what is before it has been read
	depth  int  // open objects and lists
	fresh  bool // the innermost of them has just been opened
	failed bool

	plain bool // the last string is ASCII without escapes
}

// maxDepth is how deep objects and lists may be in each other, as in jsontext.
const maxDepth = 10000

func (r *reader) fail() {
	r.failed, r.pos = true, len(r.text)
}

// peek returns the first byte of what comes next, 0 at the end.
func (r *reader) peek() byte {
	for r.pos < len(r.text) {
		switch c := r.text[r.pos]; c {
		case ' ', '\n', '\r', '\t':
			r.pos++
		default:
			return c
		}
	}
	return 0
}

// open reads the bracket that starts an object or a list. Then, as long as more
// says so, its members follow, each with its name first, or its elements.
func (r *reader) open(bracket byte) {
	if r.depth++; r.peek() != bracket || r.depth > maxDepth {
		r.fail()
		return
	}
	r.pos++
	r.fresh = true
}

// more reports whether the open object or list goes on; if not it reads the bracket
// that ends it.
func (r *reader) more(end byte) bool {
	switch c := r.peek(); {
	case r.failed:
		return false
	case c == end:
		r.pos++
		r.depth--
		r.fresh = false
		return false
	case r.fresh:
		r.fresh = false
		return true
	case c != ',':
		r.fail()
		return false
	}
	r.pos++
	return true
}

// name reads the name of a member, in quotes.
func (r *reader) name() []byte {
	if r.peek() != '"' {
		r.fail()
		return nil
	}
	name := r.quoted()
	if r.peek() != ':' {
		r.fail()
		return nil
	}
	r.pos++
	return name
}

// value reads a value and returns it as it is written. It is never empty, but
// when the text is not JSON.
func (r *reader) value() []byte {
	c := r.peek()
	start := r.pos
	switch c {
	case '"':
		return r.quoted()
	case '{':
		for r.open('{'); r.more('}'); {
			r.name()
			r.value()
		}
	case '[':
		for r.open('['); r.more(']'); {
			r.value()
		}
	case 't':
		r.literal("true")
	case 'f':
		r.literal("false")
	case 'n':
		r.literal("null")
	default:
		r.number()
	}
	if r.failed {
		return nil
	}
	return r.text[start:r.pos]
}

func (r *reader) literal(word string) {
	if len(r.text)-r.pos < len(word) || string(r.text[r.pos:r.pos+len(word)]) != word {
		r.fail()
		return
	}
	r.pos += len(word)
}

func (r *reader) number() {
	r.has("-")
	if !r.has("0") {
		r.digits()
	}
	if r.has(".") {
		r.digits()
	}
	if r.has("eE") {
		r.has("+-")
		r.digits()
	}
}

// has reads one byte if it is one of these.
func (r *reader) has(these string) bool {
	if r.pos == len(r.text) {
		return false
	}
	for i := range len(these) {
		if r.text[r.pos] == these[i] {
			r.pos++
			return true
		}
	}
	return false
}

func (r *reader) digits() {
	start := r.pos
	for r.pos < len(r.text) && r.text[r.pos]-'0' <= 9 {
		r.pos++
	}
	if r.pos == start {
		r.fail()
	}
}

// quoted reads a string and returns it with its quotes and escapes.
func (r *reader) quoted() []byte {
	start := r.pos
	r.plain = true
	for r.pos++; ; {
		r.skipText()
		if r.pos >= len(r.text) {
			r.fail()
			return nil
		}
		switch r.text[r.pos] {
		case '"':
			r.pos++
			return r.text[start:r.pos]
		case '\\':
			r.plain = false
			r.escape()
		default: // a control character
			r.fail()
			return nil
		}
	}
}

const (
	ones  = 0x0101010101010101 // each byte 1
	highs = 0x8080808080808080 // each byte 0x80
)

// skipText goes on to the next quote, backslash or control character, eight bytes
// at a time. A byte that is 0 after the exclusive or is one that is looked for:
// subtracting 1 borrows from its high bit, as subtracting 32 does of one below 32. A
// borrow may mark bytes behind such a one too, but the first mark is right.
func (r *reader) skipText() {
	text, at := r.text, r.pos
	for len(text)-at >= 8 {
		word := binary.LittleEndian.Uint64(text[at:])
		quote, backslash := word^ones*'"', word^ones*'\\'
		marks := ((quote-ones)&^quote | (backslash-ones)&^backslash | (word-ones*' ')&^word) & highs
		if marks != 0 {
			before := bits.TrailingZeros64(marks) / 8
			if word&highs&(1<<(8*before)-1) != 0 {
				r.plain = false
			}
			r.pos = at + before
			return
		}
		if word&highs != 0 {
			r.plain = false
		}
		at += 8
	}
	for at < len(text) && text[at] != '"' && text[at] != '\\' && text[at] >= ' ' {
		if text[at] >= 0x80 {
			r.plain = false
		}
		at++
	}
	r.pos = at
}

// escape reads a backslash and what belongs to it.
func (r *reader) escape() {
	r.pos++
	if r.has(`"\/bfnrt`) {
		return
	}
	if !r.has("u") {
		r.fail()
		return
	}
	for range 4 {
		if !r.has("0123456789abcdefABCDEF") {
			r.fail()
			return
		}
	}
}
