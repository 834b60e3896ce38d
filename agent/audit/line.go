package audit

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-iga/usher/agent/fulfill"
	"github.com/usher-iga/usher/agent/fulfill/journal"
	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/agent/secret"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Line is one line of the log: what became of an attempt to carry out an order, or what an
// operator decided.
type Line struct {
	Number   uint64    `json:"n"`        // of all lines of the log, from 1
	Previous string    `json:"previous"` // SHA-256 of the line before, without its line break, in hexadecimal digits; empty for the first
	Time     time.Time `json:"time"`     // UTC

	// Of a decision. It is about Order or else about an intake, whose name Place is; Message is why there was
	// something to decide.
	Decision journal.Verb `json:"decision,omitempty"` // such as "release"
	By       string       `json:"by,omitempty"`
	Intake   uint64       `json:"intake,omitempty"`
	Orders   uint64       `json:"orders,omitempty"` // of the intake

	Order       string        `json:"order,omitempty"`
	Attempt     int           `json:"attempt,omitempty"` // from 1
	RequestedBy string        `json:"requestedBy,omitempty"`
	SubmittedBy string        `json:"submittedBy,omitempty"` // who gave the input, if that is not who asked
	Received    time.Time     `json:"received,omitzero"`
	Place       string        `json:"place,omitempty"` // where the order stood, such as "orders.json:12:5"
	Operation   sdk.Operation `json:"operation,omitempty"`
	Entity      string        `json:"entity,omitempty"`
	Key         order.Ref     `json:"key,omitzero"` // as the order named the object
	Object      string        `json:"object,omitempty"`

	State      order.State `json:"state,omitempty"`
	Unchanged  bool        `json:"unchanged,omitempty"`
	Code       fault.Code  `json:"code,omitempty"`
	Message    string      `json:"message,omitempty"`
	SystemCode string      `json:"systemCode,omitempty"`

	// Uncertain says that an earlier attempt, which has no line, may have written too: all that the order
	// asks for stands in Changes then, without what was before where this attempt did not write it.
	Uncertain   bool               `json:"uncertain,omitempty"`
	Requests    []Request          `json:"requests,omitempty"`
	Changes     []Change           `json:"changes,omitempty"`
	FailedLinks []order.FailedLink `json:"failedLinks,omitempty"`
}

// Request is one that was sent, with what came back; secrets are hidden in its body.
type Request struct {
	Time            time.Time       `json:"time,omitzero"`
	Method          string          `json:"method"`
	Path            string          `json:"path"`
	Body            json.RawMessage `json:"body,omitempty"`
	Status          int             `json:"status"` // 0: no answer came
	Code            string          `json:"code,omitempty"`
	RequestID       string          `json:"requestId,omitempty"`
	ClientRequestID string          `json:"clientRequestId,omitempty"`
}

// Change is what was written of an attribute or a navigation.
type Change struct {
	Path   string          `json:"path"`
	Before json.RawMessage `json:"before,omitempty"` // absent if it is not known
	After  json.RawMessage `json:"after,omitempty"`
}

// lineOf is the line of an order, without what makes it part of a log.
func lineOf(d fulfill.Done) Line {
	o, r := &d.Order, &d.Result
	line := Line{
		Order: o.ID, Attempt: r.Attempts, RequestedBy: o.RequestedBy, Received: o.Received, Place: o.Place,
		Operation: o.Operation, Entity: o.Entity, Key: o.Key, Object: r.ObjectID,
		State: r.State, Unchanged: r.Unchanged, Code: r.Code, Message: r.Message, SystemCode: r.SystemCode,
		FailedLinks: r.FailedLinks,
	}
	if o.SubmittedBy != o.RequestedBy {
		line.SubmittedBy = o.SubmittedBy
	}
	for _, e := range d.Outcome.Exchanges {
		line.Requests = append(line.Requests, Request{
			Time: e.Time.UTC(), Method: e.Method, Path: e.Path, Body: withoutSecrets(e.Body), Status: e.Status,
			Code: e.ErrorCode, RequestID: e.RequestID, ClientRequestID: e.ClientRequestID,
		})
	}
	for _, c := range d.Outcome.Changes {
		line.Changes = append(line.Changes, changeOf(c))
	}
	return line
}

// changeOf is a change without secrets.
func changeOf(c sdk.AttributeChange) Change {
	if isSecret(c.Path[strings.LastIndexByte(c.Path, '/')+1:]) {
		return Change{Path: c.Path, After: hidden}
	}
	return Change{Path: c.Path, Before: withoutSecrets(c.Before), After: withoutSecrets(c.After)}
}

// lineOfDecision is the line of a decision, without what makes it part of a log.
func lineOfDecision(d journal.Decision) Line {
	return Line{Decision: d.What, By: d.By, Intake: d.Intake, Orders: d.Orders, Place: d.Source, Order: d.Order, Message: d.Reason}
}

var hidden = json.RawMessage(`"` + secret.Hidden + `"`)

// isSecret reports whether what stands under a name must not be seen.
func isSecret(name string) bool {
	name = strings.ToLower(name)
	return strings.HasSuffix(name, "password") || strings.HasSuffix(name, "secret") || name == "secrettext"
}

// withoutSecrets is a JSON value with what must not be seen hidden. Connectors hide it already; but
// what stands here stays for years. What is no JSON is not told at all.
func withoutSecrets(value json.RawMessage) json.RawMessage {
	if len(bytes.TrimSpace(value)) == 0 {
		return nil
	}
	in := jsontext.NewDecoder(bytes.NewReader(value), jsontext.AllowDuplicateNames(true))
	var text bytes.Buffer
	out := jsontext.NewEncoder(&text, jsontext.AllowDuplicateNames(true))
	for whole := false; ; {
		token, err := in.ReadToken()
		switch {
		case err == io.EOF:
			return bytes.TrimSpace(text.Bytes())
		case whole: // a second value behind the first
			return hidden
		}
		if err == nil {
			isName := false
			if kind, n := in.StackIndex(in.StackDepth()); kind == '{' {
				isName = n%2 == 1 // it was the name that was read
			}
			secret := isName && isSecret(token.String())
			err = out.WriteToken(token)
			if err == nil && secret {
				if err = in.SkipValue(); err == nil {
					err = out.WriteValue(jsontext.Value(hidden))
				}
			}
			whole = in.StackDepth() == 0
		}
		if err != nil {
			return hidden
		}
	}
}
