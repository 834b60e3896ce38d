package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
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
