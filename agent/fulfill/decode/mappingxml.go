package decode

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"path/filepath"
	"strings"

	"github.com/usher-iga/usher/agent/settings/tree"
)

// maxMappings bounds a configuration file.
const maxMappings = 16 << 20

// ParseMappings reads the elements AzureADResourceTypeMapping and EntityTypeMapping of a
// configuration file of the reference product, whose path or name is name. Whatever else stands
// in it is passed over.
//
// Errors are tree.Problems, each a fault.Invalid that begins with file and line; fault.Storage if
// the file cannot be read.
func ParseMappings(name string, in io.Reader) (Mappings, error) {
	data, err := io.ReadAll(io.LimitReader(in, maxMappings+1))
	if err != nil {
		return Mappings{}, unreadable(name, err)
	}
	var x mappingReader
	x.file = tree.NewFile(filepath.Base(name), name, data, &x.report)
	if x.file != nil {
		x.read()
	}
	if err := x.report.Err(); err != nil {
		return Mappings{}, err
	}
	return x.found, nil
}

// mappingReader walks through a configuration file.
type mappingReader struct {
	file   *tree.File
	report tree.Report
	found  Mappings
	depth  int // how many elements are open
	// Of the open child of the root, if it is a mapping, what its properties go to.
	resource *ResourceType
	entity   *EntityType
	at       tree.Origin
}

func (x *mappingReader) read() {
	decoder := xml.NewDecoder(bytes.NewReader(x.file.Text()))
	// The text is known to be UTF-8, whatever the first line says: .NET writes "utf-16" there gladly.
	decoder.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	for {
		start := int(decoder.InputOffset())
		token, err := decoder.Token()
		switch {
		case err == io.EOF:
			return
		case err != nil:
			at := x.file.At(int(decoder.InputOffset()))
			reason := strings.TrimPrefix(err.Error(), "xml: ")
			if e, ok := errors.AsType[*xml.SyntaxError](err); ok {
				at.Line, reason = e.Line, e.Msg
			}
			x.report.Invalid(at, "this is not well-formed XML: %s", reason).
				WithHint("Correct the file, or take it from the product's configuration again")
			return
		}
		switch element := token.(type) {
		case xml.StartElement:
			x.depth++
			x.open(element, x.file.At(start))
		case xml.EndElement:
			x.depth--
			if x.depth == 1 {
				x.close()
			}
		}
	}
}

func (x *mappingReader) open(element xml.StartElement, at tree.Origin) {
	text := func(name string) string {
		for _, a := range element.Attr {
			if a.Name.Space == "" && a.Name.Local == name {
				return strings.TrimSpace(a.Value)
			}
		}
		return ""
	}
	switch name := element.Name.Local; {
	case x.depth == 2 && name == "AzureADResourceTypeMapping":
		x.at = at
		x.resource = &ResourceType{
			Identifier: text("Identifier"), Connection: text("Connection"), DefaultObjectClass: text("DefaultObjectClass"),
			PasswordResetSetting: text("PasswordResetSetting"), InvitationMode: text("InvitationMode"),
			InvitationRedirectURL: text("InvitationRedirectUrl"), InvitationMessageLanguage: text("InvitationMessageLanguage"),
			InvitationCustomizedMessageBody: text("InvitationCustomizedMessageBody"),
		}
	case x.depth == 2 && name == "EntityTypeMapping":
		x.at = at
		x.entity = &EntityType{Identifier: text("Identifier")}
	case x.depth == 3 && name == "Property" && x.resource != nil:
		x.resource.Properties = append(x.resource.Properties, ResourceProperty{
			Property:              text("Property"),
			IsDNProperty:          x.truth(at, "IsDNProperty", text("IsDNProperty")),
			IsDisplayNameProperty: x.truth(at, "IsDisplayNameProperty", text("IsDisplayNameProperty")),
			IsMailProperty:        x.truth(at, "IsMailProperty", text("IsMailProperty")),

			DataSourceBacklinkColumnName: text("DataSourceBacklinkColumnName"),
		})
	case x.depth == 3 && name == "Property" && x.entity != nil:
		p := EntityProperty{Identifier: text("Identifier"), ConnectionColumn: text("ConnectionColumn"), Format: text("Format")}
		if p.ConnectionColumn != "" { // one without is not provisioned
			x.entity.Properties = append(x.entity.Properties, p)
		}
	}
}

func (x *mappingReader) truth(at tree.Origin, name, value string) bool {
	switch strings.ToLower(value) {
	case "true", "1":
		return true
	case "", "false", "0":
	default:
		x.report.Invalid(at, "%s must be true or false, is %s", name, quoted(value))
	}
	return false
}

// close takes the mapping whose end was read.
func (x *mappingReader) close() {
	switch {
	case x.resource != nil:
		if err := x.resource.Check(); err != nil {
			x.report.Fault(x.at, "", err)
		}
		if x.found.resourceType(x.resource.Identifier) != nil {
			x.report.Invalid(x.at, "the resource type %s is mapped twice", quoted(x.resource.Identifier)).WithHint("Remove one of the two")
		}
		x.found.ResourceTypes = append(x.found.ResourceTypes, *x.resource)
	case x.entity != nil && len(x.entity.Properties) > 0:
		x.found.EntityTypes = append(x.found.EntityTypes, *x.entity)
	}
	x.resource, x.entity = nil, nil
}
