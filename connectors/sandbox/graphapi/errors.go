package graphapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/usher-iga/usher/connectors/sandbox/edit"
)

// apiError is an error as Graph tells it.
type apiError struct {
	status  int
	code    string
	message string
	details []edit.Detail
	header  http.Header // further headers of the response
}

func (e *apiError) Error() string { return e.code + ": " + e.message }

func errBadRequest(code, message string) *apiError {
	return &apiError{status: http.StatusBadRequest, code: code, message: message}
}

func errUnsupported(message string) *apiError {
	return errBadRequest("Request_UnsupportedQuery", message)
}

// errStaleLink is what the directory says to a link that it cannot read,
// however old it is.
func errStaleLink() *apiError {
	return errUnsupported("DeltaLink older than 30 days is not supported.")
}

func errExpiredPage() *apiError {
	return errBadRequest("Directory_ExpiredPageToken",
		"The specified page token value has expired and can no longer be included in your request.")
}

func errNotFound(id string) *apiError {
	return &apiError{status: http.StatusNotFound, code: "Request_ResourceNotFound", message: fmt.Sprintf(
		"Resource '%s' does not exist or one of its queried reference-property objects are not present.", id)}
}

func errNoSegment(segment string) *apiError {
	return errBadRequest("BadRequest", fmt.Sprintf("Resource not found for the segment '%s'.", segment))
}

func errForbidden() *apiError {
	return &apiError{status: http.StatusForbidden, code: "Authorization_RequestDenied",
		message: "Insufficient privileges to complete the operation."}
}

func errThrottled() *apiError {
	return &apiError{status: http.StatusTooManyRequests, code: "TooManyRequests", message: "Please retry again later."}
}

func errToken(message, challenge string) *apiError {
	return &apiError{status: http.StatusUnauthorized, code: "InvalidAuthenticationToken", message: message,
		header: http.Header{"Www-Authenticate": {challenge}}}
}

type errorBody struct {
	Error mainError `json:"error"`
}

type mainError struct {
	Code       string        `json:"code"`
	Message    string        `json:"message"`
	Details    []edit.Detail `json:"details,omitempty"`
	InnerError innerError    `json:"innerError"`
}

type innerError struct {
	Code            string `json:"code,omitempty"`
	Date            string `json:"date"`
	Message         string `json:"message,omitempty"`
	RequestID       string `json:"request-id"`
	ClientRequestID string `json:"client-request-id,omitempty"`
	Status          string `json:"status,omitempty"`
}

// Refuse returns a function that writes an error response as this service
// does, for refusals that come from elsewhere.
func Refuse(now func() time.Time) func(w http.ResponseWriter, r *http.Request, status int, code, message string) {
	return func(w http.ResponseWriter, _ *http.Request, status int, code, message string) {
		writeError(w, &apiError{status: status, code: code, message: message}, now())
	}
}

// writeError writes an error with the ids that the response's headers carry. A
// 429 has the inner error that the documentation of throttling shows.
func writeError(w http.ResponseWriter, failure *apiError, now time.Time) {
	inner := innerError{
		Date:            now.UTC().Format("2006-01-02T15:04:05"),
		RequestID:       w.Header().Get("request-id"),
		ClientRequestID: w.Header().Get("client-request-id"),
	}
	if failure.status == http.StatusTooManyRequests {
		inner.Code, inner.Status, inner.Message = "429", "429", "Please retry after"
	}
	body, err := json.Marshal(errorBody{mainError{failure.code, failure.message, failure.details, inner}})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(failure.status)
	// An error here means that the client is gone.
	_, _ = w.Write(body)
}
