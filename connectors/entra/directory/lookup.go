package directory

import "slices"

// Find returns the entity of that name.
func Find(name string) (Entity, bool) {
	all := Entities()
	if i := slices.IndexFunc(all, func(e Entity) bool { return e.Name == name }); i >= 0 {
		return all[i], true
	}
	return Entity{}, false
}

// Property returns what a path leads to, such as ["employeeOrgData", "costCenter"]. A
// directory extension is found by its name where the entity can have some; what type it
// has, only the tenant knows, and it is told as "".
func (e Entity) Property(path []string) (Property, bool) {
	at, ok := property(e.Properties, path[0])
	if !ok {
		ok = e.Extensions && len(path) == 1 && directoryExtension().MatchString(path[0])
		return Property{Name: path[0]}, ok
	}
	for _, name := range path[1:] {
		if at, ok = property(Members(at.Type), name); !ok {
			return Property{}, false
		}
	}
	return at, true
}

// Members returns the members of a complex type, or nothing if the type is a simple one.
func Members(typeName string) []Property { return members()[typeName] }

// Nearest asks whether the known name was meant that is most like a wrong one. If none is
// like it, it returns otherwise.
func Nearest(wrong string, known []string, otherwise string) string {
	return nearest(wrong, known, otherwise)
}
