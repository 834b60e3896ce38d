package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// failure is an error as `--json` prints it.
type failure struct {
	Code            string `json:"code"`
	Message         string `json:"message"`
	Hint            string `json:"hint,omitempty"`
	Setting         string `json:"setting,omitempty"`
	SystemCode      string `json:"systemCode,omitempty"`
	RequestID       string `json:"requestId,omitempty"`
	ClientRequestID string `json:"clientRequestId,omitempty"`
}

// failures gives one entry for each thing that is wrong.
func failures(err error) []failure {
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		var all []failure
		for _, one := range several.Unwrap() {
			all = append(all, failures(one)...)
		}
		return all
	}
	if refusal, ok := errors.AsType[*order.Refusal](err); ok {
		return refusalFailures(refusal)
	}
	if usage, ok := errors.AsType[usageError](err); ok {
		return []failure{{Code: string(fault.Invalid), Message: usage.Error(), Hint: "See usher --help"}}
	}
	f := failure{Code: string(fault.CodeOf(err)), Message: err.Error()}
	if e := fault.Of(err); e != nil {
		f.Hint, f.Setting, f.SystemCode, f.RequestID, f.ClientRequestID = e.Hint, e.Setting, e.SystemCode, e.RequestID, e.ClientRequestID
	} else if f.Code == string(fault.Internal) {
		f.Hint = "This should not happen; please report it with the log"
	}
	return []failure{f}
}

// refusalFailures gives one entry for each problem of a refused input of orders, behind one for the input.
func refusalFailures(r *order.Refusal) []failure {
	summary := failure{Code: string(fault.Invalid), Message: r.Source + " is refused, nothing of it was accepted"}
	if r.Count > len(r.Problems) {
		summary.Message += fmt.Sprintf(": %d problems, of which the first %d are", r.Count, len(r.Problems))
	}
	all := []failure{summary}
	for _, p := range r.Problems {
		p.Order, p.Message = visible(p.Order, ""), visible(p.Message, "")
		all = append(all, failure{Code: string(fault.Invalid), Message: p.String(), Hint: p.Hint})
	}
	return all
}

// printError tells what went wrong and what to do next, on standard error; with
// --json as one object on standard output.
func (p *program) printError(err error) {
	all := failures(err)
	if p.json {
		_ = p.printJSON(struct { // there is nowhere else to tell
			Errors []failure `json:"errors"`
		}{all})
		return
	}
	for _, f := range all {
		fmt.Fprintf(p.stderr, "usher: %s\n", visible(f.Message, "\n"))
		if f.Hint != "" {
			fmt.Fprintf(p.stderr, "       %s\n", visible(sentence(f.Hint), "\n"))
		}
	}
}

// pasted matches a hint that ends with a command to copy.
var pasted = regexp.MustCompile(`: (usher|chmod|chown|icacls|az) [^:]*$`) //nolint:gochecknoglobals // never changed

// sentence ends a text with a full stop, unless it ends a sentence already, or with a
// command that is to be copied.
func sentence(text string) string {
	if pasted.MatchString(text) {
		return text
	}
	if strings.HasSuffix(text, "?") || strings.HasSuffix(text, "!") || strings.HasSuffix(text, ".") {
		return text
	}
	return text + "."
}

// printJSON writes what a program reads; if that fails, the command has failed.
func (p *program) printJSON(v any) error {
	encoder := json.NewEncoder(p.stdout)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return fault.Errorf(fault.Storage, "write the result to standard output: %w", err)
	}
	return nil
}
