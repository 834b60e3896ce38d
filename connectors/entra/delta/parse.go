package delta

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-iga/usher/connectors/entra/directory"
	"github.com/usher-iga/usher/connectors/sdk/record"
)

// Rows takes what a page holds. Rows are reused after the call. An [sdk.Writer]
// is one.
type Rows interface {
	Object(*record.Object) error
	Links(*record.Links) error
}

// A Parser turns the pages of one collection into rows, value by value: no
// structure is built per object. It is not safe for concurrent use.
type Parser struct {
	entity string
	wanted map[string]*node
	rows   Rows
	failed error // what rows returned

	page    reader
	options []jsontext.Options

	object  record.Object
	id, typ []byte // of the object
	links   linkRows
	target  []byte // the id of a link
	scratch []byte // a text without its escapes
}

// options are how JSON is read and written where jsontext does it.
func options() []jsontext.Options {
	return []jsontext.Options{
		// That no name comes twice in an object is Graph's to keep, and costs much to check.
		jsontext.AllowDuplicateNames(true),
		// The directory holds what programs have put there: half a surrogate pair in one name
		// must not keep a tenant from being exported. It becomes U+FFFD.
		jsontext.AllowInvalidUTF8(true),
	}
}

// NewParser makes a parser of the collection's pages.
func NewParser(c directory.Collection) *Parser {
	return &Parser{entity: c.Entity.Name, wanted: wanted(c), options: options()}
}

// Page reads one answer and gives its rows to rows: of each object the object
// first, then its links. An object that tells no id has an empty one; what to do
// about it is the caller's.
//
// Errors: those of rows as they are; otherwise that the answer is not a page, and
// at which byte that shows. Rows before that byte have been given.
func (p *Parser) Page(body []byte, rows Rows) error {
	p.page = reader{text: body}
	p.rows, p.failed = rows, nil
	err := p.readPage(&p.page)
	switch {
	case p.failed != nil:
		return p.failed
	case p.page.failed:
		return p.mistake(body)
	case err != nil:
		return fmt.Errorf("at byte %d: %w", p.page.pos, err)
	}
	return nil
}

// mistake says what is wrong with a text that is not JSON.
func (p *Parser) mistake(text []byte) error {
	d := jsontext.NewDecoder(bytes.NewBuffer(text), p.options...)
	_, err := d.ReadValue()
	if err == nil {
		_, err = d.ReadToken()
	}
	if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return fmt.Errorf("invalid JSON at byte %d: %w", syntax.ByteOffset, syntax.Err)
	}
	return fmt.Errorf("at byte %d: %w", d.InputOffset(), io.ErrUnexpectedEOF)
}

func (p *Parser) readPage(r *reader) error {
	if err := open(r, '{', "the page"); err != nil {
		return err
	}
	found := false
	for r.more('}') {
		if string(p.unquote(r, r.name())) != "value" {
			r.value()
			continue
		}
		found = true
		if err := p.readObjects(r); err != nil {
			return err
		}
	}
	if !found {
		return errors.New("the page has no value")
	}
	if r.peek() != 0 || r.pos < len(r.text) {
		readToken(r)
		return errors.New("something follows the page")
	}
	return nil
}

func (p *Parser) readObjects(r *reader) error {
	if err := open(r, '[', "value"); err != nil {
		return err
	}
	for r.more(']') {
		if err := p.readObject(r); err != nil {
			return err
		}
		if r.failed {
			return nil
		}
		if p.failed = p.give(); p.failed != nil {
			return p.failed
		}
	}
	return nil
}

// give passes the object on that has been read.
func (p *Parser) give() error {
	if p.object.State() != record.Present {
		state := p.object.State()
		p.object.Reset() // a removed object has no values
		p.object.SetState(state)
	}
	p.object.SetID(p.id)
	if typ := bytes.TrimPrefix(p.typ, []byte("#microsoft.graph.")); len(typ) > 0 && string(typ) != p.entity {
		p.object.SetType(typ)
	}
	if err := p.rows.Object(&p.object); err != nil {
		return err
	}
	return p.links.give(p.id, p.rows)
}

func (p *Parser) readObject(r *reader) error {
	if err := open(r, '{', "an element of value"); err != nil {
		return err
	}
	p.object.Reset()
	p.links.reset()
	p.id, p.typ = p.id[:0], p.typ[:0]
	for r.more('}') {
		if err := p.readMember(r, p.wanted[string(p.unquote(r, r.name()))]); err != nil {
			return err
		}
	}
	return nil
}

// readMember reads the value of a member of an object; n is nil if it is not wanted.
func (p *Parser) readMember(r *reader, n *node) error {
	if n == nil {
		r.value()
		return nil
	}
	switch n.kind {
	case isID:
		p.id = append(p.id[:0], p.text(r)...)
		for _, column := range n.columns {
			p.object.Text(column, p.id)
		}
	case isType:
		p.typ = append(p.typ[:0], p.text(r)...)
	case isRemoved:
		p.object.SetState(p.readRemoved(r))
	case isLinks:
		return p.readLinks(r, n.navigation)
	default:
		p.readValue(r, n)
	}
	return nil
}

// readRemoved reads the value of @removed: {"reason": "changed"} of what can be
// restored, "deleted" of the rest.
// Source: https://learn.microsoft.com/graph/delta-query-overview#resource-representation-in-the-delta-query-response.
func (p *Parser) readRemoved(r *reader) record.State {
	switch r.peek() {
	case '{':
	case 'n':
		r.value()
		return record.Present
	default:
		r.value()
		return record.Gone
	}
	state := record.Gone
	for r.open('{'); r.more('}'); {
		isReason := string(p.unquote(r, r.name())) == "reason"
		if text := p.text(r); isReason && string(text) == "changed" {
			state = record.Suspended
		}
	}
	return state
}

// text reads a value. Of a string it returns what that stands for, valid until the
// next call of text or unquote, of another value nothing.
func (p *Parser) text(r *reader) []byte {
	if r.peek() != '"' {
		r.value()
		return nil
	}
	return p.unquote(r, r.quoted())
}

// unquote returns what the last string of r stands for.
func (p *Parser) unquote(r *reader, quoted []byte) []byte {
	if r.failed {
		return nil
	}
	if r.plain || bytes.IndexByte(quoted, '\\') < 0 && utf8.Valid(quoted) {
		return quoted[1 : len(quoted)-1]
	}
	p.scratch = appendUnquoted(p.scratch[:0], quoted)
	return p.scratch
}

// appendUnquoted appends what a string stands for, as valid UTF-8.
func appendUnquoted(to, quoted []byte) []byte {
	to, _ = jsontext.AppendUnquote(to, quoted) // an error tells of U+FFFD only: the string has been read already
	return to
}

// open reads the start of an object or a list.
func open(r *reader, bracket byte, what string) error {
	if r.peek() == bracket {
		r.open(bracket)
		return nil
	}
	readToken(r)
	return fmt.Errorf("%s is not %s", what, map[byte]string{'{': "an object", '[': "a list"}[bracket])
}

// readToken reads a value, or the bracket with which it starts: what is wrong is
// wrong up to there.
func readToken(r *reader) {
	switch c := r.peek(); c {
	case '{', '[':
		r.open(c)
	default:
		r.value()
	}
}
