package graphapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// filter is a condition on objects of one kind.
type filter struct {
	matches func(tenant.Ref) bool
	// among are the only objects that can match, if few says so.
	among []tenant.Ref
	few   bool
}

// filterable are the properties that a filter may name.
var filterable = map[string]bool{
	"id": true, "displayName": true, "userPrincipalName": true, "mail": true, "mailNickname": true, "userType": true,
	"accountEnabled": true, "department": true, "securityEnabled": true, "mailEnabled": true, "appId": true,
	"deviceId": true, "givenName": true, "surname": true, "employeeId": true, "visibility": true, "clientId": true,
	"uniqueName": true, "onPremisesImmutableId": true, "proxyAddresses": true, "otherMails": true, "roleTemplateId": true,
	"principalId": true, "resourceId": true, "appRoleId": true, "skuId": true,
}

// mostIn is how many values the operator in takes (known issues, query
// parameters).
const mostIn = 15

// parseFilter reads a $filter: comparisons with eq, ne, in, startswith, endswith
// and any, with not before them, joined by and, or and parentheses. It returns nil
// for an empty one. Advanced says that the request takes part in advanced queries,
// which ne, not and endswith are.
func parseFilter(v tenant.View, kind tenant.Kind, text string, advanced bool) (*filter, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	p := filterParser{view: v, kind: kind, rest: text, advanced: advanced}
	f, err := p.either()
	if err == nil && strings.TrimSpace(p.rest) != "" {
		err = errFilter()
	}
	return f, err
}

func errFilter() error {
	return errBadRequest("BadRequest", "Invalid filter clause: the simulated tenant reads eq, ne, in, startswith, endswith, any, and, or, not.")
}

// needsAdvanced refuses an operator of advanced queries in a request that is none
// (Advanced query capabilities on Microsoft Entra ID objects).
func (p *filterParser) needsAdvanced(operator string) error {
	if p.advanced {
		return nil
	}
	return errUnsupported("Operator: '" + operator + "' is not supported because the required parameters might be missing. Try adding " +
		"$count=true query parameter and ConsistencyLevel:eventual header. Refer to https://aka.ms/graph-docs/advanced-queries for " +
		"more information")
}

// filterParser reads a filter from left to right.
type filterParser struct {
	view tenant.View
	kind tenant.Kind
	rest string

	advanced bool
}

// The tokens that begin or follow a comparison.
var (
	wordToken    = regexp.MustCompile(`^\s*([A-Za-z_][\w/]*)`)
	literalToken = regexp.MustCompile(`^\s*('(?:[^']|'')*'|true\b|false\b|null\b|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|-?\d+\b)`)
)

func (p *filterParser) token(pattern *regexp.Regexp) (string, bool) {
	found := pattern.FindStringSubmatch(p.rest)
	if found == nil {
		return "", false
	}
	p.rest = p.rest[len(found[0]):]
	return found[1], true
}

// symbol takes a character if it comes next.
func (p *filterParser) symbol(s string) bool {
	rest, ok := strings.CutPrefix(strings.TrimLeft(p.rest, " "), s)
	if ok {
		p.rest = rest
	}
	return ok
}

// word takes a word if it comes next.
func (p *filterParser) word(want string) bool {
	before := p.rest
	if have, ok := p.token(wordToken); ok && strings.EqualFold(have, want) {
		return true
	}
	p.rest = before
	return false
}

func (p *filterParser) either() (*filter, error) {
	all, err := p.both()
	for err == nil && p.word("or") {
		var next *filter
		if next, err = p.both(); err == nil {
			all = all.or(next)
		}
	}
	return all, err
}

func (p *filterParser) both() (*filter, error) {
	all, err := p.one()
	for err == nil && p.word("and") {
		var next *filter
		if next, err = p.one(); err == nil {
			all = all.and(next)
		}
	}
	return all, err
}

// or is what matches one of two; nil matches nothing yet.
func (f *filter) or(other *filter) *filter {
	if f == nil {
		return other
	}
	return &filter{
		matches: func(r tenant.Ref) bool { return f.matches(r) || other.matches(r) },
		few:     f.few && other.few, among: append(slices.Clone(f.among), other.among...),
	}
}

// and is what matches both of two; nil matches all.
func (f *filter) and(other *filter) *filter {
	switch {
	case f == nil:
		return other
	case other == nil:
		return f
	}
	both := &filter{matches: func(r tenant.Ref) bool { return f.matches(r) && other.matches(r) }, few: f.few, among: f.among}
	if !f.few {
		both.few, both.among = other.few, other.among
	}
	return both
}

func (p *filterParser) one() (*filter, error) {
	if p.word("not") {
		if err := p.needsAdvanced("Not"); err != nil {
			return nil, err
		}
		inner, err := p.one()
		if err != nil {
			return nil, err
		}
		return &filter{matches: func(r tenant.Ref) bool { return !inner.matches(r) }}, nil
	}
	if p.symbol("(") {
		inner, err := p.either()
		if err == nil && !p.symbol(")") {
			err = errFilter()
		}
		return inner, err
	}
	name, ok := p.token(wordToken)
	if !ok {
		return nil, errFilter()
	}
	switch strings.ToLower(name) {
	case "startswith":
		return p.function(func(have, want string) bool {
			return len(have) >= len(want) && strings.EqualFold(have[:len(want)], want)
		})
	case "endswith":
		if err := p.needsAdvanced("EndsWith"); err != nil {
			return nil, err
		}
		return p.function(func(have, want string) bool {
			return len(have) >= len(want) && strings.EqualFold(have[len(have)-len(want):], want)
		})
	}
	if list, isAny := strings.CutSuffix(name, "/any"); isAny {
		return p.any(list)
	}
	switch {
	case p.word("eq"):
		literal, ok := p.token(literalToken)
		if !ok {
			return nil, errFilter()
		}
		return p.equal(name, literal)
	case p.word("ne"):
		if err := p.needsAdvanced("NotEqualsMatch"); err != nil {
			return nil, err
		}
		literal, ok := p.token(literalToken)
		if !ok {
			return nil, errFilter()
		}
		equal, err := p.equal(name, literal)
		if err != nil {
			return nil, err
		}
		return &filter{matches: func(r tenant.Ref) bool { return !equal.matches(r) }}, nil
	case p.word("in"):
		return p.in(name)
	}
	return nil, errFilter()
}

