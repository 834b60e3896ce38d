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

// refusal makes an error of an answer without a token. The secret is in the
// request only, so nothing of it can get into the text.
func refusal(e cloud.Endpoints, w way, status int, body []byte) error {
	host := hostOf(e)
	var a answer
	if err := json.Unmarshal(body, &a); err != nil || a.Error == "" {
		return fault.Errorf(fault.Unavailable, "%s answered %d to the sign-in, without a reason", host, status).
			WithHint("A proxy or a firewall may stand in between, or MicrosoftAuthorityPath is wrong")
	}
	f := fault.Errorf(codeOf(status), "%s refused the sign-in: %s", host, firstSentence(a))
	f.WithHint("Look the code up at https://login.microsoftonline.com/error")
	f.SystemCode, f.RequestID, f.ClientRequestID = a.Error, a.TraceID, a.CorrelationID
	for i, code := range a.codes() {
		if i == 0 {
			f.SystemCode = "AADSTS" + strconv.Itoa(code)
		}
		if r, ok := reasonOf(code, a.Description, e, w); ok {
			f.SystemCode = "AADSTS" + strconv.Itoa(code)
			f.Message = fmt.Sprintf("%s refused the sign-in: %s", host, r.message)
			if r.passing {
				f.Code = fault.Unavailable
			}
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
	if code := codeIn(a.Description); len(a.Codes) == 0 && code != 0 {
		return []int{code}
	}
	return a.Codes
}

// codeIn returns the number of the AADSTS code that a description names, or 0.
func codeIn(description string) int {
	_, rest, ok := strings.Cut(description, "AADSTS")
	if !ok {
		return 0
	}
	end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(rest)
	}
	code, err := strconv.Atoi(rest[:end])
	if err != nil {
		return 0
	}
	return code
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
