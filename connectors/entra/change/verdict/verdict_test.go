package verdict_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/usher-iga/usher/connectors/entra/change/verdict"
	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

type canned struct {
	status int
	body   string
}

func (c canned) Do(req *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: c.status, Header: http.Header{}, Request: req, Body: io.NopCloser(strings.NewReader(c.body))}, nil
}

func answer(t *testing.T, status int, code, message string) graph.Answer {
	t.Helper()
	body := ""
	if code != "" {
		body = `{"error":{"code":"` + code + `","message":"` + message + `","innerError":{"request-id":"r-1"}}}`
	}
	client, err := graph.New("https://graph.example/", canned{status, body})
	if err != nil {
		t.Fatal(err)
	}
	a, err := client.Send(t.Context(), graph.Get("users"))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestVerdicts(t *testing.T) {
	for _, tc := range []struct {
		status        int
		code, message string
		want          verdict.Verdict
		fault         fault.Code
		hint          string
	}{
		{204, "", "", verdict.Done, "", ""},
		{400, "Request_BadRequest", "One or more added object references already exist for the following modified properties: 'members'.", verdict.Already, "", ""},
		{400, "Request_BadRequest", "Permission being assigned already exists on the object", verdict.Already, "", ""},
		{400, "Request_BadRequest", "One or more removed object references do not exist for the following modified properties: 'members'.", verdict.Already, "", ""},
		{404, "Request_ResourceNotFound", "Resource 'AAAAAAAA-0000-0000-0000-000000000001' does not exist or one of its queried reference-property objects are not present.", verdict.Missing, fault.NotFound, "exists"},
		{400, "Request_BadRequest", "The source resource object or one of the objects being referenced don't exist.", verdict.Missing, fault.Refused, "both objects"},
		{400, "Request_BadRequest", "Another object with the same value for property userPrincipalName already exists.", verdict.Taken, fault.Conflict, "another value"},
		{400, "Request_BadRequest", "The group must have at least one owner, hence this owner cannot be removed.", verdict.Refused, fault.Refused, "another owner"},
		{400, "Request_BadRequest", "Unable to update the specified properties for on-premises mastered Directory Sync objects or objects currently undergoing migration.", verdict.Refused, fault.Refused, "on-premises"},
		{400, "Request_BadRequest", "The specified password does not comply with password complexity requirements. Please provide a different password.", verdict.Refused, fault.Refused, "password"},
		{400, "Request_BadRequest", "License assignment cannot be done for user with invalid usage location.", verdict.Refused, fault.Refused, "usageLocation"},
		{400, "Request_BadRequest", "User license is inherited from a group membership and it cannot be removed directly from the user.", verdict.Refused, fault.Refused, "group"},
		{403, "Directory_QuotaExceeded", "The directory object quota limit has been exceeded.", verdict.Refused, fault.Refused, "Remove some"},
		{403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.", verdict.Denied, fault.Forbidden, "permission"},
		{400, "Request_BadRequest", "Something new.", verdict.Refused, fault.Refused, "Correct the order"},
		{400, "Request_BadRequest", "Group does not have a corresponding license.", verdict.Already, "", ""},
		{404, "", "", verdict.Refused, fault.Unavailable, "proxy"},
		{404, "BadRequest", "Resource not found for the segment 'x'.", verdict.Refused, fault.Unavailable, ""},
		{501, "NotImplemented", "Not offered.", verdict.Refused, fault.Refused, ""},
		{503, "", "", verdict.Unknown, fault.Unavailable, "let the order begin again"},
	} {
		a := answer(t, tc.status, tc.code, tc.message)
		if got := verdict.Of(a); got != tc.want {
			t.Errorf("%d %q: verdict %d, want %d", tc.status, tc.message, got, tc.want)
		}
		if tc.fault == "" {
			continue
		}
		f := verdict.Failure(a)
		if f.Code != tc.fault || !strings.Contains(f.Hint, tc.hint) || f.SystemCode != tc.code || !strings.Contains(f.Message, strings.TrimRight(tc.message, ".")) {
			t.Errorf("%d %q: %s %v, hint %q", tc.status, tc.message, f.Code, f, f.Hint)
		}
	}
	if verdict.Of(graph.Lost(nil)) != verdict.Unknown {
		t.Error("a lost answer is known")
	}
	if id := verdict.MissingID(answer(t, 404, "x", "Resource 'AAAAAAAA-0000-0000-0000-000000000001' does not exist or")); id != "aaaaaaaa-0000-0000-0000-000000000001" {
		t.Errorf("missing is %q", id)
	}
}
