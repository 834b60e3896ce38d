package settings

import (
	"slices"
	"strings"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Problems is everything that is wrong with the settings, in order of place. Each problem is a
// [fault.Invalid] whose message starts with its place, or a [fault.Storage] for a file that cannot
// be read. It is never empty as an error. [fault.Of] finds the first one.
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

// report collects problems and warnings while settings are read.
type report struct {
	problems []problem
	warnings []Warning
}

type problem struct {
	origin Origin
	err    *fault.Error
}

// invalid adds a problem at a place and returns it, for a hint.
func (r *report) invalid(at Origin, format string, args ...any) *fault.Error {
	return r.add(at, fault.Errorf(fault.Invalid, "%s: "+format, append([]any{at}, args...)...))
}

func (r *report) add(at Origin, err *fault.Error) *fault.Error {
	r.problems = append(r.problems, problem{at, err})
	return err
}

func (r *report) warn(at Origin, message, hint string) {
	r.warnings = append(r.warnings, Warning{Message: at.String() + ": " + message, Hint: hint, Origin: at})
}

// err returns the problems as [Problems] in order of place, or nil. What is found twice, because
// two connections name one file, is told once.
func (r *report) err() error {
	if len(r.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(r.problems, func(a, b problem) int { return a.origin.compare(b.origin) })
	var all Problems
	for _, problem := range r.problems {
		if len(all) == 0 || all[len(all)-1].Message != problem.err.Message {
			all = append(all, problem.err)
		}
	}
	return all
}
