package graphapi

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// searched are the properties that a $search may name, and whether it looks for
// words in them; in the others it looks for the beginning (Use the $search query
// parameter, directory object collections).
var searched = map[string]bool{
	"displayName": true, "description": true,
	"mail": false, "mailNickname": false, "userPrincipalName": false, "givenName": false, "surname": false, "proxyAddresses": false,
	"otherMails": false, "employeeId": false,
}

// searchClause is one clause with what follows it.
var searchClause = regexp.MustCompile(`^\s*"(\w+):((?:[^"\\]|\\.)*)"\s*(AND\s|OR\s|$)`)

// parseSearch reads a $search: clauses in quotation marks, joined by AND and OR. It
// returns nil for an empty one.
func parseSearch(v tenant.View, kind tenant.Kind, text string) (*filter, error) {
	var all, alternative *filter
	for rest := text; strings.TrimSpace(rest) != ""; {
		clause := searchClause.FindStringSubmatch(rest)
		if clause == nil {
			place := len(text) - len(rest) + max(0, strings.IndexByte(rest, ':'))
			return nil, errBadRequest("BadRequest", fmt.Sprintf("Syntax error: character ':' is not valid at position %d in '%s'.", place, text))
		}
		rest = rest[len(clause[0]):]
		one, err := searchFor(v, kind, clause[1], strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(clause[2]))
		if err != nil {
			return nil, err
		}
		alternative = alternative.and(one)
		if strings.TrimSpace(clause[3]) != "AND" {
			all, alternative = all.or(alternative), nil
		}
	}
	return all, nil
}

func searchFor(v tenant.View, kind tenant.Kind, property, text string) (*filter, error) {
	inWords, ok := searched[property]
	if _, known := v.Schema(kind).Lookup(property); !ok || !known {
		// The words are not documented.
		return nil, errUnsupported(fmt.Sprintf("Property '%s' of resource '%s' is not searchable.", property, kind.Entity()))
	}
	p := filterParser{view: v, kind: kind}
	fits := func(have string) bool {
		return len(have) >= len(text) && strings.EqualFold(have[:len(text)], text)
	}
	if inWords {
		wanted := wordsOf(text)
		fits = func(have string) bool {
			words := wordsOf(have)
			return !slices.ContainsFunc(wanted, func(want string) bool {
				return !slices.ContainsFunc(words, func(word string) bool { return strings.HasPrefix(word, want) })
			})
		}
	}
	return &filter{matches: func(r tenant.Ref) bool { return slices.ContainsFunc(p.texts(r, property), fits) }}, nil
}

// wordsOf takes a text apart where something else than letters and digits stands, and where
// a word of capitals, small letters or digits ends. The words are in small letters; those that stand
// together are one more word.
func wordsOf(text string) (words []string) {
	for _, together := range strings.FieldsFunc(text, func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) }) {
		words = append(words, strings.ToLower(together))
		from := 0
		var last rune
		for i, c := range together {
			if i > 0 && (unicode.IsDigit(c) != unicode.IsDigit(last) || unicode.IsUpper(c) && unicode.IsLower(last)) {
				words = append(words, strings.ToLower(together[from:i]))
				from = i
			}
			last = c
		}
		if from > 0 {
			words = append(words, strings.ToLower(together[from:]))
		}
	}
	return words
}
