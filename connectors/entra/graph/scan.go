package graph

import (
	"bytes"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	nextLink  = "@odata.nextLink"
	deltaLink = "@odata.deltaLink"
)

// A scanner reads a page while it arrives: it finds the links, which are members
// of the outermost object, and knows when the page is complete. It matches
// brackets and skips strings and checks nothing else: the reader of the objects
// checks every byte anyway, and BenchmarkScan shows what doing so twice would cost.
//
// The zero value is ready.
type scanner struct {
	next, delta string // the links found so far

	pos    int     // bytes before it are done
	depth  int     // open brackets
	quoted bool    // pos is inside of a string,
	quote  int     // which starts here
	value  bool    // on level 1: behind the colon
	link   *string // on level 1: where the member's value goes, if it is a link
	closed bool    // the outermost object is complete
}

// feed goes on with a page of which more has come: buf is all of it so far. It
// reports false if this is no page.
func (s *scanner) feed(buf []byte) bool {
	for s.pos < len(buf) {
		if s.quoted {
			if !s.skipString(buf) {
				return true // to be continued
			}
			if s.depth == 1 && !s.endString(buf[s.quote:s.pos]) {
				return false
			}
			continue
		}
		if s.depth > 1 {
			s.skipInside(buf)
			continue
		}
		c := buf[s.pos]
		switch {
		case c == ' ' || c == '\n' || c == '\r' || c == '\t':
		case s.closed || s.depth == 0 && c != '{':
			return false
		case c == '"':
			s.quoted, s.quote = true, s.pos
		case s.link != nil && s.value && c != ',' && c != '}' && !isNull(c):
			return false // a link that is neither text nor null
		case c == '{' || c == '[':
			s.depth++
		case c == '}' || c == ']':
			s.depth--
			s.closed = s.depth == 0
		case c == ':':
			s.value = true
		case c == ',':
			s.value, s.link = false, nil
		}
		s.pos++
	}
	return true
}

// skipInside moves pos to the next string, or out of the value of a member.
func (s *scanner) skipInside(buf []byte) {
	for i, c := range buf[s.pos:] {
		switch c {
		case '"':
			s.quoted, s.quote = true, s.pos+i
			s.pos += i + 1
			return
		case '{', '[':
			s.depth++
		case '}', ']':
			if s.depth--; s.depth == 1 {
				s.pos += i + 1
				return
			}
		}
	}
	s.pos = len(buf)
}

func isNull(c byte) bool { return c == 'n' || c == 'u' || c == 'l' }

// skipString moves pos behind the open string, or to the end of buf if the
// string goes on there.
func (s *scanner) skipString(buf []byte) bool {
	for {
		i := bytes.IndexByte(buf[s.pos:], '"')
		if i < 0 {
			s.pos = len(buf)
			return false
		}
		end := s.pos + i
		s.pos = end + 1
		backslashes := 0
		for buf[end-1-backslashes] == '\\' { // the opening quote ends this at the latest
			backslashes++
		}
		if backslashes%2 == 0 {
			s.quoted = false
			return true
		}
	}
}

// endString takes a whole string of level 1, with its quotes.
func (s *scanner) endString(quoted []byte) bool {
	if !s.value {
		if len(quoted) < len(nextLink) { // the most frequent name is "value"
			return true
		}
		name, err := jsontext.AppendUnquote(nil, quoted)
		switch {
		case err != nil:
			return false
		case string(name) == nextLink:
			s.link = &s.next
		case string(name) == deltaLink:
			s.link = &s.delta
		}
		return true
	}
	if s.link == nil {
		return true
	}
	text, err := jsontext.AppendUnquote(nil, quoted)
	if err != nil {
		return false
	}
	*s.link = string(text)
	// One of both says where the round goes on, both say nothing.
	return s.next == "" || s.delta == ""
}

// end reports a page that ended before its object did.
func (s *scanner) end() error {
	if !s.closed {
		return io.ErrUnexpectedEOF
	}
	return nil
}
