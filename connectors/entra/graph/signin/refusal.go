package signin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/usher-iga/usher/connectors/entra/graph/cloud"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// An answer of the authority that holds no token. Source:
// https://learn.microsoft.com/entra/identity-platform/reference-error-codes.
type answer struct {
	Error         string `json:"error"`
	Description   string `json:"error_description"`
	Codes         []int  `json:"error_codes"`
	TraceID       string `json:"trace_id"`
	CorrelationID string `json:"correlation_id"`
}

// A reason is what one AADSTS code means to an admin.
type reason struct{ message, hint, setting string }

var reasons = map[int]reason{
	7000215: {"the client secret is wrong", "Put the secret's value into ApplicationKey, not its ID; the value is shown only once, so make a new secret if it is lost", "ApplicationKey"},
	7000222: {"the client secret has expired", "Make a new secret in the app registration and put its value into ApplicationKey", "ApplicationKey"},
	700016:  {"the application does not exist in this tenant", "Check ApplicationId and TenantId, and that an admin of the tenant has given consent", "ApplicationId"},
	90002:   {"the tenant does not exist in this cloud", "Check TenantId, and that Cloud or MicrosoftAuthorityPath name the cloud of the tenant", "TenantId"},
	900023:  {"TenantId is not a tenant's GUID or domain name", "Copy the Tenant ID from the overview page of Microsoft Entra", "TenantId"},
	700027:  {"the certificate is not registered with the application", "Upload the certificate (without its key) to the app registration, or check ApplicationCertificateFile", "ApplicationCertificateFile"},
	700024:  {"the signature is outside of its time", "Check the clock of this machine", ""},
	7000112: {"the application is disabled", "Have an admin of the tenant enable it under Enterprise applications", "ApplicationId"},
}

// reasonOf looks a code up. What is wrong with the scope is told about the setting
// that it comes from.
func reasonOf(code int, e cloud.Endpoints) (reason, bool) {
	switch code {
	case 500011:
		return reason{
			"the tenant knows no service of the scope " + e.Scope,
			"Check that " + e.ScopeSetting + " is right and belongs to the cloud of the tenant", e.ScopeSetting,
		}, true
	case 1002012:
		return reason{
			e.Scope + " is not a scope for an application",
			"Check " + e.ScopeSetting + ": the scope is the host of Microsoft Graph with /.default behind it", e.ScopeSetting,
		}, true
	}
	r, ok := reasons[code]
	return r, ok
}

// refusal makes an error of an answer without a token. The secret is in the
// request only, so nothing of it can get into the text.
func refusal(e cloud.Endpoints, resp *http.Response, body []byte) error {
	host := hostOf(e)
	var a answer
	if err := json.Unmarshal(body, &a); err != nil || a.Error == "" {
		return fault.Errorf(fault.Unavailable, "%s answered %d to the sign-in, without a reason", host, resp.StatusCode).
			WithHint("A proxy or a firewall may stand in between, or MicrosoftAuthorityPath is wrong")
	}
	f := fault.Errorf(codeOf(resp.StatusCode), "%s refused the sign-in: %s", host, firstSentence(a))
	f.WithHint("Look the code up at https://login.microsoftonline.com/error")
	f.SystemCode, f.RequestID, f.ClientRequestID = a.Error, a.TraceID, a.CorrelationID
	for i, code := range a.codes() {
		if i == 0 {
			f.SystemCode = "AADSTS" + strconv.Itoa(code)
		}
		if r, ok := reasonOf(code, e); ok {
			f.SystemCode = "AADSTS" + strconv.Itoa(code)
			f.Message = fmt.Sprintf("%s refused the sign-in: %s", host, r.message)
			return f.WithHint("%s", r.hint).WithSetting(r.setting)
		}
	}
	return f
}

func codeOf(status int) fault.Code {
	switch {
	case status == http.StatusTooManyRequests:
		return fault.Throttled
	case status >= 500:
		return fault.Unavailable
	}
	return fault.Unauthorized
}

// codes returns the numbers of AADSTS codes, which some answers give in the description alone.
func (a answer) codes() []int {
	if len(a.Codes) > 0 {
		return a.Codes
	}
	_, rest, ok := strings.Cut(a.Description, "AADSTS")
	if !ok {
		return nil
	}
	end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(rest)
	}
	code, err := strconv.Atoi(rest[:end])
	if err != nil {
		return nil
	}
	return []int{code}
}

// firstSentence leaves out the code and the ids, which have places of their own.
func firstSentence(a answer) string {
	text, _, _ := strings.Cut(a.Description, " Trace ID:")
	text, _, _ = strings.Cut(text, "\r\n")
	if strings.HasPrefix(text, "AADSTS") {
		if _, rest, ok := strings.Cut(text, ": "); ok {
			text = rest
		}
	}
	if text = strings.TrimRight(strings.TrimSpace(text), "."); text == "" {
		return a.Error
	}
	return text
}
