package delta

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// readValue reads the value of a property and adds what its columns make of it to
// the object. A column has
//   - a string without quotes and escapes; numbers, true and false as they are written;
//   - of a list one text per element, where null has none;
//   - an object as JSON without spaces, its members in the order in which they came;
//   - of a path what stands at its end, through any list on the way;
//   - no text where the value is null, or a path ends before its end.
func (p *Parser) readValue(d *jsontext.Decoder, n *node) error {
	if len(n.below) == 0 && isScalar(d.PeekKind()) {
		return p.readScalar(d, n.columns)
	}
	for _, leaf := range n.leaves {
		leaf.texts.reset()
	}
	if err := p.gather(d, n, 0); err != nil {
		return err
	}
	for _, leaf := range n.leaves {
		for _, column := range leaf.columns {
			p.object.Open(column)
			start := 0
			for _, end := range leaf.texts.ends {
				p.object.Append(leaf.texts.buf[start:end])
				start = end
			}
			p.object.Close()
		}
	}
	return nil
}

func isScalar(kind jsontext.Kind) bool { return kind != '{' && kind != '[' }

// readScalar is readValue for what is most frequent.
func (p *Parser) readScalar(d *jsontext.Decoder, columns []int) error {
	text, err := d.ReadValue()
	if err != nil {
		return err
	}
	if text.Kind() == 'n' {
		for _, column := range columns {
			p.object.Null(column)
		}
		return nil
	}
	if text.Kind() == '"' {
		text = p.unquote(text)
	}
	for _, column := range columns {
		p.object.Text(column, text)
	}
	return nil
}

// gather collects the texts of a value for n and all below it. depth counts the
// values that are being read twice.
func (p *Parser) gather(d *jsontext.Decoder, n *node, depth int) error {
	switch {
	case len(n.below) == 0:
		return p.gatherWhole(d, &n.texts)
	case len(n.columns) == 0:
		return p.gatherBelow(d, n, depth)
	}
	// Both it and something below it are wanted.
	text, err := d.ReadValue()
	if err != nil {
		return err
	}
	again := p.inner.over(text, depth)
	if err := p.gatherWhole(again, &n.texts); err != nil {
		return err
	}
	return p.gatherBelow(p.inner.over(text, depth), n, depth+1)
}

// gatherWhole collects a value: one text, or one per element.
func (p *Parser) gatherWhole(d *jsontext.Decoder, t *texts) error {
	if d.PeekKind() != '[' {
		return p.gatherOne(d, t)
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != ']' {
		if err := p.gatherOne(d, t); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

func (p *Parser) gatherOne(d *jsontext.Decoder, t *texts) error {
	text, err := d.ReadValue()
	if err != nil {
		return err
	}
	switch text.Kind() {
	case 'n':
		return nil
	case '"':
		t.buf = appendUnquoted(t.buf, text)
	case '{', '[':
		t.buf, err = jsontext.AppendFormat(t.buf, text, p.options...)
	default:
		t.buf = append(t.buf, text...)
	}
	t.end()
	return err
}

// gatherBelow collects members of a value; of each element if it is a list.
func (p *Parser) gatherBelow(d *jsontext.Decoder, n *node, depth int) error {
	switch d.PeekKind() {
	case '[':
		if _, err := d.ReadToken(); err != nil {
			return err
		}
		for d.PeekKind() != ']' {
			if err := p.gatherBelow(d, n, depth); err != nil {
				return err
			}
		}
	case '{':
		if _, err := d.ReadToken(); err != nil {
			return err
		}
		for d.PeekKind() != '}' {
			name, err := p.text(d)
			if err != nil {
				return err
			}
			if member := n.below[string(name)]; member == nil {
				err = d.SkipValue()
			} else {
				err = p.gather(d, member, depth)
			}
			if err != nil {
				return err
			}
		}
	default:
		return d.SkipValue()
	}
	_, err := d.ReadToken()
	return err
}

// inner has the decoders of values that are read twice, one for each depth at
// which that happens.
type inner struct {
	options  []jsontext.Options
	decoders []*jsontext.Decoder
	texts    []*bytes.Buffer
}

// over returns the decoder of a depth, set to read text.
func (in *inner) over(text []byte, depth int) *jsontext.Decoder {
	if depth == len(in.decoders) {
		buffer := new(bytes.Buffer)
		in.texts = append(in.texts, buffer)
		in.decoders = append(in.decoders, jsontext.NewDecoder(buffer, in.options...))
	}
	*in.texts[depth] = *bytes.NewBuffer(text)
	in.decoders[depth].Reset(in.texts[depth], in.options...)
	return in.decoders[depth]
}
