package delta

import (
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

func (l *linkRows) add(navigation int, id []byte, removed bool) {
	if l.used == 0 || l.rows[l.used-1].Navigation() != navigation || l.rows[l.used-1].Size() >= maxLinks {
		if l.used++; l.used > len(l.rows) {
			l.rows = append(l.rows, record.Links{})
		}
		l.rows[l.used-1].Reset(navigation)
	}
	l.rows[l.used-1].Add(id, removed)
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
	p.target = p.target[:0]
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
	p.links.add(navigation, p.target, state != record.Present)
	return nil
}
