// Package aadsts tells in plain words why the sign-in service of Microsoft Entra gave no token. It
// has a code for each reason, such as AADSTS7000215.
package aadsts

import (
	"encoding/json"
	"strconv"
	"strings"
)

// An Answer is one without a token. The secret is in the request only, so nothing of it is here. Source:
// https://learn.microsoft.com/entra/identity-platform/reference-error-codes.
type Answer struct {
	Error         string `json:"error"` // empty: the body was no such answer
	Description   string `json:"error_description"`
	Codes         []int  `json:"error_codes"`
	TraceID       string `json:"trace_id"`
	CorrelationID string `json:"correlation_id"`
}

// Parse reads the body of an answer. It returns the zero Answer for anything else.
func Parse(body []byte) (a Answer) {
	if json.Unmarshal(body, &a) != nil {
		return Answer{}
	}
	return a
}

// Numbers returns the numbers of its codes, which some answers give in the description alone.
func (a Answer) Numbers() []int {
	if n := numberIn(a.Description); len(a.Codes) == 0 && n != 0 {
		return []int{n}
	}
	return a.Codes
}

// numberIn returns the number of the code that a description names, or 0.
func numberIn(description string) int {
	_, rest, ok := strings.Cut(description, "AADSTS")
	if !ok {
		return 0
	}
	end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(rest)
	}
	n, err := strconv.Atoi(rest[:end])
	if err != nil {
		return 0
	}
	return n
}

// maxText bounds a text of the service in a message.
const maxText = 300

// Text is the service's own reason without the code and the ids, which have places of their own.
func (a Answer) Text() string {
	text, _, _ := strings.Cut(a.Description, " Trace ID:")
	text, _, _ = strings.Cut(text, "\n")
	if strings.HasPrefix(text, "AADSTS") {
		if _, rest, ok := strings.Cut(text, ": "); ok {
			text = rest
		}
	}
	text = strings.TrimRight(strings.TrimSpace(text), ".")
	switch {
	case text == "":
		return a.Error
	case len(text) > maxText:
		return strings.ToValidUTF8(text[:maxText], "") + "..."
	}
	return text
}
