package tree

import (
	"slices"
	"strings"
)

// CloseBy is the edit distance at which a name is taken for a misspelled one.
const CloseBy = 2

// Contains reports whether names has name in whatever case.
func Contains(names []string, name string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
}

// Nearest returns the first of the names with the least edit distance to name, case aside, if that is at most
// limit and name has at least something in common with it; otherwise "".
func Nearest(name string, names []string, limit int) string {
	best := ""
	for _, candidate := range names {
		// A long name is not worth comparing; a short one is near to everything.
		if len(name) > 2*len(candidate)+limit {
			continue
		}
		if d := distance(fold(name), fold(candidate)); d <= limit && 2*d <= len(candidate) {
			best, limit = candidate, d-1
		}
	}
	return best
}

// DidYouMean is the end of a message about an unknown name: a question, or nothing.
func DidYouMean(name string, names []string) string {
	if near := Nearest(name, names, max(CloseBy, len(name)/4)); near != "" {
		return ", did you mean " + near + "?"
	}
	return ""
}

// distance is the number of letters to insert, delete, replace or swap with a neighbour that turns a into b.
func distance(a, b string) int {
	from, to := []rune(a), []rune(b)
	var twoUp []int
	up := make([]int, len(to)+1)
	for j := range up {
		up[j] = j
	}
	for i := range from {
		row := make([]int, len(to)+1)
		row[0] = i + 1
		for j := range to {
			cost := 1
			if from[i] == to[j] {
				cost = 0
			}
			row[j+1] = min(row[j]+1, up[j+1]+1, up[j]+cost)
			if i > 0 && j > 0 && from[i] == to[j-1] && from[i-1] == to[j] {
				row[j+1] = min(row[j+1], twoUp[j-1]+1)
			}
		}
		twoUp, up = up, row
	}
	return up[len(to)]
}
