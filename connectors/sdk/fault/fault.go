// Package fault holds the one error type of Usher: a code from a small set, a
// message in the admin's words, the cause, what to do next, and the ids under
// which the target system knows the failed request.
//
// Agent and connectors share it; it crosses the plugin boundary whole. Errors
// without a fault in their chain count as [Internal]: a bug, not a message for
// the admin.
package fault

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Code says what kind of failure an [Error] is. Programs branch on it; people
// read the message.
type Code string

// The codes. The set is part of the connector protocol: add to it, never
// change what a code means.
const (
	// Invalid: a setting, an argument or an input file is wrong. Nothing was started.
	Invalid Code = "invalid"
	// Unauthorized: the sign-in was refused.
	Unauthorized Code = "unauthorized"
	// Forbidden: signed in, but a permission is missing.
	Forbidden Code = "forbidden"
	// Refused: the target system refused a request as wrong.
	Refused Code = "refused"
	// NotFound: the named thing does not exist.
	NotFound Code = "not_found"
	// Conflict: another holder has it, such as a second run of one connection.
	Conflict Code = "conflict"
	// Throttled: the target system asked for a slower pace and time ran out.
	Throttled Code = "throttled"
	// Expired: a page token or a cookie is no longer accepted.
	Expired Code = "expired"
	// Unavailable: the target system or the way to it is down.
	Unavailable Code = "unavailable"
	// Connector: a connector program crashed, hung, is not genuine or broke the protocol.
	Connector Code = "connector"
	// Storage: a local file could not be read or written.
	Storage Code = "storage"
	// Held: the run waits for an operator's decision.
	Held Code = "held"
	// Canceled: somebody asked the work to stop.
	Canceled Code = "canceled"
	// Internal: everything else.
	Internal Code = "internal"
)

// Error is a failure that an admin can act on. Only Code and Message are obligatory.
type Error struct {
	Code    Code
	Message string // one sentence that names the thing and the place; no trailing full stop
	Hint    string // what to do next; a sentence, no trailing full stop
	Setting string // the setting it is about: a key of the connection, such as "TenantId", or a mapped column

	SystemCode      string // the target system's own code, such as "Request_BadRequest" or "AADSTS7000215"
	RequestID       string // the target system's id of the failed request
	ClientRequestID string // our id of the failed request

	Err error // the cause; its text stands in Error()
}

// Errorf makes an [Error]. As in [fmt.Errorf], an operand of %w becomes the cause; its
// text is then part of the message already and is not repeated.
func Errorf(code Code, format string, args ...any) *Error {
	wrapped := fmt.Errorf(format, args...)
	return &Error{Code: code, Message: wrapped.Error(), Err: folded{errors.Unwrap(wrapped)}.orNil()}
}

// WithHint sets what to do next and returns e.
func (e *Error) WithHint(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// WithSetting sets the setting that e is about and returns e.
func (e *Error) WithSetting(key string) *Error {
	e.Setting = key
	return e
}

// Error gives the message, the cause if it is not part of the message, and the
// ids of the failed request, but not the hint: a hint is a line of its own.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Message)
	if e.Err != nil {
		if _, ok := e.Err.(folded); !ok {
			b.WriteString(": ")
			b.WriteString(e.Err.Error())
		}
	}
	var ids []string
	for _, id := range [...]struct{ name, value string }{
		{"code", e.SystemCode}, {"request-id", e.RequestID}, {"client-request-id", e.ClientRequestID},
	} {
		if id.value != "" {
			ids = append(ids, id.name+" "+id.value)
		}
	}
	if len(ids) > 0 {
		b.WriteString(" (")
		b.WriteString(strings.Join(ids, ", "))
		b.WriteString(")")
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error {
	if f, ok := e.Err.(folded); ok {
		return f.error
	}
	return e.Err
}

// folded marks a cause whose text stands in the message already.
type folded struct{ error }

func (f folded) orNil() error {
	if f.error == nil {
		return nil
	}
	return f
}

// Of returns the outermost [Error] in err's chain, or nil.
func Of(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return nil
}

// CodeOf returns the code of err: that of the outermost [Error] in its chain,
// [Canceled] for a cancelled context, [Internal] otherwise, "" for nil.
func CodeOf(err error) Code {
	switch e := Of(err); {
	case err == nil:
		return ""
	case e != nil:
		return e.Code
	case errors.Is(err, context.Canceled):
		return Canceled
	default:
		return Internal
	}
}

// Is reports whether err has the code.
func Is(err error, code Code) bool { return err != nil && CodeOf(err) == code }
