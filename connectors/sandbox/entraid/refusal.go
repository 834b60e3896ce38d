package entraid

import (
	"fmt"
	"net/http"

	"github.com/usher-iga/usher/connectors/sandbox/reply"
)

// Refusal is why there is no token, as Entra numbers and words it.
type Refusal struct {
	Code    int    // of AADSTS
	Kind    string // of OAuth 2.0, such as invalid_client
	Status  int    // of HTTP
	Message string
	// RetryAfter is the value of that header, if there is to be one.
	RetryAfter string
}

// Error is the refusal in one line.
func (no *Refusal) Error() string { return fmt.Sprintf("AADSTS%d: %s", no.Code, no.Message) }

// Codes of refusals that come from more than one place, or on request.
const (
	codeWrongSecret       = 7000215
	codeExpiredSecret     = 7000222
	codeBadSignature      = 700027
	codeUnknownClient     = 700016
	codeDisabledClient    = 7000112
	codeNoConsent         = 65001
	codeUnknownResource   = 500011
	codeConditionalAccess = 53003
	codeTransient         = 90033
	codeLoop              = 50196
	codeThrottled         = 90055
	codeCrossCloud        = 900382
)

// refusal words one of the refusals of this application by its code; nil if
// there is none (Microsoft Entra authentication and authorization error codes).
func (r *Registration) refusal(code int) *Refusal {
	no := func(kind string, status int, format string, args ...any) *Refusal {
		return &Refusal{Code: code, Kind: kind, Status: status, Message: fmt.Sprintf(format, args...)}
	}
	const client, grant = "invalid_client", "invalid_grant"
	switch code {
	case codeWrongSecret:
		return no(client, http.StatusUnauthorized, "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '%s'.", r.ClientID)
	case codeExpiredSecret:
		return no(client, http.StatusUnauthorized, "The provided client secret keys for app '%s' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds.", r.ClientID)
	case codeBadSignature:
		return no(client, http.StatusUnauthorized, "Client assertion contains an invalid signature. [Reason - The key was not found., Please visit the Azure Portal, Graph Explorer or directly use MS Graph to see configured keys for app Id '%s'.]", r.ClientID)
	case codeUnknownClient:
		return r.unknownClient(r.ClientID)
	case codeDisabledClient:
		return no("unauthorized_client", http.StatusUnauthorized, "Application '%s'(%s) is disabled.", r.ClientID, r.DisplayName)
	case codeNoConsent:
		return no(grant, http.StatusBadRequest, "The user or administrator has not consented to use the application with ID '%s' named '%s'. Send an interactive authorization request for this user and resource.", r.ClientID, r.DisplayName)
	case codeUnknownResource:
		return r.unknownResource(graphAppID)
	case codeConditionalAccess:
		return no(grant, http.StatusBadRequest, "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.")
	case codeTransient:
		return no("temporarily_unavailable", http.StatusServiceUnavailable, "A transient error has occurred. Please try again.")
	case codeLoop:
		return no(grant, http.StatusBadRequest, "The server terminated an operation because it encountered a client request loop. Please contact your app vendor.")
	case codeThrottled:
		return no("temporarily_unavailable", http.StatusTooManyRequests, "There are too many incoming requests. Please try again later.")
	}
	return nil
}

func (r *Registration) unknownClient(id string) *Refusal {
	return &Refusal{Code: codeUnknownClient, Kind: "unauthorized_client", Status: http.StatusBadRequest, Message: fmt.Sprintf(
		"Application with identifier '%s' was not found in the directory '%s'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.", id, r.TenantID)}
}

func (r *Registration) unknownResource(name string) *Refusal {
	return &Refusal{Code: codeUnknownResource, Kind: "invalid_resource", Status: http.StatusBadRequest, Message: fmt.Sprintf(
		"The resource principal named %s was not found in the tenant named %s. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You might have sent your authentication request to the wrong tenant.", name, r.TenantID)}
}

func missingParameter(name string) *Refusal {
	return &Refusal{Code: 900144, Kind: "invalid_request", Status: http.StatusBadRequest,
		Message: fmt.Sprintf("The request body must contain the following parameter: '%s'.", name)}
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
func (a *Authority) refuse(w http.ResponseWriter, r *http.Request, no *Refusal) {
	trace, correlation := reply.NewID(), r.Header.Get("client-request-id")
	if correlation == "" {
		correlation = reply.NewID()
	}
	w.Header().Set("x-ms-request-id", trace)
	w.Header().Set("client-request-id", correlation)
	if no.RetryAfter != "" {
		w.Header().Set("Retry-After", no.RetryAfter)
	}
	timestamp := a.now().UTC().Format("2006-01-02 15:04:05Z")
	reply.JSON(w, no.Status, refusalBody{
		Error: no.Kind,
		Description: fmt.Sprintf("AADSTS%d: %s\r\nTrace ID: %s\r\nCorrelation ID: %s\r\nTimestamp: %s",
			no.Code, no.Message, trace, correlation, timestamp),
		Codes:         []int{no.Code},
		Timestamp:     timestamp,
		TraceID:       trace,
		CorrelationID: correlation,
		URI:           fmt.Sprintf("https://%s/error?code=%d", r.Host, no.Code),
	})
}
