package tree

import (
	"slices"
	"strings"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Problems is everything that is wrong with the settings, in order of place. The message of each
// starts with its place. Most are [fault.Invalid]; a file that cannot be read is a [fault.Storage],
// and a vault that cannot be reached has the code that says why. It is never empty as an error.
// [fault.Of] finds the first one.
type Problems []*fault.Error

// Error gives one problem a line, without the hints.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives the problems to [errors.Is] and [errors.As].
func (p Problems) Unwrap() []error {
	errs := make([]error, len(p))
	for i, problem := range p {
		errs[i] = problem
	}
	return errs
}

// Warning is something that an admin should look at and that stops nothing.
type Warning struct {
	Message string // starts with the place, as a problem's message does
	Hint    string // what to do about it; may be empty
	Origin  Origin
}

// String gives the message.
func (w Warning) String() string { return w.Message }

// Report collects problems and warnings while settings are read. The zero value is empty.
type Report struct {
	problems []problem
	warnings []Warning
}

type problem struct {
	origin Origin
	err    *fault.Error
}

// Invalid adds a problem at a place and returns it, for a hint.
func (r *Report) Invalid(at Origin, format string, args ...any) *fault.Error {
	return r.Add(at, fault.Errorf(fault.Invalid, "%s: "+format, append([]any{at}, args...)...))
}

// Add adds a problem whose message names its place already, and returns it.
func (r *Report) Add(at Origin, err *fault.Error) *fault.Error {
	r.problems = append(r.problems, problem{at, err})
	return err
}

// Fault adds what another package found, with the place before its message and, unless it is empty,
// what it is about. Code, setting, hint and ids stay.
func (r *Report) Fault(at Origin, what string, err error) *fault.Error {
	if what != "" {
		what += ": "
	}
	f := fault.Of(err)
	if f == nil {
		return r.Add(at, fault.Errorf(fault.CodeOf(err), "%s: %s%w", at, what, err))
	}
	located := *f
	located.Message = at.String() + ": " + what + f.Message
	return r.Add(at, &located)
}

// Warn adds a warning; hint may be empty.
func (r *Report) Warn(at Origin, message, hint string) {
	r.warnings = append(r.warnings, Warning{Message: at.String() + ": " + message, Hint: hint, Origin: at})
}

// Take adds all that another report has.
func (r *Report) Take(other *Report) {
	r.problems = append(r.problems, other.problems...)
	r.warnings = append(r.warnings, other.warnings...)
}

// Len is how many problems there are.
func (r *Report) Len() int { return len(r.problems) }

// Warnings returns the warnings in order of place.
func (r *Report) Warnings() []Warning {
	slices.SortStableFunc(r.warnings, func(a, b Warning) int { return a.Origin.Compare(b.Origin) })
	return r.warnings
}

// Err returns the problems as [Problems] in order of place, or nil. What is found twice, because
// two connections name one file, is told once.
func (r *Report) Err() error {
	if len(r.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(r.problems, func(a, b problem) int { return a.origin.Compare(b.origin) })
	var all Problems
	for _, problem := range r.problems {
		if len(all) == 0 || all[len(all)-1].Message != problem.err.Message {
			all = append(all, problem.err)
		}
	}
	return all
}
