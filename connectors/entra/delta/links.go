package delta

import (
	"errors"

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
func (p *Parser) readLinks(r *reader, navigation int) error {
	switch r.peek() {
	case 'n':
		r.value()
		return nil
	case '{':
		return p.readLink(r, navigation)
	}
	if err := open(r, '[', "a navigation"); err != nil {
		return err
	}
	for r.more(']') {
		if err := p.readLink(r, navigation); err != nil {
			return err
		}
	}
	return nil
}

func (p *Parser) readLink(r *reader, navigation int) error {
	if err := open(r, '{', "a link"); err != nil {
		return err
	}
	p.target = p.target[:0]
	state := record.Present
	for r.more('}') {
		switch string(p.unquote(r, r.name())) {
		case "id":
			p.target = append(p.target, p.text(r)...)
		case "@removed":
			state = p.readRemoved(r)
		default:
			r.value()
		}
	}
	if len(p.target) == 0 {
		return errors.New("a link has no id")
	}
	p.links.add(navigation, p.target, state != record.Present)
	return nil
}
