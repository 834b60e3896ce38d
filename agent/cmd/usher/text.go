package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// count gives a number with its noun.
func count(n uint64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// moment is a time for people.
func moment(t time.Time) string { return t.UTC().Format(time.DateTime + " MST") }

// phrase joins the texts that are not empty.
func phrase(all ...string) string {
	return strings.Join(slices.DeleteFunc(all, func(word string) bool { return word == "" }), " ")
}

// visible writes the characters that control a terminal as Go does in quotes, but for those of kept: a text can be
// somebody else's, such as the name of an object, and what it does to a terminal is not for its author to say.
func visible(text, kept string) string {
	control := func(r rune) bool {
		return (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) && !strings.ContainsRune(kept, r)
	}
	if !strings.ContainsFunc(text, control) {
		return text
	}
	var all strings.Builder
	for rest := text; rest != ""; {
		r, size := utf8.DecodeRuneInString(rest)
		if control(r) {
			all.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		} else {
			all.WriteString(rest[:size])
		}
		rest = rest[size:]
	}
	return all.String()
}

// harmless writes texts for people as visible does.
type harmless struct{ to io.Writer }

func (h harmless) Write(text []byte) (int, error) {
	if _, err := io.WriteString(h.to, visible(string(text), "\n\t")); err != nil {
		return 0, err
	}
	return len(text), nil
}
