package settings

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/usher-iga/usher/agent/durable"
	"github.com/usher-iga/usher/agent/settings/tree"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// objectsTable ends the name of the table of a connection's objects.
const objectsTable = "directoryobjects"

// maxTables is how many tables a message lists.
const maxTables = 10

// fileMapping makes a connection's mapping of the XML files that EntityTypeMappingFiles names: the
// columns of every mapping onto the connection's table of objects, one after the other, and the
// navigations that associations need beside the default ones. The sets of password settings in the
// files become the connection's.
func fileMapping(s tree.Section, connection *Connection, at Origin) {
	id := connection.ID
	configurations, ok := configurations(s)
	if !ok {
		return
	}
	for _, file := range s.List("EntityTypeMappingFiles") {
		connection.Fulfillment.MappingFiles = append(connection.Fulfillment.MappingFiles, tree.Item{Text: tree.Absolute(s.Dir, file.Text), Origin: file.Origin})
	}
	for _, c := range configurations {
		connection.Fulfillment.PasswordSets = append(connection.Fulfillment.PasswordSets, c.passwordSets(s)...)
	}
	var mappings []entityTypeMapping
	var tables []string
	navigations := strings.Fields(defaultNavigations)
	for _, c := range configurations {
		for _, m := range c.mappings {
			if strings.EqualFold(m.table, id+"_"+objectsTable) {
				mappings = append(mappings, m)
			}
			tables = append(tables, m.table)
		}
		for _, table := range c.associations {
			if navigation := navigationOf(id, table); navigation != "" {
				navigations = union(navigations, navigation)
			}
		}
	}
	if len(mappings) == 0 {
		found := "there are no mappings at all"
		if len(tables) > 0 {
			slices.Sort(tables)
			tables = slices.Compact(tables)
			found = "there are mappings for " + strings.Join(tables[:min(len(tables), maxTables)], ", ")
		}
		if len(tables) > maxTables {
			found += " and others"
		}
		s.Invalid(at, "no EntityTypeMapping in the files of %s has the ConnectionTable %s_%s; %s",
			s.Name("EntityTypeMappingFiles"), id, objectsTable, found).
			WithHint("Name the connection as the files do, or name the files that map it")
		return
	}
	connection.Mapping = unite(s, mappings)
	connection.Mapping.Navigations, connection.Mapping.Origin = navigations, at
}

// passwordSets are the sets of password settings in the file. A password in clear there is a secret
// like one in the settings.
func (c *configuration) passwordSets(s tree.Section) (all []PasswordSet) {
	for _, element := range c.passwords {
		at := tree.Section{Report: s.Report, Node: element.node(), Path: passwordSection + " " + element.identifier, Dir: s.Dir}
		set := passwordSet(at, element.identifier)
		if !set.DefaultPassword.IsEmpty() {
			if err := durable.CheckPrivate(set.Origin.File); err != nil {
				s.Fault(set.Origin, "DefaultPassword is a secret in clear", err)
			}
		}
		all = append(all, set)
	}
	return all
}

// configurations reads the files; false means that something was reported.
func configurations(s tree.Section) ([]*configuration, bool) {
	files := s.List("EntityTypeMappingFiles")
	before := s.Len()
	if len(files) == 0 {
		s.Invalid(s.Node.Find("EntityTypeMappingFiles").Origin, "%s names no file", s.Name("EntityTypeMappingFiles")).
			WithHint("List the XML files that map the connection, or use EntityTypeMapping")
	}
	var all []*configuration
	for _, file := range files {
		path := tree.Absolute(s.Dir, file.Text)
		source, err := tree.ReadFile(filepath.Base(path), path, s.Report)
		if errors.Is(err, fs.ErrNotExist) {
			s.Add(file.Origin, fault.Errorf(fault.Invalid, "%s: there is no file %s", file.Origin, path)).
				WithHint("Correct the path in %s; a relative one starts at %s", s.Name("EntityTypeMappingFiles"), s.Dir)
		}
		if source == nil {
			continue
		}
		if c := readXML(source, s.Report); c != nil {
			all = append(all, c)
		}
	}
	return all, s.Len() == before
}

// unite makes one mapping of several. A column that only some of them have is asked of their
// entities only.
func unite(s tree.Section, mappings []entityTypeMapping) EntityTypeMapping {
	var united EntityTypeMapping
	c := newColumns(s.Report)
	for _, m := range mappings {
		entities := m.entityNames()
		united.Entities = union(united.Entities, entities...)
		s.Take(&m.report)
		for _, p := range m.properties {
			if known := c.find(p.Column); known != nil {
				known.PrimaryKey = known.PrimaryKey || p.PrimaryKey
				known.Entities = union(known.Entities, entities...)
				continue
			}
			p.Entities = entities
			c.add(p)
		}
	}
	for i := range c.all {
		if len(c.all[i].Entities) == len(united.Entities) {
			c.all[i].Entities = nil // all of them
		}
	}
	united.Properties = c.finish("the mapping of "+mappings[0].table, mappings[0].origin)
	return united
}

// entityNames are the words of C0, or the default ones.
func (m entityTypeMapping) entityNames() []string {
	if m.entities == "" {
		return strings.Fields(defaultEntities)
	}
	return union(nil, strings.Fields(m.entities)...)
}

// navigationOf takes the navigation out of a table's name <connection>_<navigation>_<entity>; "" if
// the table is another's.
func navigationOf(id, table string) string {
	if len(table) <= len(id) || !strings.EqualFold(table[:len(id)], id) || table[len(id)] != '_' {
		return ""
	}
	navigation, entity, ok := strings.Cut(table[len(id)+1:], "_")
	if !ok || entity == "" || strings.Contains(entity, "_") || strings.EqualFold(entity, objectsTable) {
		return ""
	}
	return navigation
}

// union appends the names that differ from those there by more than case.
func union(names []string, more ...string) []string {
	names = slices.Clip(names)
	for _, name := range more {
		if !tree.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}
