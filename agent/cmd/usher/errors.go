package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

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

// printError tells what went wrong and what to do next, on standard error; with
// --json as one object on standard output.
func (p *program) printError(err error) {
	all := failures(err)
	if p.json {
		printJSON(p.stdout, struct {
			Errors []failure `json:"errors"`
		}{all})
		return
	}
	for _, f := range all {
		fmt.Fprintf(p.stderr, "usher: %s\n", f.Message)
		if f.Hint != "" {
			fmt.Fprintf(p.stderr, "       %s.\n", f.Hint)
		}
	}
}

func printJSON(w io.Writer, v any) {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(v) // a closed pipe is the reader's choice
}
