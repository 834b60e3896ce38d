package tenant

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// leadFunc returns the index of the one object from the seed that can have a
// text as its value.
type leadFunc func(w *World, text string) (index uint32, ok bool)

// nameKey is a value, in lower case, of a property by its position.
type nameKey struct {
	kind     Kind
	position int
	text     string
}

// name notes a value that was set, if objects are found by the property.
func (o *overlay) name(r Ref, p *Property, value []byte) {
	if p.lead == nil {
		return
	}
	if o.names == nil {
		o.names = map[nameKey][]uint32{}
	}
	for _, text := range jsonTexts(value) {
		key := nameKey{r.Kind, p.position, strings.ToLower(text)}
		if !slices.Contains(o.names[key], r.Index) {
			o.names[key] = append(o.names[key], r.Index)
		}
	}
}

// Holding returns the living objects of a kind whose property is a text, or a
// list that holds it, in either case of letters and in the order of their
// slots. It takes no longer in a large tenant than in a small one; ok is false
// for properties for which that is impossible.
func (v View) Holding(k Kind, property, text string) (found []Ref, ok bool) {
	position, known := v.schemas[k].Lookup(property)
	if !known || v.schemas[k].Properties[position].lead == nil {
		return nil, false
	}
	p := &v.schemas[k].Properties[position]
	candidates := slices.Clone(v.overlay.names[nameKey{k, position, strings.ToLower(text)}])
	if index, ok := p.lead(v.World, text); ok && !slices.Contains(candidates, index) {
		candidates = append(candidates, index)
	}
	slices.Sort(candidates)
	for _, index := range candidates {
		r := Ref{k, index}
		if v.Life(r) == Living && slices.ContainsFunc(jsonTexts(v.Value(r, property)), func(have string) bool {
			return strings.EqualFold(have, text)
		}) {
			found = append(found, r)
		}
	}
	return found, true
}

// Value is a property's value as JSON; nil if it was never set or if there is
// no such property.
func (v View) Value(r Ref, property string) json.RawMessage {
	position, ok := v.schemas[r.Kind].Lookup(property)
	if !ok {
		return nil
	}
	o := v.State(r, false)
	return o.AppendValue(nil, &v.schemas[r.Kind].Properties[position])
}

// Touched says whether a change has set a property.
func (v View) Touched(r Ref, property string) bool {
	position, ok := v.schemas[r.Kind].Lookup(property)
	o := v.State(r, false)
	if !ok || o.record == nil {
		return false
	}
	_, touched := o.record.value(v.version, position)
	return touched
}

// jsonTexts is the text that a JSON string holds, or the texts of a list.
func jsonTexts(value []byte) []string {
	var list []string
	if len(value) > 0 && value[0] == '"' {
		list = make([]string, 1)
		if json.Unmarshal(value, &list[0]) != nil {
			return nil
		}
		return list
	}
	if json.Unmarshal(value, &list) != nil {
		return nil
	}
	return list
}

func nobody(*World, string) (uint32, bool) { return 0, false }

// userNumber reads the number at the end of a login, see appendLogin.
func userNumber(_ *World, text string) (uint32, bool) {
	login, _, _ := strings.Cut(text, "@")
	login, _, _ = strings.Cut(login, "_")
	return parseIndex(login[strings.LastIndexByte(login, '.')+1:])
}

// groupNumber reads the number in a nickname, see appendNickname.
func groupNumber(_ *World, text string) (uint32, bool) {
	nickname, _, _ := strings.Cut(text, "@")
	return parseIndex(nickname[strings.LastIndexAny(nickname, "pP")+1:])
}

func employeeNumber(_ *World, text string) (uint32, bool) {
	n, ok := parseIndex(text)
	return n - 1, ok && n > 0
}

func immutableNumber(w *World, text string) (uint32, bool) { return w.numbered(text, spaceImmutable) }

func appNumber(w *World, text string) (uint32, bool) { return w.numbered(text, spaceAppID) }

// numbered is the number of a GUID of a space.
func (w *World) numbered(text string, space byte) (uint32, bool) {
	b, ok := parseGUID(text)
	if !ok {
		return 0, false
	}
	found, n, ok := w.ids.open(b[:])
	return uint32(n), ok && found == space
}

func parseIndex(digits string) (uint32, bool) {
	n, err := strconv.ParseUint(digits, 10, 32)
	return uint32(n), err == nil
}
