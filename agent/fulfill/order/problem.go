package order

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Problem is one reason why an input of orders is refused.
type Problem struct {
	Place   string `json:"place,omitempty"` // such as "orders.json:12:5"
	Order   string `json:"order,omitempty"`
	Subject string `json:"subject,omitempty"` // the attribute or navigation; empty: the order as a whole
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// String is the problem in one line.
func (p Problem) String() string {
	var b strings.Builder
	for _, part := range []struct{ format, value string }{
		{"%s: ", p.Place}, {"order %s: ", p.Order}, {"%s: ", p.Subject},
	} {
		if part.value != "" {
			fmt.Fprintf(&b, part.format, part.value)
		}
	}
	b.WriteString(p.Message)
	return b.String()
}

// MaxProblems is how many problems of one input are told; who reads more than that?
const MaxProblems = 100

// Refusal is why an input is refused whole. It is the cause of a fault of code Invalid.
type Refusal struct {
	Source   string    // the name of the input
	Problems []Problem // the first MaxProblems, sorted by place
	Count    int       // of all
	Partial  bool      // the input could not be read to its end: who knows what orders it has
}

// Add notes a problem.
func (r *Refusal) Add(p Problem) {
	r.Count++
	i, _ := slices.BinarySearchFunc(r.Problems, p.Place, func(there Problem, place string) int {
		return cmp.Or(comparePlaces(there.Place, place), -1) // behind those of the same place
	})
	if i == MaxProblems {
		return
	}
	r.Problems = slices.Insert(r.Problems[:min(len(r.Problems), MaxProblems-1)], i, p)
}

// Merge notes what another refusal tells.
func (r *Refusal) Merge(other *Refusal) {
	for _, p := range other.Problems {
		r.Add(p)
	}
	r.Count += other.Count - len(other.Problems)
	r.Partial = r.Partial || other.Partial
}

// comparePlaces sorts places by input, line and column; no place comes first.
func comparePlaces(a, b string) int {
	restA, columnA := cutNumber(a)
	restB, columnB := cutNumber(b)
	nameA, lineA := cutNumber(restA)
	nameB, lineB := cutNumber(restB)
	return cmp.Or(cmp.Compare(nameA, nameB), cmp.Compare(lineA, lineB), cmp.Compare(columnA, columnB))
}

// cutNumber cuts ":12" off the end of a place.
func cutNumber(place string) (rest string, number int) {
	i := strings.LastIndexByte(place, ':')
	if i < 0 {
		return place, 0
	}
	number, err := strconv.Atoi(place[i+1:])
	if err != nil {
		return place, 0
	}
	return place[:i], number
}

// Error tells the first problem and how many there are.
func (r *Refusal) Error() string {
	switch r.Count {
	case 0:
		return "nothing is wrong"
	case 1:
		return r.Problems[0].String()
	default:
		return fmt.Sprintf("%s (and %d more)", r.Problems[0], r.Count-1)
	}
}

// Err is nil without a problem, else a fault of code Invalid whose cause is r.
func (r *Refusal) Err() error {
	if r.Count == 0 {
		return nil
	}
	f := fault.Errorf(fault.Invalid, "%s is refused, nothing of it was accepted: %w", r.Source, r)
	f.Hint = r.Problems[0].Hint
	return f
}
