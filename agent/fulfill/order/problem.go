package order

import (
	"fmt"
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
	Problems []Problem // the first MaxProblems
	Count    int       // of all
}

// Add notes a problem.
func (r *Refusal) Add(p Problem) {
	r.Count++
	if len(r.Problems) < MaxProblems {
		r.Problems = append(r.Problems, p)
	}
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
