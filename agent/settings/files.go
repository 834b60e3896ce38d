package settings

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// objectsTable ends the name of the table of a connection's objects.
const objectsTable = "directoryobjects"

// maxTables is how many tables a message lists.
const maxTables = 10

// fileMapping makes a connection's mapping of the XML files that EntityTypeMappingFiles names: the
// columns of every mapping onto the connection's table of objects, one after the other, and the
// navigations that associations need beside the default ones.
func (s section) fileMapping(id string, at Origin) EntityTypeMapping {
	configurations, ok := s.configurations()
	if !ok {
		return EntityTypeMapping{}
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
		s.invalid(at, "no EntityTypeMapping in the files of %s has the ConnectionTable %s_%s; %s",
			s.name("EntityTypeMappingFiles"), id, objectsTable, found).
			WithHint("Name the connection as the files do, or name the files that map it")
		return EntityTypeMapping{}
	}
	mapping := s.unite(mappings)
	mapping.Navigations, mapping.Origin = navigations, at
	return mapping
}

// configurations reads the files; false means that something was reported.
func (s section) configurations() ([]*configuration, bool) {
	files := s.list("EntityTypeMappingFiles")
	before := len(s.problems)
	if len(files) == 0 {
		s.invalid(s.node.find("EntityTypeMappingFiles").origin, "%s names no file", s.name("EntityTypeMappingFiles")).
			WithHint("List the XML files that map the connection, or use EntityTypeMapping")
	}
	var all []*configuration
	for _, file := range files {
		path := absolute(s.dir, file.text)
		source, err := readSource(filepath.Base(path), path, &s.report)
		if errors.Is(err, fs.ErrNotExist) {
			s.add(file.origin, fault.Errorf(fault.Invalid, "%s: there is no file %s", file.origin, path)).
				WithHint("Correct the path in %s; a relative one starts at %s", s.name("EntityTypeMappingFiles"), s.dir)
		}
		if source == nil {
			continue
		}
		if c := readXML(source, &s.report); c != nil {
			all = append(all, c)
		}
	}
	return all, len(s.problems) == before
}

// unite makes one mapping of several. A column that only some of them have is asked of their
// entities only.
func (s section) unite(mappings []entityTypeMapping) EntityTypeMapping {
	var united EntityTypeMapping
	c := newColumns(s.loader)
	for _, m := range mappings {
		entities := m.entityNames()
		united.Entities = union(united.Entities, entities...)
		s.problems = append(s.problems, m.report.problems...)
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
		if !contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}
