package graph

import (
	"bytes"
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	nextLink  = "@odata.nextLink"
	deltaLink = "@odata.deltaLink"
	objects   = "value"
)

// links are those of a page: members of the outermost object.
type links struct {
	next, delta string
}

// errNoPage is what is no page: no JSON object, or one whose links make no sense.
var errNoPage = errors.New("no page") //nolint:gochecknoglobals // a sentinel

// headLinks reads the links that stand before the objects, where Graph puts them.
// It can do so when only the beginning of a page has arrived. known is false while
// more is needed; a page without a link ahead has zero links.
func headLinks(beginning []byte) (l links, known bool, err error) {
	return readLinks(beginning, func(*jsontext.Decoder) (bool, error) { return true, nil })
}

// allLinks reads the links of a whole page, wherever they stand.
func allLinks(page []byte) (links, error) {
	l, whole, err := readLinks(page, func(d *jsontext.Decoder) (bool, error) { return false, d.SkipValue() })
	if err == nil && !whole {
		err = io.ErrUnexpectedEOF
	}
	return l, err
}

// readLinks reads a page up to its objects. There atObjects says whether to stop, or
// skips them. done is false if the text ends before that.
func readLinks(text []byte, atObjects func(*jsontext.Decoder) (stop bool, err error)) (l links, done bool, err error) {
	if first := bytes.TrimLeft(text, " \t\r\n"); len(first) == 0 {
		return l, false, nil
	} else if first[0] != '{' {
		return l, false, errNoPage
	}
	d := jsontext.NewDecoder(bytes.NewReader(text), jsontext.AllowDuplicateNames(true))
	_, err = d.ReadToken()
	for err == nil && d.PeekKind() == '"' {
		var name jsontext.Token
		if name, err = d.ReadToken(); err != nil {
			break
		}
		switch name.String() {
		case nextLink:
			l.next, err = readLink(d)
		case deltaLink:
			l.delta, err = readLink(d)
		case objects:
			var stop bool
			if stop, err = atObjects(d); stop {
				return l, true, nil
			}
		default:
			err = d.SkipValue()
		}
		if err == nil && l.next != "" && l.delta != "" { // one of both says where the round goes on
			err = errNoPage
		}
	}
	if err == nil {
		_, err = d.ReadToken() // the closing bracket
	}
	if err == nil {
		if _, end := d.ReadToken(); !errors.Is(end, io.EOF) {
			err = errNoPage // more follows
		}
	}
	switch {
	case err == nil:
		return l, true, nil
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return l, false, nil
	default:
		return l, false, errNoPage
	}
}

// readLink reads a link, which is text or null.
func readLink(d *jsontext.Decoder) (string, error) {
	token, err := d.ReadToken()
	switch {
	case err != nil:
		return "", err
	case token.Kind() == '"':
		return token.String(), nil
	case token.Kind() == 'n':
		return "", nil
	default:
		return "", errNoPage
	}
}

// endsAsPage reports whether a body ends as a page does. Its inside is checked by
// whoever reads the objects.
func endsAsPage(body []byte) bool {
	return bytes.HasSuffix(bytes.TrimRight(body, " \t\r\n"), []byte("}"))
}
