package decode

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-iga/usher/agent/durable"
	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/agent/settings/tree"
)

// reader reads an input token by token. Its methods return an error only where nothing more can
// be read; a value that is not as it should be is noted and passed over.
type reader struct {
	name   string
	text   *text
	tokens *jsontext.Decoder
	// inOrder is whether an order is being read, which begins at began and whose length has a bound.
	inOrder bool
	began   place

	refusal  order.Refusal
	problems []order.Problem // of the order that is being read
}

// errStopped ends the reading of an input of which no more can be read; why is in the refusal.
var errStopped = errors.New("no more can be read")

func newReader(name string, in io.Reader) (*reader, error) {
	r := &reader{name: name, refusal: order.Refusal{Source: name}}
	var err error
	r.text, err = newText(in)
	switch {
	case errors.Is(err, errEncoding):
		return r, r.stop(place{1, 1}, "Save it as UTF-8", "the file is saved as UTF-16 or UTF-32")
	case err != nil:
		return r, unreadable(name, err)
	}
	r.tokens = jsontext.NewDecoder(r.text)
	return r, nil
}

// where writes a place down.
func (r *reader) where(p place) string { return fmt.Sprintf("%s:%d:%d", r.name, p.line, p.column) }

// problem notes what is wrong. The hint may be empty.
func (r *reader) problem(p place, subject, hint, format string, args ...any) {
	found := order.Problem{Place: r.where(p), Subject: subject, Message: fmt.Sprintf(format, args...), Hint: hint}
	if r.inOrder {
		r.problems = append(r.problems, found)
		return
	}
	r.refusal.Add(found)
}

// stop notes why no more can be read. The error says so.
func (r *reader) stop(p place, hint, format string, args ...any) error {
	r.refusal.Add(order.Problem{Place: r.where(p), Message: fmt.Sprintf(format, args...), Hint: hint})
	r.refusal.Partial = true
	return errStopped
}

// unknown notes a name that is not known, and passes its value over.
func (r *reader) unknown(p place, name string, known []string) error {
	r.problem(p, "", "Those that there are: "+strings.Join(known, ", "), "the property %s is not known%s", quoted(name), tree.DidYouMean(name, known))
	return r.skip()
}

// quoted is a name in a message.
func quoted(name string) string {
	const longest = 60
	if len(name) > longest {
		name = strings.ToValidUTF8(name[:longest], "") + "..."
	}
	return strconv.Quote(name)
}

// next tells of the next value where it begins and what it is; the kind is 0 if it cannot
// be read.
func (r *reader) next() (place, jsontext.Kind) {
	kind := r.tokens.PeekKind()
	return r.text.next(), kind
}

// token reads one token. It is good until the next call.
func (r *reader) token() (jsontext.Token, error) {
	token, err := r.tokens.ReadToken()
	return token, r.moved(err)
}

// value reads a whole value.
func (r *reader) value() (jsontext.Value, error) {
	value, err := r.tokens.ReadValue()
	return value.Clone(), r.moved(err)
}

// skip passes a value over, however long it is.
func (r *reader) skip() error {
	for depth := r.tokens.StackDepth(); ; {
		if _, err := r.token(); err != nil || r.tokens.StackDepth() <= depth {
			return err
		}
	}
}

// moved follows the decoder after it has read something.
func (r *reader) moved(err error) error {
	if err != nil {
		return r.broken(err)
	}
	r.text.advance(r.tokens.InputOffset())
	if !r.inOrder {
		r.text.begin = r.text.offset
	}
	return nil
}

// object reads an object; what names it in a message. member reads the value of each name.
func (r *reader) object(what string, member func(name string, p place) error) error {
	if p, kind := r.next(); kind != '{' {
		return r.not(p, what, "an object in braces")
	}
	if _, err := r.token(); err != nil {
		return err
	}
	for {
		p, kind := r.next()
		token, err := r.token()
		if err != nil || kind == '}' {
			return err
		}
		if err := member(token.String(), p); err != nil {
			return err
		}
	}
}

// array reads an array; what names it in a message. item reads each value.
func (r *reader) array(what string, item func(p place) error) error {
	if p, kind := r.next(); kind != '[' {
		return r.not(p, what, "a list in brackets")
	}
	if _, err := r.token(); err != nil {
		return err
	}
	for {
		p, kind := r.next()
		if kind == ']' {
			_, err := r.token()
			return err
		}
		if err := item(p); err != nil {
			return err
		}
	}
}

// string reads a text into to; what names it in a message.
func (r *reader) string(what string, to *string) error {
	p, kind := r.next()
	if kind != '"' {
		return r.not(p, what, "a text in quotes")
	}
	token, err := r.token()
	if err == nil {
		*to = token.String()
	}
	return err
}

// not notes that a value is not what it must be, and passes it over.
func (r *reader) not(p place, what, must string) error {
	if err := r.skip(); err != nil {
		return err
	}
	r.problem(p, "", "", "%s must be %s", what, must)
	return nil
}

// broken explains why nothing more can be read. It quotes at most one character and a name of
// the input, which may hold secrets.
func (r *reader) broken(err error) error {
	syntax, ok := errors.AsType[*jsontext.SyntacticError](err)
	switch {
	case errors.Is(err, errTooLong) && r.inOrder:
		return r.stop(r.began, "Spread its links over several orders", "an order is longer than %d MiB", maxOrder>>20)
	case errors.Is(err, errTooLong):
		return r.stop(r.text.next(), "See that this is a file of orders", "a value is longer than %d MiB", maxOrder>>20)
	case !ok && err != io.EOF && !errors.Is(err, io.ErrUnexpectedEOF):
		return unreadable(r.name, err)
	}
	at := len(r.text.ahead)
	if ok {
		at = min(max(int(syntax.ByteOffset-r.text.offset), 0), at)
		err = syntax.Err
	}
	reason, hint := explain(r.text.ahead[at:], err)
	return r.stop(r.text.at(at), hint, "%s", reason)
}

// unreadable is an error of the input itself; that of a context stays what it is.
func unreadable(name string, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return durable.Fault(err, "read", name)
}

// explain says in plain words what is wrong where rest begins.
func explain(rest []byte, err error) (reason, hint string) {
	first, size := utf8.DecodeRune(rest)
	expects := func(what string) bool { return strings.Contains(err.Error(), "expecting "+what) }
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		return "a name stands twice in one object", "Remove one of the two"
	case len(rest) == 0 || errors.Is(err, io.ErrUnexpectedEOF):
		return "the file ends too early", "Close each quote, bracket and brace; see that the file was written to its end"
	case first == utf8.RuneError && size == 1:
		return "the file is not UTF-8 from here on", "Save it as UTF-8"
	case first == '\\':
		return "a backslash must be doubled", `Write \\ for each \ of a text`
	case first == '\n' || first == '\r':
		return "a text must end on its line", `Close the quote; write \n for a line break inside a text`
	case first < ' ':
		return "a control character stands in a text", `Write it as \t or \u00XX`
	case first == '/':
		return "a comment cannot stand in a file of orders", "Remove it"
	case expects("','"):
		return "a comma is missing before this place", `Put a comma between values; write \" for a quote inside a text`
	case expects("':'"):
		return "a colon is missing after the name", `Write "name": value`
	case first == ',':
		return "a comma is too many", "Put one comma between values, and none after the last"
	case errors.Is(err, jsontext.ErrNonStringName):
		return "a name must stand in double quotes", `Write "name": value`
	default:
		return "the character " + strconv.QuoteRune(first) + " does not belong here",
			"Put names and texts in double quotes; numbers, true, false and null stand without"
	}
}
