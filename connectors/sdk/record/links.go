package record

import (
	"fmt"
	"iter"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// Field numbers of usher.connector.v1.Links and Link.
const (
	linksOwner      protowire.Number = 1
	linksNavigation protowire.Number = 2
	linksLink       protowire.Number = 3
	linksType       protowire.Number = 4

	linkID      protowire.Number = 1
	linkRemoved protowire.Number = 2
)

// The same with their types, as the one byte that each takes on the wire.
const (
	linksOwnerTag      = byte(linksOwner)<<3 | byte(protowire.BytesType)
	linksNavigationTag = byte(linksNavigation)<<3 | byte(protowire.VarintType)
	linksLinkTag       = byte(linksLink)<<3 | byte(protowire.BytesType)
	linksTypeTag       = byte(linksType)<<3 | byte(protowire.BytesType)

	linkIDTag      = byte(linkID)<<3 | byte(protowire.BytesType)
	linkRemovedTag = byte(linkRemoved)<<3 | byte(protowire.VarintType)
)

// Links says what one object points to now, by one navigation: targets added and
// removed, in the order in which they were found. Reuse it: Reset keeps the
// buffers. It is not safe for concurrent use.
type Links struct {
	owner, typ []byte
	navigation int
	links      []byte // the Link fields, tags included
	view       bool   // read, not built: the slices belong to somebody else
}

// Reset empties l and sets the navigation. The type of the targets is not known then.
func (l *Links) Reset(navigation int) {
	if l.view {
		*l = Links{}
	}
	l.owner, l.typ, l.links, l.navigation = l.owner[:0], l.typ[:0], l.links[:0], navigation
}

// SetOwner sets the id of the object that holds the navigation; the bytes are copied.
func (l *Links) SetOwner(id []byte) { l.owner = append(l.owner[:0], id...) }

// Owner is the id of the object that holds the navigation; a view.
func (l *Links) Owner() []byte { return l.owner }

// SetType sets the type of all targets; the bytes are copied.
func (l *Links) SetType(typ []byte) { l.typ = append(l.typ[:0], typ...) }

// Type is the type of all targets, such as "user"; a view. It is empty if it is not known.
func (l *Links) Type() []byte { return l.typ }

// Navigation is the position of the navigation among those asked for.
func (l *Links) Navigation() int { return l.navigation }

// Size is the length of the links in bytes; 0 when there is none.
func (l *Links) Size() int { return len(l.links) }

// Add appends one target.
func (l *Links) Add(id []byte, removed bool) {
	if !removed && len(id) < oneByte-2 { // as nearly all
		l.links = append(l.links, linksLinkTag, byte(len(id)+2), linkIDTag, byte(len(id)))
		l.links = append(l.links, id...)
		return
	}
	size := protowire.SizeTag(linkID) + protowire.SizeBytes(len(id))
	if removed {
		size += protowire.SizeTag(linkRemoved) + 1
	}
	l.links = protowire.AppendTag(l.links, linksLink, protowire.BytesType)
	l.links = protowire.AppendVarint(l.links, uint64(size))
	l.links = protowire.AppendTag(l.links, linkID, protowire.BytesType)
	l.links = protowire.AppendBytes(l.links, id)
	if removed {
		l.links = protowire.AppendTag(l.links, linkRemoved, protowire.VarintType)
		l.links = protowire.AppendVarint(l.links, 1)
	}
}

// AppendTo appends the wire form, its length first.
func (l *Links) AppendTo(b []byte) []byte {
	size := protowire.SizeTag(linksOwner) + protowire.SizeBytes(len(l.owner)) + len(l.links)
	if l.navigation != 0 {
		size += protowire.SizeTag(linksNavigation) + protowire.SizeVarint(uint64(l.navigation))
	}
	if len(l.typ) > 0 {
		size += protowire.SizeTag(linksType) + protowire.SizeBytes(len(l.typ))
	}
	b = protowire.AppendVarint(b, uint64(size))
	b = protowire.AppendTag(b, linksOwner, protowire.BytesType)
	b = protowire.AppendBytes(b, l.owner)
	if l.navigation != 0 {
		b = protowire.AppendTag(b, linksNavigation, protowire.VarintType)
		b = protowire.AppendVarint(b, uint64(l.navigation))
	}
	if len(l.typ) > 0 {
		b = protowire.AppendTag(b, linksType, protowire.BytesType)
		b = protowire.AppendBytes(b, l.typ)
	}
	return append(b, l.links...)
}

// NextLinks reads the first links record of b into l, as views into b, and
// returns the rest of b. navigations is the number of navigations asked for: one
// beyond is an error, as are broken framing and missing ids.
func NextLinks(b []byte, navigations int, l *Links) ([]byte, error) {
	msg, rest, err := nextMessage(b)
	if err != nil {
		return nil, err
	}
	*l = Links{view: true}
	if l.readPlain(msg, navigations) {
		return rest, nil
	}
	*l = Links{view: true}
	lent := true
	for len(msg) > 0 {
		num, typ, n := protowire.ConsumeTag(msg)
		if n < 0 {
			return nil, protowire.ParseError(n)
		}
		size := protowire.ConsumeFieldValue(num, typ, msg[n:])
		if size < 0 {
			return nil, protowire.ParseError(size)
		}
		body := msg[n : n+size]
		switch {
		case num == linksOwner && typ == protowire.BytesType:
			l.owner, _ = protowire.ConsumeBytes(body)
		case num == linksNavigation && typ == protowire.VarintType:
			navigation, _ := protowire.ConsumeVarint(body)
			if navigation >= uint64(navigations) {
				return nil, fmt.Errorf("navigation %d was not asked for", navigation)
			}
			l.navigation = int(navigation)
		case num == linksType && typ == protowire.BytesType:
			l.typ, _ = protowire.ConsumeBytes(body)
		case num == linksLink && typ == protowire.BytesType:
			link, _ := protowire.ConsumeBytes(body)
			id, _, err := parseLink(link)
			if err != nil {
				return nil, err
			}
			if len(id) == 0 || !utf8.Valid(id) {
				return nil, fmt.Errorf("link of %q to an id that is empty or not UTF-8", l.owner)
			}
			l.links, lent = join(l.links, lent, msg[:n+size])
		}
		msg = msg[n+size:]
	}
	if len(l.owner) == 0 || !utf8.Valid(l.owner) {
		return nil, fmt.Errorf("links of an owner whose id is empty or not UTF-8")
	}
	if !utf8.Valid(l.typ) {
		return nil, fmt.Errorf("the type of the links of %q is not UTF-8", l.owner)
	}
	if navigations == 0 {
		return nil, fmt.Errorf("links of %q were not asked for", l.owner)
	}
	return rest, nil
}

// readPlain reads msg if it is as AppendTo writes it, as it nearly always is, in a
// third of the time that any order of fields takes (BenchmarkLinks). It reports false
// if msg is something else, or wrong.
func (l *Links) readPlain(msg []byte, navigations int) bool {
	start, at := plain(msg, 0, linksOwnerTag)
	if l.owner = msg[start:at]; len(l.owner) == 0 || !utf8.Valid(l.owner) {
		return false
	}
	if len(msg)-at >= 2 && msg[at] == linksNavigationTag && msg[at+1] < oneByte {
		l.navigation = int(msg[at+1])
		at += 2
	}
	if start, end := plain(msg, at, linksTypeTag); end > 0 {
		if l.typ, at = msg[start:end], end; !utf8.Valid(l.typ) {
			return false
		}
	}
	l.links = msg[at:]
	for at < len(msg) {
		start, end := plain(msg, at, linksLinkTag)
		id, _, ok := plainLink(msg[start:end])
		if !ok || len(id) == 0 || !utf8.Valid(id) {
			return false
		}
		at = end
	}
	return l.navigation < navigations
}

// plainLink is parseLink for a link as Add writes it.
func plainLink(b []byte) (id []byte, removed, ok bool) {
	start, end := plain(b, 0, linkIDTag)
	id = b[start:end]
	switch rest := b[end:]; {
	case end == 0:
		return nil, false, false
	case len(rest) == 0:
		return id, false, true
	default:
		return id, true, len(rest) == 2 && rest[0] == linkRemovedTag && rest[1] == 1
	}
}

// All gives the targets in order, with whether each was removed.
func (l *Links) All() iter.Seq2[[]byte, bool] {
	return func(yield func([]byte, bool) bool) {
		for b := l.links; len(b) > 0; {
			if start, end := plain(b, 0, linksLinkTag); end > 0 {
				if id, removed, ok := plainLink(b[start:end]); ok {
					if !yield(id, removed) {
						return
					}
					b = b[end:]
					continue
				}
			}
			_, _, n := protowire.ConsumeTag(b)
			link, m := protowire.ConsumeBytes(b[n:])
			b = b[n+m:]
			if id, removed, err := parseLink(link); err != nil || !yield(id, removed) {
				return
			}
		}
	}
}

func parseLink(b []byte) (id []byte, removed bool, err error) {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return nil, false, protowire.ParseError(n)
		}
		size := protowire.ConsumeFieldValue(num, typ, b[n:])
		if size < 0 {
			return nil, false, protowire.ParseError(size)
		}
		switch {
		case num == linkID && typ == protowire.BytesType:
			id, _ = protowire.ConsumeBytes(b[n:])
		case num == linkRemoved && typ == protowire.VarintType:
			v, _ := protowire.ConsumeVarint(b[n:])
			removed = v != 0
		}
		b = b[n+size:]
	}
	return id, removed, nil
}
