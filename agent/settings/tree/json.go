package tree

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-iga/usher/agent/secret"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// maxDepth bounds how deep objects and arrays may nest.
const maxDepth = 64

// ReadJSON reads an object of JSON with comments and trailing commas. It reports what is wrong and
// returns nil if the syntax is.
func ReadJSON(f *File, r *Report) *Node {
	clean := blank(f.data)
	reader := jsonReader{
		File: f, report: r, clean: clean,
		// Names are checked here, because they must differ in more than case.
		tokens: jsontext.NewDecoder(bytes.NewReader(clean), jsontext.AllowDuplicateNames(true)),
	}
	text := bytes.TrimLeft(clean, " \t\r\n")
	if len(text) == 0 {
		r.Invalid(f.At(0), "the file is empty").WithHint("Write at least {}")
		return nil
	}
	root := &Node{Shape: Object, Origin: Origin{Layer: f.layer, File: f.name}}
	if text[0] != '{' {
		r.Invalid(f.At(len(clean)-len(text)), "the file must hold one object in braces")
		return nil
	}
	if !reader.value(root, 0) {
		return nil
	}
	if _, err := reader.tokens.ReadToken(); err != io.EOF {
		r.Invalid(f.At(reader.next()), "nothing may follow the closing brace of the file")
		return nil
	}
	return root
}

// jsonReader turns tokens into nodes. Its methods return false after a syntax error.
type jsonReader struct {
	*File
	report *Report
	clean  []byte // the text without comments and trailing commas
	tokens *jsontext.Decoder
}

// next is the offset at which the next token starts, or would.
func (j *jsonReader) next() int {
	at := int(j.tokens.InputOffset())
	for at < len(j.clean) && strings.IndexByte(" \t\r\n,:", j.clean[at]) >= 0 {
		at++
	}
	return at
}

// value reads the next value into n.
func (j *jsonReader) value(n *Node, depth int) bool {
	start := j.next()
	token, err := j.tokens.ReadToken()
	if err != nil {
		return j.syntax(err)
	}
	switch token.Kind() {
	case '{', '[':
		if depth == maxDepth {
			j.report.Invalid(j.At(start), "more than %d levels of braces and brackets", maxDepth)
			return false
		}
		if token.Kind() == '{' {
			return j.object(n, depth+1)
		}
		return j.array(n, depth+1)
	case '"':
		n.Shape, n.text = Text, secret.New(token.String())
	case '0':
		n.Shape, n.text = Number, secret.New(token.String())
	case 't', 'f':
		n.Shape, n.text = Bool, secret.New(token.String())
	default:
		n.Shape = Null
	}
	return true
}

// object reads the members and the closing brace of an object.
func (j *jsonReader) object(n *Node, depth int) bool {
	n.Shape = Object
	for j.tokens.PeekKind() != '}' {
		start := j.next()
		token, err := j.tokens.ReadToken()
		if err != nil {
			return j.syntax(err)
		}
		member := &Node{Name: token.String(), Origin: j.At(start)}
		if !j.value(member, depth) {
			return false
		}
		if first := n.byName[fold(member.Name)]; first != nil {
			j.report.Invalid(member.Origin, "the key %q stands twice in one object, first in line %d", member.Name, first.Origin.Line).
				WithHint("Remove one of them; upper and lower case do not make keys different")
			continue
		}
		n.Add(member)
	}
	_, err := j.tokens.ReadToken()
	return err == nil || j.syntax(err)
}

// array reads the items and the closing bracket of an array.
func (j *jsonReader) array(n *Node, depth int) bool {
	n.Shape = Array
	for j.tokens.PeekKind() != ']' {
		item := &Node{Name: strconv.Itoa(len(n.Members)), Origin: j.At(j.next())}
		if !j.value(item, depth) {
			return false
		}
		n.Add(item)
	}
	_, err := j.tokens.ReadToken()
	return err == nil || j.syntax(err)
}

