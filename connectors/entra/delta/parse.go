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

// A Parser turns the pages of one collection into rows, as a stream of JSON
// tokens: no structure is built per object. It is not safe for concurrent use.
type Parser struct {
	entity string
	wanted map[string]*node
	rows   Rows
	failed error // what rows returned

	decoder *jsontext.Decoder
	page    *bytes.Buffer
	options []jsontext.Options
	inner   inner

	object     record.Object
	id, typ    []byte // of the object
	links      linkRows
	target     []byte // the id of a link
	targetType []byte
	scratch    []byte // a text without its escapes
}

// NewParser makes a parser of the collection's pages.
func NewParser(c directory.Collection) *Parser {
	options := []jsontext.Options{
		// That no name comes twice in an object is Graph's to keep, and costs much to check.
		jsontext.AllowDuplicateNames(true),
		// The directory holds what programs have put there: half a surrogate pair in one name
		// must not keep a tenant from being exported. It becomes U+FFFD.
		jsontext.AllowInvalidUTF8(true),
	}
	page := new(bytes.Buffer)
	return &Parser{
		entity: c.Entity.Name, wanted: wanted(c),
		decoder: jsontext.NewDecoder(page, options...), page: page, options: options, inner: inner{options: options},
	}
}

// Page reads one answer and gives its rows to rows: of each object the object
// first, then its links. An object that tells no id has an empty one; what to do
// about it is the caller's.
//
// Errors: those of rows as they are; otherwise that the answer is not a page, and
// at which byte that shows. Rows before that byte have been given.
func (p *Parser) Page(body []byte, rows Rows) error {
	*p.page = *bytes.NewBuffer(body) // read in place
	p.decoder.Reset(p.page, p.options...)
	p.rows, p.failed = rows, nil
	err := p.readPage(p.decoder)
	if p.failed != nil {
		return p.failed
	}
	if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return fmt.Errorf("invalid JSON at byte %d: %w", syntax.ByteOffset, syntax.Err)
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return fmt.Errorf("at byte %d: %w", p.decoder.InputOffset(), err)
	}
	return nil
}

func (p *Parser) readPage(d *jsontext.Decoder) error {
	if err := open(d, '{', "the page"); err != nil {
		return err
	}
	found := false
	for d.PeekKind() != '}' {
		name, err := p.text(d)
		if err != nil {
			return err
		}
		if string(name) != "value" {
			if err := d.SkipValue(); err != nil {
				return err
			}
			continue
		}
		found = true
		if err := p.readObjects(d); err != nil {
			return err
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	if !found {
		return errors.New("the page has no value")
	}
	switch _, err := d.ReadToken(); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return err
	default:
		return errors.New("something follows the page")
	}
}

func (p *Parser) readObjects(d *jsontext.Decoder) error {
	if err := open(d, '[', "value"); err != nil {
		return err
	}
	for d.PeekKind() != ']' {
		if err := p.readObject(d); err != nil {
			return err
		}
		if p.failed = p.give(); p.failed != nil {
			return p.failed
		}
	}
	_, err := d.ReadToken()
	return err
}

// give passes the object on that has been read.
func (p *Parser) give() error {
	if p.object.State() != record.Present {
		state := p.object.State()
		p.object.Reset() // a removed object has no values
		p.object.SetState(state)
	}
	p.object.SetID(p.id)
	if typ := typeName(p.typ); len(typ) > 0 && string(typ) != p.entity {
		p.object.SetType(typ)
	}
	if err := p.rows.Object(&p.object); err != nil {
		return err
	}
	return p.links.give(p.id, p.rows)
}

func (p *Parser) readObject(d *jsontext.Decoder) error {
	if err := open(d, '{', "an element of value"); err != nil {
		return err
	}
	p.object.Reset()
	p.links.reset()
	p.id, p.typ = p.id[:0], p.typ[:0]
	for d.PeekKind() != '}' {
		name, err := p.text(d)
		if err != nil {
			return err
		}
		if err := p.readMember(d, p.wanted[string(name)]); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

// readMember reads the value of a member of an object; n is nil if it is not wanted.
func (p *Parser) readMember(d *jsontext.Decoder, n *node) error {
	if n == nil {
		return d.SkipValue()
	}
	switch n.kind {
	case isID:
		text, err := p.optionalText(d)
		if err != nil {
			return err
		}
		p.id = append(p.id[:0], text...)
		for _, column := range n.columns {
			p.object.Text(column, p.id)
		}
		return nil
	case isType:
		text, err := p.optionalText(d)
		p.typ = append(p.typ[:0], text...)
		return err
	case isRemoved:
		state, err := p.readRemoved(d)
		p.object.SetState(state)
		return err
	case isLinks:
		return p.readLinks(d, n.navigation)
	default:
		return p.readValue(d, n)
	}
}

// readRemoved reads the value of @removed: {"reason": "changed"} of what can be
// restored, "deleted" of the rest.
// Source: https://learn.microsoft.com/graph/delta-query-overview#resource-representation-in-the-delta-query-response.
func (p *Parser) readRemoved(d *jsontext.Decoder) (record.State, error) {
	switch d.PeekKind() {
	case '{':
	case 'n':
		return record.Present, d.SkipValue()
	default:
		return record.Gone, d.SkipValue()
	}
	state := record.Gone
	if _, err := d.ReadToken(); err != nil {
		return state, err
	}
	for d.PeekKind() != '}' {
		name, err := p.text(d)
		if err != nil {
			return state, err
		}
		isReason := string(name) == "reason"
		text, err := p.optionalText(d)
		if err != nil {
			return state, err
		}
		if isReason && string(text) == "changed" {
			state = record.Suspended
		}
	}
	_, err := d.ReadToken()
	return state, err
}

// text reads a string and returns what it stands for; valid until the next call of
// text or of d.
func (p *Parser) text(d *jsontext.Decoder) ([]byte, error) {
	quoted, err := d.ReadValue()
	if err != nil {
		return nil, err
	}
	return p.unquote(quoted), nil
}

func (p *Parser) unquote(quoted []byte) []byte {
	if bytes.IndexByte(quoted, '\\') < 0 && utf8.Valid(quoted) {
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

// typeName is the name of a type as @odata.type tells it.
func typeName(typ []byte) []byte { return bytes.TrimPrefix(typ, []byte("#microsoft.graph.")) }

// optionalText is text, but for another value than a string it returns an empty one.
func (p *Parser) optionalText(d *jsontext.Decoder) ([]byte, error) {
	if d.PeekKind() != '"' {
		return nil, d.SkipValue()
	}
	return p.text(d)
}

// open reads the start of an object or an array.
func open(d *jsontext.Decoder, kind jsontext.Kind, what string) error {
	token, err := d.ReadToken()
	if err == nil && token.Kind() != kind {
		err = fmt.Errorf("%s is not %s", what, map[jsontext.Kind]string{'{': "an object", '[': "a list"}[kind])
	}
	return err
}
