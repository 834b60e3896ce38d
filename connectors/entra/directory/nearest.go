package directory

import (
	"fmt"
	"strings"
)

// nearest asks whether the known name was meant that is most like a wrong one. If
// none is like it, it returns otherwise.
func nearest(wrong string, known []string, otherwise string) string {
	best, least := "", len(wrong)/3+2
	for _, name := range known {
		if d := distance(strings.ToLower(wrong), strings.ToLower(name)); d < least {
			best, least = name, d
		}
	}
	if best == "" {
		return otherwise
	}
	return fmt.Sprintf("Did you mean %s?", best)
}

// distance counts the characters to insert, remove or replace that make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
