package delta

import "github.com/go-json-experiment/json/jsontext"

// readValue reads the value of a property and adds what its columns make of it to
// the object. A column has
//   - a string without quotes and escapes; numbers, true and false as they are written;
//   - of a list one text per element, where null has none;
//   - an object as JSON without spaces, its members in the order in which they came;
//   - of a path what stands at its end, through any list on the way;
//   - no text where the value is null, or a path ends before its end.
func (p *Parser) readValue(r *reader, n *node) {
	if len(n.below) == 0 && isScalar(r.peek()) {
		p.readScalar(r, n.columns)
		return
	}
	for _, leaf := range n.leaves {
		leaf.texts.reset()
	}
	p.gather(r, n)
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
}

func isScalar(first byte) bool { return first != '{' && first != '[' }

// readScalar is readValue for what is most frequent.
func (p *Parser) readScalar(r *reader, columns []int) {
	first := r.peek()
	text := r.value()
	switch first {
	case 'n':
		for _, column := range columns {
			p.object.Null(column)
		}
		return
	case '"':
		text = p.unquote(r, text)
	}
	for _, column := range columns {
		p.object.Text(column, text)
	}
}

// gather collects the texts of a value for n and all below it.
func (p *Parser) gather(r *reader, n *node) {
	switch {
	case len(n.below) == 0:
		p.gatherWhole(r, &n.texts)
	case len(n.columns) == 0:
		p.gatherBelow(r, n)
	default: // both it and something below it are wanted
		text := r.value()
		p.gatherWhole(&reader{text: text}, &n.texts)
		p.gatherBelow(&reader{text: text}, n)
	}
}

// gatherWhole collects a value: one text, or one per element.
func (p *Parser) gatherWhole(r *reader, t *texts) {
	if r.peek() != '[' {
		p.gatherOne(r, t)
		return
	}
	for r.open('['); r.more(']'); {
		p.gatherOne(r, t)
	}
}

func (p *Parser) gatherOne(r *reader, t *texts) {
	first := r.peek()
	text := r.value()
	if r.failed {
		return
	}
	switch first {
	case 'n':
		return
	case '"':
		t.buf = append(t.buf, p.unquote(r, text)...)
	case '{', '[':
		t.buf, _ = jsontext.AppendFormat(t.buf, text, p.options...) // it has been read already
	default:
		t.buf = append(t.buf, text...)
	}
	t.end()
}

// gatherBelow collects members of a value; of each element if it is a list.
func (p *Parser) gatherBelow(r *reader, n *node) {
	switch r.peek() {
	case '[':
		for r.open('['); r.more(']'); {
			p.gatherBelow(r, n)
		}
	case '{':
		for r.open('{'); r.more('}'); {
			if member := n.below[string(p.unquote(r, r.name()))]; member == nil {
				r.value()
			} else {
				p.gather(r, member)
			}
		}
	default:
		r.value()
	}
}
