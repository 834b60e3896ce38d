package settings

import (
	"strings"
	"unicode"

	"github.com/usher-iga/usher/agent/settings/tree"
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

// mapping reads what the connection exports, from its EntityTypeMapping or the files of
// EntityTypeMappingFiles, and what these files say about orders.
func mapping(s tree.Section, c *Connection) {
	own, files := s.Node.Find("EntityTypeMapping"), s.Node.Find("EntityTypeMappingFiles")
	switch {
	case own != nil && files != nil:
		s.Invalid(files.Origin, "%s has both EntityTypeMapping (%s) and EntityTypeMappingFiles", s.Path, own.Origin).
			WithHint("Remove one of them")
	case files != nil:
		fileMapping(s, c, files.Origin)
	case own != nil:
		c.Mapping = ownMapping(s, own)
	}
}

// ownMapping reads the EntityTypeMapping of a connection.
func ownMapping(s tree.Section, own *tree.Node) EntityTypeMapping {
	m := s.Child("EntityTypeMapping")
	if own.Shape != tree.Object {
		return EntityTypeMapping{} // reported
	}
	m.Unknown(mappingKeys)
	mapping := EntityTypeMapping{
		Entities:    tree.Texts(m.Words("C0", defaultEntities)),
		Navigations: tree.Texts(m.Words("Navigations", defaultNavigations)),
		Origin:      own.Origin,
	}
	if c0 := m.Node.Find("C0"); len(mapping.Entities) == 0 {
		s.Invalid(c0.Origin, "%s names no entity", m.Name("C0")).
			WithHint("Write for example \"C0\": %q, which is the default", defaultEntities)
	}
	mapping.Properties = properties(m, mapping.Entities)
	return mapping
}

// CheckMapping returns nil if the connection can be exported: the settings say which columns. It
// is no error of the settings if they do not, for a connection may be there for other uses or for
// another product. The error is a [Problems].
func (c *Connection) CheckMapping() error {
	if len(c.Mapping.Properties) > 0 {
		return nil
	}
	var r tree.Report
	r.Invalid(c.Origin, "the connection %s has no EntityTypeMapping: nothing says which columns to export", c.ID).
		WithHint(exampleMapping + `, or name XML files in "EntityTypeMappingFiles"`)
	return r.Err()
}

// properties reads the list of columns.
func properties(s tree.Section, entities []string) []Property {
	list := s.Node.Find("Properties")
	switch {
	case list == nil:
		s.Invalid(s.Node.Origin, "%s has no Properties: nothing says which columns to export", s.Path).WithHint(exampleMapping)
		return nil
	case list.Shape != tree.Array:
		s.Invalid(list.Origin, "%s must be a list in brackets", s.Name("Properties")).WithHint(exampleMapping)
		return nil
	}
	c := newColumns(s.Report)
	for _, member := range list.Members {
		name := s.Name("Properties") + "[" + member.Name + "]"
		if member.Shape != tree.Object {
			s.Invalid(member.Origin, "%s must be an object in braces", name).WithHint(exampleMapping)
			continue
		}
		c.addProperty(tree.Section{Report: s.Report, Node: member, Path: name, Dir: s.Dir}, entities)
	}
	return c.finish(s.Name("Properties"), list.Origin)
}

// columns gathers the columns of a mapping.
type columns struct {
	*tree.Report
	all    []Property
	byName map[string]int // folded names to indexes of all
}

// addProperty reads one element of Properties.
func (c *columns) addProperty(s tree.Section, entities []string) {
	s.Unknown(propertyKeys)
	column := s.Scalar("ConnectionColumn")
	switch {
	case s.Node.Find("ConnectionColumn") == nil:
		s.Invalid(s.Node.Origin, "%s has no ConnectionColumn", s.Path).
			WithHint(`Write {"ConnectionColumn": "displayName"}`)
		return
	case column == nil:
		return // reported
	}
	p := Property{Column: column.Text(), Origin: column.Origin}
	if n := s.Scalar("IsPrimaryKey"); n != nil {
		p.PrimaryKey = s.Truth("IsPrimaryKey")
	}
	if s.Node.Find("Entities") != nil {
		p.Entities = entitiesOf(s, entities)
	}
	if first := c.find(p.Column); first != nil {
		c.Invalid(p.Origin, "the column %q is there twice, first at %s", p.Column, first.Origin).
			WithHint("Remove one of them")
		return
	}
	c.add(p)
}

// entitiesOf reads the key Entities of a column: some of those that the mapping exports, as spelled there.
func entitiesOf(s tree.Section, all []string) []string {
	var some []string
	for _, word := range s.Words("Entities", "") {
		known := ""
		for _, entity := range all {
			if strings.EqualFold(entity, word.Text) {
				known = entity
			}
		}
		if known == "" {
			s.Invalid(word.Origin, "%s names %q, which is not in C0%s", s.Name("Entities"), word.Text, tree.DidYouMean(word.Text, all)).
				WithHint("C0 holds: %s", strings.Join(all, " "))
			continue
		}
		some = append(some, known)
	}
	return some
}

func newColumns(r *tree.Report) *columns { return &columns{Report: r, byName: map[string]int{}} }

// find returns the column with the name in whatever case, or nil.
func (c *columns) find(column string) *Property {
	if i, ok := c.byName[strings.ToLower(column)]; ok {
		return &c.all[i]
	}
	return nil
}

// add appends a column whose name is new, if the name can be one.
func (c *columns) add(p Property) {
	switch {
	case p.Column == "" || strings.TrimSpace(p.Column) != p.Column || strings.ContainsFunc(p.Column, unicode.IsControl):
		c.Invalid(p.Origin, "the column name %q is empty, or has spaces around it or a line break in it", p.Column).
			WithHint("Write the name of the attribute, such as displayName")
	case strings.EqualFold(p.Column, commandColumn):
		c.Invalid(p.Origin, "no column can be named %s: the first column of each file has that name", p.Column).
			WithHint("Remove it")
	default:
		c.byName[strings.ToLower(p.Column)] = len(c.all)
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
			c.Invalid(p.Origin, "the column %q cannot be the primary key, only %s can: changes and links name objects by nothing else",
				p.Column, keyColumn).
				WithHint(`Set IsPrimaryKey on {"ConnectionColumn": "id"} alone; other keys come in a later version`)
		}
		if p.PrimaryKey && len(p.Entities) > 0 {
			c.Invalid(p.Origin, "the primary key cannot be limited to some entities").WithHint("Remove Entities from it")
		}
		if !strings.EqualFold(p.Column, typeColumn) {
			columns = append(columns, p)
		}
	}
	switch {
	case len(c.all) == 0:
		c.Invalid(at, "%s has no columns", name).WithHint(exampleMapping)
	case keys == 0:
		c.Invalid(at, "%s has no primary key", name).WithHint(`Add {"ConnectionColumn": "id", "IsPrimaryKey": true}`)
	}
	return columns
}
