package settings

import (
	"strings"
	"unicode"
)

const (
	defaultEntities    = "user group directoryRole servicePrincipal"
	defaultNavigations = "members owners"
	typeColumn         = "@odata.type"
	commandColumn      = "Command"
	keyColumn          = "id"
)

// exampleMapping shows an admin the least that a connection needs.
const exampleMapping = `Write for example "EntityTypeMapping": {"Properties": [` +
	`{"ConnectionColumn": "id", "IsPrimaryKey": true}, {"ConnectionColumn": "displayName"}]}`

// mapping reads what the connection exports, from its EntityTypeMapping or the files of EntityTypeMappingFiles.
func (s section) mapping(id string) EntityTypeMapping {
	own, files := s.node.find("EntityTypeMapping"), s.node.find("EntityTypeMappingFiles")
	switch {
	case own != nil && files != nil:
		s.invalid(files.origin, "%s has both EntityTypeMapping (%s) and EntityTypeMappingFiles", s.path, own.origin).
			WithHint("Remove one of them")
		return EntityTypeMapping{}
	case files != nil:
		return s.fileMapping(id, files.origin)
	case own == nil:
		return EntityTypeMapping{}
	}
	m := s.child("EntityTypeMapping")
	if own.shape != objectShape {
		return EntityTypeMapping{} // reported
	}
	m.unknown(mappingKeys)
	mapping := EntityTypeMapping{
		Entities:    texts(m.words("C0", defaultEntities)),
		Navigations: texts(m.words("Navigations", defaultNavigations)),
		Origin:      own.origin,
	}
	if c0 := m.node.find("C0"); len(mapping.Entities) == 0 {
		s.invalid(c0.origin, "%s names no entity", m.name("C0")).
			WithHint("Write for example \"C0\": %q, which is the default", defaultEntities)
	}
	mapping.Properties = m.properties(mapping.Entities)
	return mapping
}

// CheckMapping returns nil if the connection can be exported: the settings say which columns. It
// is no error of the settings if they do not, for a connection may be there for other uses or for
// another product. The error is a [Problems].
func (c *Connection) CheckMapping() error {
	if len(c.Mapping.Properties) > 0 {
		return nil
	}
	var r report
	r.invalid(c.Origin, "the connection %s has no EntityTypeMapping: nothing says which columns to export", c.ID).
		WithHint(exampleMapping + `, or name XML files in "EntityTypeMappingFiles"`)
	return r.err()
}

// properties reads the list of columns.
func (s section) properties(entities []string) []Property {
	list := s.node.find("Properties")
	switch {
	case list == nil:
		s.invalid(s.node.origin, "%s has no Properties: nothing says which columns to export", s.path).WithHint(exampleMapping)
		return nil
	case list.shape != arrayShape:
		s.invalid(list.origin, "%s must be a list in brackets", s.name("Properties")).WithHint(exampleMapping)
		return nil
	}
	c := newColumns(s.loader)
	for _, member := range list.members {
		name := s.name("Properties") + "[" + member.name + "]"
		if member.shape != objectShape {
			s.invalid(member.origin, "%s must be an object in braces", name).WithHint(exampleMapping)
			continue
		}
		c.addProperty(section{s.loader, member, name}, entities)
	}
	return c.finish(s.name("Properties"), list.origin)
}

// columns gathers the columns of a mapping.
type columns struct {
	*loader
	all    []Property
	byName map[string]int // folded names to indexes of all
}

// addProperty reads one element of Properties.
func (c *columns) addProperty(s section, entities []string) {
	s.unknown(propertyKeys)
	column := s.scalar("ConnectionColumn")
	switch {
	case s.node.find("ConnectionColumn") == nil:
		s.invalid(s.node.origin, "%s has no ConnectionColumn", s.path).
			WithHint(`Write {"ConnectionColumn": "displayName"}`)
		return
	case column == nil:
		return // reported
	}
	p := Property{Column: column.text, Origin: column.origin}
	if n := s.scalar("IsPrimaryKey"); n != nil {
		p.PrimaryKey = s.truth("IsPrimaryKey")
	}
	if s.node.find("Entities") != nil {
		p.Entities = s.entities(entities)
	}
	if first := c.find(p.Column); first != nil {
		c.invalid(p.Origin, "the column %q is there twice, first at %s", p.Column, first.Origin).
			WithHint("Remove one of them")
		return
	}
	c.add(p)
}

// entities reads the key Entities of a column: some of those that the mapping exports, as spelled there.
func (s section) entities(all []string) []string {
	var some []string
	for _, word := range s.words("Entities", "") {
		known := ""
		for _, entity := range all {
			if strings.EqualFold(entity, word.text) {
				known = entity
			}
		}
		if known == "" {
			s.invalid(word.origin, "%s names %q, which is not in C0%s", s.name("Entities"), word.text, didYouMean(word.text, all)).
				WithHint("C0 holds: %s", strings.Join(all, " "))
			continue
		}
		some = append(some, known)
	}
	return some
}

func newColumns(l *loader) *columns { return &columns{loader: l, byName: map[string]int{}} }

// find returns the column with the name in whatever case, or nil.
func (c *columns) find(column string) *Property {
	if i, ok := c.byName[fold(column)]; ok {
		return &c.all[i]
	}
	return nil
}

// add appends a column whose name is new, if the name can be one.
func (c *columns) add(p Property) {
	switch {
	case p.Column == "" || strings.TrimSpace(p.Column) != p.Column || strings.ContainsFunc(p.Column, unicode.IsControl):
		c.invalid(p.Origin, "the column name %q is empty, or has spaces around it or a line break in it", p.Column).
			WithHint("Write the name of the attribute, such as displayName")
	case strings.EqualFold(p.Column, commandColumn):
		c.invalid(p.Origin, "no column can be named %s: the first column of each file has that name", p.Column).
			WithHint("Remove it")
	default:
		c.byName[fold(p.Column)] = len(c.all)
		c.all = append(c.all, p)
	}
}

// finish checks the columns together and returns them without @odata.type, which always is the
// second column.
func (c *columns) finish(name string, at Origin) []Property {
	var columns []Property
	var keys int
	for _, p := range c.all {
		if p.PrimaryKey {
			keys++
		}
		if p.PrimaryKey && p.Column != keyColumn {
			c.invalid(p.Origin, "the column %q cannot be the primary key, only %s can: changes and links name objects by nothing else",
				p.Column, keyColumn).
				WithHint(`Set IsPrimaryKey on {"ConnectionColumn": "id"} alone; other keys come in a later version`)
		}
		if p.PrimaryKey && len(p.Entities) > 0 {
			c.invalid(p.Origin, "the primary key cannot be limited to some entities").WithHint("Remove Entities from it")
		}
		if !strings.EqualFold(p.Column, typeColumn) {
			columns = append(columns, p)
		}
	}
	switch {
	case len(c.all) == 0:
		c.invalid(at, "%s has no columns", name).WithHint(exampleMapping)
	case keys == 0:
		c.invalid(at, "%s has no primary key", name).WithHint(`Add {"ConnectionColumn": "id", "IsPrimaryKey": true}`)
	}
	return columns
}