// syntax reports a syntax error with file, line and column. It quotes at most one character of the
// file, which may hold secrets. It returns false.
func (j *jsonReader) syntax(err error) bool {
	offset := len(j.clean)
	if e, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		offset = min(int(e.ByteOffset), offset)
		err = e.Err
	}
	at := j.At(offset)
	reason, hint := explain(j.clean[offset:], err)
	j.report.Add(at, fault.Errorf(fault.Invalid, "%s:%d: %s", at, at.Column, reason)).WithHint("%s", hint)
	return false
}

// explain says in plain words what is wrong where rest starts.
func explain(rest []byte, err error) (reason, hint string) {
	first, _ := utf8.DecodeRune(rest)
	expecting := func(what string) bool { return strings.Contains(err.Error(), "expecting "+what) }
	switch {
	case len(rest) == 0 || errors.Is(err, io.ErrUnexpectedEOF):
		return "the file ends too early", "Close each quote, bracket and brace"
	case first == '\\':
		return "a backslash must be doubled", `Write \\ for each \ of a text`
	case first == '\n' || first == '\r':
		return "a text must end on its line", `Close the quote; write \n for a line break inside a text`
	case first < ' ':
		return "a control character stands in a text", `Write it as \t or \u00XX`
	case first == '\'' || first == '\u201c' || first == '\u201d':
		return "keys and texts stand in straight double quotes", `Use "`
	case first == '/':
		return "a comment is not closed, or a slash is too many", "Comments are // to the end of the line, or /* to */"
	case expecting("','"):
		return "a comma is missing before this place", `Put a comma between values; write \" for a quote inside a text`
	case expecting("':'"):
		return "a colon is missing after the key", `Write "key": value`
	case first == ',':
		return "a comma is too many", "Put one comma between values"
	case errors.Is(err, jsontext.ErrNonStringName):
		return "a key must stand in double quotes", `Write "key": value`
	default:
		return "the character " + strconv.QuoteRune(first) + " does not belong here", "Put keys and texts in double quotes; numbers, true, false and null stand without"
	}
}

// blank returns JSON with comments and trailing commas as plain JSON: these become spaces, so that
// all else keeps its offset and line. What is wrong stays wrong.
func blank(data []byte) []byte {
	out := bytes.Clone(data)
	var last, before byte // the last two bytes that are neither space nor comment
	comma := 0            // where the last comma stands
	for i := 0; i < len(out); {
		length := 1
		switch c := out[i]; {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			i++
			continue
		case c == '/':
			n, closed := commentLength(out[i:])
			if !closed {
				return out // wrong from here on; looking for more ends of comments takes quadratic time
			}
			if n > 0 {
				for k := i; k < i+n; k++ {
					if out[k] != '\n' && out[k] != '\r' && out[k] != '\t' {
						out[k] = ' '
					}
				}
				i += n
				continue
			}
		case c == '"':
			length = textLength(out[i:])
		case (c == '}' || c == ']') && last == ',' && strings.IndexByte("{[,:", before) < 0:
			out[comma] = ' '
		case c == ',':
			comma = i
		}
		before, last = last, out[i]
		i += length
	}
	return out
}

// commentLength is the length of the comment that data starts with, without the line break that
// ends it; 0 if there is none. A comment to the end of the line is closed by the end of the file too.
func commentLength(data []byte) (length int, closed bool) {
	switch {
	case bytes.HasPrefix(data, []byte("//")):
		if n := bytes.IndexByte(data, '\n'); n >= 0 {
			return n, true
		}
		return len(data), true
	case bytes.HasPrefix(data, []byte("/*")):
		if n := bytes.Index(data[2:], []byte("*/")); n >= 0 {
			return n + 4, true
		}
		return 0, false
	}
	return 0, true
}

// textLength is the length of the quoted text that data starts with.
func textLength(data []byte) int {
	for i := 1; i < len(data); i++ {
		switch data[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(data)
}
