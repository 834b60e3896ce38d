package entraid

import (
	"fmt"
	"net/http"
)

// refusal is why there is no token, as Entra numbers and words it.
type refusal struct {
	code    int // of AADSTS
	kind    string
	status  int
	message string
}

func missingParameter(name string) refusal {
	return refusal{900144, "invalid_request", http.StatusBadRequest,
		fmt.Sprintf("The request body must contain the following parameter: '%s'.", name)}
}

type refusalBody struct {
	Error         string `json:"error"`
	Description   string `json:"error_description"`
	Codes         []int  `json:"error_codes"`
	Timestamp     string `json:"timestamp"`
	TraceID       string `json:"trace_id"`
	CorrelationID string `json:"correlation_id"`
	URI           string `json:"error_uri"`
}

// refuse writes a refusal in the form of the token endpoint.
func (a *Authority) refuse(w http.ResponseWriter, r *http.Request, no refusal) {
	trace, correlation := newID(), r.Header.Get("client-request-id")
	if correlation == "" {
		correlation = newID()
	}
	w.Header().Set("x-ms-request-id", trace)
	w.Header().Set("client-request-id", correlation)
	timestamp := a.now().UTC().Format("2006-01-02 15:04:05Z")
	writeJSON(w, no.status, refusalBody{
		Error: no.kind,
		Description: fmt.Sprintf("AADSTS%d: %s\r\nTrace ID: %s\r\nCorrelation ID: %s\r\nTimestamp: %s",
			no.code, no.message, trace, correlation, timestamp),
		Codes:         []int{no.code},
		Timestamp:     timestamp,
		TraceID:       trace,
		CorrelationID: correlation,
		URI:           fmt.Sprintf("https://%s/error?code=%d", r.Host, no.code),
	})
}
