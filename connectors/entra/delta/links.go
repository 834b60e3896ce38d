package delta

import (
	"bytes"
	"errors"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-iga/usher/connectors/sdk/record"
)

// maxLinks is when a record of links is full, in bytes. An owner with more targets
// gets several, so that no row comes near the size of a message.
const maxLinks = 32 << 10

// linkRows are the links of one object, in the order in which they were found.
// They wait for the end of the object, because its id may come behind them.
type linkRows struct {
	rows []record.Links // reused: those from used on are spare
	used int
}

func (l *linkRows) reset() { l.used = 0 }

// add appends a target of a type, which is empty where Graph does not tell it.
func (l *linkRows) add(navigation int, typ, id []byte, removed bool) {
	l.row(navigation, typ).Add(id, removed)
}

// row gives the record for the next target of a type. Targets of different types go to
// records side by side: a target is of one type, so what is said of it keeps its order. One
// whose type is not told can be any, so nothing may be put before it any more.
func (l *linkRows) row(navigation int, typ []byte) *record.Links {
	for i := l.used - 1; i >= 0 && l.rows[i].Navigation() == navigation; i-- {
		row := &l.rows[i]
		isSame := bytes.Equal(row.Type(), typ)
		if isSame && row.Size() < maxLinks {
			return row
		}
		if len(row.Type()) == 0 || len(typ) == 0 {
			break
		}
	}
	if l.used++; l.used > len(l.rows) {
		l.rows = append(l.rows, record.Links{})
	}
	row := &l.rows[l.used-1]
	row.Reset(navigation)
	row.SetType(typ)
	return row
}

func (l *linkRows) give(owner []byte, to Rows) error {
	for i := range l.used {
		l.rows[i].SetOwner(owner)
		if err := to.Links(&l.rows[i]); err != nil {
			return err
		}
	}
	return nil
}

// readLinks reads the value of a navigation: a list of changes, or of objects, or
// where it has one target that object or null.
func (p *Parser) readLinks(d *jsontext.Decoder, navigation int) error {
	switch d.PeekKind() {
	case 'n':
		return d.SkipValue()
	case '{':
		return p.readLink(d, navigation)
	}
	if err := open(d, '[', "a navigation"); err != nil {
		return err
	}
	for d.PeekKind() != ']' {
		if err := p.readLink(d, navigation); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

func (p *Parser) readLink(d *jsontext.Decoder, navigation int) error {
	if err := open(d, '{', "a link"); err != nil {
		return err
	}
	p.target, p.targetType = p.target[:0], p.targetType[:0]
	state := record.Present
	for d.PeekKind() != '}' {
		name, err := p.text(d)
		if err != nil {
			return err
		}
		switch string(name) {
		case "id":
			var text []byte
			text, err = p.optionalText(d)
			p.target = append(p.target, text...)
		case "@odata.type":
			var text []byte
			text, err = p.optionalText(d)
			p.targetType = append(p.targetType, text...)
		case "@removed":
			state, err = p.readRemoved(d)
		default:
			err = d.SkipValue()
		}
		if err != nil {
			return err
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	if len(p.target) == 0 {
		return errors.New("a link has no id")
	}
	p.links.add(navigation, typeName(p.targetType), p.target, state != record.Present)
	return nil
}
