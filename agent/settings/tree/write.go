package tree

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// JSON writes n, an object, as indented JSON that ends with a line break. It reads back as the same tree.
func (n *Node) JSON() ([]byte, error) {
	var out bytes.Buffer
	// Names that are the same were reported when they were read.
	e := jsontext.NewEncoder(&out, jsontext.WithIndent("  "), jsontext.AllowDuplicateNames(true))
	if err := n.write(e); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func (n *Node) write(e *jsontext.Encoder) error {
	begin, end := jsontext.BeginObject, jsontext.EndObject
	switch n.Shape {
	case Null:
		return e.WriteToken(jsontext.Null)
	case Text:
		return e.WriteToken(jsontext.String(n.Text()))
	case Number, Bool:
		return e.WriteValue(jsontext.Value(n.Text()))
	case Array:
		begin, end = jsontext.BeginArray, jsontext.EndArray
	}
	if err := e.WriteToken(begin); err != nil {
		return err
	}
	for _, member := range n.Members {
		if n.Shape == Object {
			if err := e.WriteToken(jsontext.String(member.Name)); err != nil {
				return err
			}
		}
		if err := member.write(e); err != nil {
			return err
		}
	}
	return e.WriteToken(end)
}
