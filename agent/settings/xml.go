package settings

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"

	"github.com/usher-iga/usher/agent/settings/tree"
)

// The names of the reference product's configuration files.
const (
	configurationRoot      = "ConfigurationFile"
	configurationNamespace = "urn:schemas-usercube-com:configuration"
)

// configuration is what concerns Usher in one XML file of the reference product.
type configuration struct {
	mappings     []entityTypeMapping
	associations []string // their connection tables
	passwords    []passwordElement
}

// passwordElement is an element PasswordResetSettings.
type passwordElement struct {
	identifier string
	values     map[string]string // by key
	origin     Origin
}

// node is the element as it would stand in a settings file.
func (e passwordElement) node() *tree.Node {
	set := &tree.Node{Name: e.identifier, Shape: tree.Object, Origin: e.origin}
	for _, key := range passwordSetKeys {
		if value, ok := e.values[key]; ok {
			set.Add(tree.NewText(key, value, e.origin))
		}
	}
	return set
}

// entityTypeMapping is an element EntityTypeMapping, whatever connection it is about.
type entityTypeMapping struct {
	table      string
	entities   string // attribute C0
	origin     Origin
	properties []Property
	// What is wrong with its properties concerns only a connection that uses the mapping.
	report tree.Report
}

// readXML reads a configuration file. It reports what is wrong and returns nil if that keeps the
// rest from being read. Elements that Usher does not need may hold anything.
func readXML(s *tree.File, r *tree.Report) *configuration {
	decoder := xml.NewDecoder(bytes.NewReader(s.Text()))
	// The text is known to be UTF-8, whatever the first line says: .NET writes "utf-16" there gladly.
	decoder.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	x := &xmlReader{File: s, report: r, decoder: decoder, found: &configuration{}}
	for {
		start := int(decoder.InputOffset())
		token, err := decoder.Token()
		switch {
		case err == io.EOF && x.rooted:
			return x.found
		case err == io.EOF:
			r.Invalid(s.At(0), "the file holds no element").WithHint("Name a configuration file with the root element %s", configurationRoot)
			return nil
		case err != nil:
			x.syntax(err)
			return nil
		}
		switch element := token.(type) {
		case xml.StartElement:
			if !x.open(element, s.At(start)) {
				return nil
			}
		case xml.EndElement:
			x.depth--
			if x.depth < 2 {
				x.inMapping = false
			}
		}
	}
}

// xmlReader walks through one file.
type xmlReader struct {
	*tree.File
	report  *tree.Report
	decoder *xml.Decoder
	found   *configuration
	depth   int  // how many elements are open
	rooted  bool // the root element was seen
	// inMapping is whether the open child of the root is an EntityTypeMapping.
	inMapping bool
}

// open takes the start of an element; false means that the file is not one of configuration.
func (x *xmlReader) open(element xml.StartElement, at Origin) bool {
	x.depth++
	if !x.rooted {
		x.rooted = true
		if element.Name.Local != configurationRoot || element.Name.Space != configurationNamespace {
			x.report.Invalid(at, "the root element must be %s in the namespace %s, is %s", configurationRoot, configurationNamespace, element.Name.Local)
			return false
		}
		return true
	}
	if element.Name.Space != configurationNamespace {
		return true
	}
	switch name := element.Name.Local; {
	case x.depth == 2 && name == "EntityTypeMapping":
		x.inMapping = true
		x.found.mappings = append(x.found.mappings, entityTypeMapping{
			table: attribute(element, "ConnectionTable"), entities: attribute(element, "C0"), origin: at,
		})
	case x.depth == 3 && x.inMapping && name == "Property":
		x.property(element, at)
	case x.depth == 2 && name == "EntityAssociationMapping":
		x.found.associations = append(x.found.associations, attribute(element, "ConnectionTable"))
	case x.depth == 2 && name == passwordSection:
		x.passwords(element, at)
	}
	return true
}

// passwords takes a set of password settings.
func (x *xmlReader) passwords(element xml.StartElement, at Origin) {
	set := passwordElement{identifier: attribute(element, "Identifier"), values: map[string]string{}, origin: at}
	for _, key := range passwordSetKeys {
		if value := attribute(element, key); value != "" {
			set.values[key] = value
		}
	}
	x.found.passwords = append(x.found.passwords, set)
}

// property takes a Property of the mapping that is open.
func (x *xmlReader) property(element xml.StartElement, at Origin) {
	mapping := &x.found.mappings[len(x.found.mappings)-1]
	p := Property{Column: attribute(element, "ConnectionColumn"), Origin: at}
	if p.Column == "" {
		mapping.report.Invalid(at, "the Property has no ConnectionColumn").WithHint(`Write <Property ConnectionColumn="displayName" ... />`)
		return
	}
	switch key := attribute(element, "IsPrimaryKey"); key {
	case "true", "1":
		p.PrimaryKey = true
	case "", "false", "0":
	default:
		mapping.report.Invalid(at, "IsPrimaryKey must be true or false, is %s", tree.Shown("IsPrimaryKey", key))
	}
	mapping.properties = append(mapping.properties, p)
}

// syntax reports a syntax error.
func (x *xmlReader) syntax(err error) {
	at := x.At(int(x.decoder.InputOffset()))
	reason := err.Error()
	if e, ok := errors.AsType[*xml.SyntaxError](err); ok {
		// The decoder counts lines as we do, but stands after what it could not read.
		at.Line, at.Column, reason = e.Line, 0, e.Msg
	}
	reason = strings.TrimPrefix(reason, "xml: ")
	x.report.Invalid(at, "this is not well-formed XML: %s", reason).
		WithHint("Correct the file, or take it from the product's configuration again")
}

// attribute returns the value of an attribute without a namespace, trimmed; "" if it is absent.
func attribute(element xml.StartElement, name string) string {
	for _, a := range element.Attr {
		if a.Name.Space == "" && a.Name.Local == name {
			return strings.TrimSpace(a.Value)
		}
	}
	return ""
}