// function reads (property,'text') after the name of a function that compares them.
func (p *filterParser) function(fits func(have, want string) bool) (*filter, error) {
	if !p.symbol("(") {
		return nil, errFilter()
	}
	name, ok := p.token(wordToken)
	comma := p.symbol(",")
	literal, ok2 := p.token(literalToken)
	if !ok || !comma || !ok2 || !p.symbol(")") || !strings.HasPrefix(literal, "'") {
		return nil, errFilter()
	}
	if err := p.check(name); err != nil {
		return nil, err
	}
	want := unquoted(literal)
	return &filter{matches: func(r tenant.Ref) bool {
		return slices.ContainsFunc(p.texts(r, name), func(have string) bool { return fits(have, want) })
	}}, nil
}

// any reads (x:x eq 'text') after the name of a list.
func (p *filterParser) any(name string) (*filter, error) {
	if !p.symbol("(") {
		return nil, errFilter()
	}
	variable, ok := p.token(wordToken)
	if !ok || !p.symbol(":") || !p.word(variable) || !p.word("eq") {
		return nil, errFilter()
	}
	literal, ok := p.token(literalToken)
	if !ok || !p.symbol(")") {
		return nil, errFilter()
	}
	return p.equal(name, literal)
}

func (p *filterParser) in(name string) (*filter, error) {
	if !p.symbol("(") {
		return nil, errFilter()
	}
	var all *filter
	for n := 1; ; n++ {
		literal, ok := p.token(literalToken)
		if !ok {
			return nil, errFilter()
		}
		if n > mostIn {
			return nil, errUnsupported(fmt.Sprintf("Too many child clauses specified in search filter expression containing 'OR' operators: %d. Max allowed: %d.", n, mostIn))
		}
		next, err := p.equal(name, literal)
		if err != nil {
			return nil, err
		}
		all = all.or(next)
		if p.symbol(")") {
			return all, nil
		}
		if !p.symbol(",") {
			return nil, errFilter()
		}
	}
}

// check refuses properties that are unknown or that a filter cannot name.
func (p *filterParser) check(name string) error {
	if _, known := p.view.Schema(p.kind).Lookup(name); !known && name != "id" {
		return errBadRequest("BadRequest", fmt.Sprintf("Could not find a property named '%s' on type 'microsoft.graph.%s'.", name, p.kind.Entity()))
	}
	if !filterable[name] {
		return errUnsupported(fmt.Sprintf("Unsupported or invalid query filter clause specified for property '%s' of resource '%s'.",
			name, p.kind.Entity()))
	}
	return nil
}

// equal compares a property with a literal.
func (p *filterParser) equal(name, literal string) (*filter, error) {
	if err := p.check(name); err != nil {
		return nil, err
	}
	if literal == "true" || literal == "false" || literal == "null" {
		return &filter{matches: func(r tenant.Ref) bool {
			value := p.view.Value(r, name)
			return string(value) == literal || literal == "null" && len(value) == 0
		}}, nil
	}
	want := unquoted(literal)
	f := &filter{matches: func(r tenant.Ref) bool {
		return slices.ContainsFunc(p.texts(r, name), func(have string) bool { return strings.EqualFold(have, want) })
	}}
	if name == "id" {
		f.few = true
		if r, ok := p.view.Find(want); ok && r.Kind == p.kind {
			f.among = []tenant.Ref{r}
		}
	} else {
		f.among, f.few = p.view.Holding(p.kind, name, want)
	}
	return f, nil
}

// texts is the property's text, or the texts of its list.
func (p *filterParser) texts(r tenant.Ref, name string) []string {
	if name == "id" {
		return []string{p.view.ID(r)}
	}
	value := p.view.Value(r, name)
	var list []string
	if bytes.HasPrefix(value, []byte(`"`)) {
		list = make([]string, 1)
		if json.Unmarshal(value, &list[0]) != nil {
			return nil
		}
	} else if len(value) > 0 && json.Unmarshal(value, &list) != nil {
		return nil
	}
	return list
}

func unquoted(literal string) string {
	if !strings.HasPrefix(literal, "'") {
		return literal
	}
	return strings.ReplaceAll(literal[1:len(literal)-1], "''", "'")
}

// living returns the objects of a kind that live and match, in the order of
// their slots; nil matches all.
func (f *filter) living(v tenant.View, kind tenant.Kind) []tenant.Ref {
	var all []tenant.Ref
	add := func(r tenant.Ref) {
		if r.Kind == kind && v.Life(r) == tenant.Living && f.fits(r) {
			all = append(all, r)
		}
	}
	if f != nil && f.few {
		for _, r := range f.among {
			add(r)
		}
		slices.SortFunc(all, func(a, b tenant.Ref) int { return int(int64(a.Index) - int64(b.Index)) })
		return slices.Compact(all)
	}
	for place := range uint32(v.Slots(kind)) {
		add(v.Slot(kind, place))
	}
	return all
}

// fits says whether an object matches.
func (f *filter) fits(r tenant.Ref) bool { return f == nil || f.matches(r) }
