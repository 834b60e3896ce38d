package aadsts_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/usher-iga/usher/connectors/sdk/aadsts"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// signIn is one whose names are not those of any program.
func signIn(kind aadsts.Kind) aadsts.SignIn {
	return aadsts.SignIn{
		What: "the sign-in to a test", Host: "login.example", Kind: kind,
		Names:   aadsts.Names{Tenant: "TENANT", Application: "APP", Authority: "AUTHORITY", Credential: "CREDENTIAL"},
		Reasons: map[int]aadsts.Reason{42: {Message: "of {tenant}", Hint: "Check {application}", Setting: "{authority}"}, 90002: {Message: "no tenant"}},
	}
}

func TestRefused(t *testing.T) {
	for _, tc := range []struct {
		kind    aadsts.Kind
		status  int
		body    string
		code    fault.Code
		message string
		hint    string // part
		setting string
		system  string
	}{
		{aadsts.ClientSecret, 401, `{"error":"invalid_client","error_description":"AADSTS7000222: x","error_codes":[7000222]}`,
			fault.Unauthorized, "login.example refused the sign-in to a test: the client secret has expired", "its value into CREDENTIAL", "CREDENTIAL", "AADSTS7000222"},
		{aadsts.ClientSecret, 400, `{"error":"x","error_codes":[1, 700016]}`,
			fault.Unauthorized, "login.example refused the sign-in to a test: the application does not exist in this tenant", "Check APP and TENANT", "APP", "AADSTS700016"},
		{aadsts.Certificate, 401, `{"error":"x","error_codes":[700024]}`,
			fault.Unauthorized, "login.example refused the sign-in to a test: the signature is outside of its time", "clock", "", "AADSTS700024"},
		{aadsts.FederatedToken, 401, `{"error":"x","error_codes":[700024]}`,
			fault.Unauthorized, "login.example refused the sign-in to a test: the federated token is not yet valid, or has expired", "what writes CREDENTIAL", "CREDENTIAL", "AADSTS700024"},
		{aadsts.Certificate, 401, `{"error":"x","error_description":"The key used is expired.","error_codes":[700027]}`,
			fault.Unauthorized, "login.example refused the sign-in to a test: the certificate has expired", "into CREDENTIAL", "CREDENTIAL", "AADSTS700027"},
		{aadsts.ClientSecret, 400, `{"error":"x","error_codes":[90033]}`,
			fault.Unavailable, "login.example refused the sign-in to a test: it has a fault that passes", "later", "", "AADSTS90033"},
		{aadsts.ClientSecret, 400, `{"error":"x","error_codes":[42]}`,
			fault.Unauthorized, "login.example refused the sign-in to a test: of TENANT", "Check APP", "AUTHORITY", "AADSTS42"},
		{aadsts.ClientSecret, 400, `{"error":"x","error_codes":[90002]}`,
			fault.Unauthorized, "login.example refused the sign-in to a test: no tenant", "", "", "AADSTS90002"},
		{aadsts.ClientSecret, 400, `{"error":"odd","error_description":"AADSTS7: Something new. Trace ID: t","trace_id":"t","correlation_id":"c"}`,
			fault.Unauthorized, "login.example refused the sign-in to a test: Something new", "Look the code up", "", "AADSTS7"},
		{aadsts.ClientSecret, 400, `{"error":"odd"}`, fault.Unauthorized, "login.example refused the sign-in to a test: odd", "Look the code up", "", "odd"},
		{aadsts.ClientSecret, 429, `{"error":"slow"}`, fault.Throttled, "login.example refused the sign-in to a test: slow", "Look the code up", "", "slow"},
		{aadsts.ClientSecret, 429, ``, fault.Throttled, "login.example gets too many requests: it answered 429 to the sign-in to a test", "some minutes", "", ""},
		{aadsts.ClientSecret, 502, `<html>`, fault.Unavailable, "login.example is down: it answered 502 to the sign-in to a test", "some minutes", "", ""},
		{aadsts.ClientSecret, 403, `<html>`, fault.Unavailable, "login.example answered 403 to the sign-in to a test, without a reason", "AUTHORITY is wrong", "AUTHORITY", ""},
	} {
		f := signIn(tc.kind).Refused(tc.status, aadsts.Parse([]byte(tc.body)))
		if f.Code != tc.code || f.Message != tc.message || !strings.Contains(f.Hint, tc.hint) || f.Setting != tc.setting || f.SystemCode != tc.system {
			t.Errorf("%s: %+v", tc.body, f)
		}
	}
}

func TestIDs(t *testing.T) {
	f := signIn(aadsts.ClientSecret).Refused(400, aadsts.Answer{Error: "x", TraceID: "t", CorrelationID: "c"})
	if f.RequestID != "t" || f.ClientRequestID != "c" {
		t.Errorf("got %+v", f)
	}
}

func TestNumbers(t *testing.T) {
	for _, tc := range []struct {
		answer aadsts.Answer
		want   []int
	}{
		{aadsts.Answer{Codes: []int{1, 2}, Description: "AADSTS3: x"}, []int{1, 2}},
		{aadsts.Answer{Description: "AADSTS3: x"}, []int{3}},
		{aadsts.Answer{Description: "see AADSTS45"}, []int{45}},
		{aadsts.Answer{Description: "AADSTS: x"}, nil},
		{aadsts.Answer{Description: "AADSTS99999999999999999999"}, nil},
		{aadsts.Answer{}, nil},
	} {
		if got := tc.answer.Numbers(); !slices.Equal(got, tc.want) {
			t.Errorf("%+v: %v", tc.answer, got)
		}
	}
}

func TestText(t *testing.T) {
	for description, want := range map[string]string{
		"AADSTS7: It was so. Trace ID: t Correlation ID: c": "It was so",
		"AADSTS7: It was so.\r\nTrace ID: t":                "It was so",
		"It was so":                                         "It was so",
		"":                                                  "error",
		strings.Repeat("é", 200):                            strings.Repeat("é", 150) + "...",
	} {
		if got := (aadsts.Answer{Error: "error", Description: description}).Text(); got != want {
			t.Errorf("%q: %q", description, got)
		}
	}
	if got := fmt.Sprintf("%+v", aadsts.Parse([]byte(`{"error":1}`))); got != fmt.Sprintf("%+v", aadsts.Answer{}) {
		t.Errorf("got %s", got)
	}
}
