package graph

import (
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// doer is a Doer of a function.
type doer func(*http.Request) (*http.Response, error)

func (d doer) Do(req *http.Request) (*http.Response, error) { return d(req) }

func answerOf(req *http.Request, status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Header: http.Header{"Request-Id": {"outer"}, "Client-Request-Id": {"ours"}}, Request: req,
		ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(body)),
	}
}

func TestSend(t *testing.T) {
	var got *http.Request
	var sent string
	status, body := 201, `{"id":"1"}`
	client, err := New("https://graph.example/v1.0", doer(func(req *http.Request) (*http.Response, error) {
		got = req
		text, _ := io.ReadAll(req.Body)
		sent = string(text)
		return answerOf(req, status, body), nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	r := Upsert("groups(uniqueName='a')", json.RawMessage(`{"x":"secret"}`)).Showing(json.RawMessage(`{"x":"***"}`))
	answer, err := client.Send(t.Context(), r)
	if err != nil || !answer.OK() || string(answer.Body) != body || answer.RequestID != "outer" || answer.ClientRequestID != "ours" {
		t.Errorf("%+v, %v", answer, err)
	}
	if sent != `{"x":"secret"}` || got.Header.Get("Prefer") != "create-if-missing" || got.Header.Get("Content-Type") != "application/json" ||
		got.URL.String() != "https://graph.example/v1.0/groups(uniqueName='a')" {
		t.Errorf("%s %v %s", got.URL, got.Header, sent)
	}
	if string(r.Shown()) != `{"x":"***"}` {
		t.Errorf("shown is %s", r.Shown())
	}

	status, body = 400, `{"error":{"code":"Request_BadRequest","message":"No. ","innerError":{"request-id":"inner"}}}`
	answer, err = client.Send(t.Context(), r)
	if err != nil || answer.OK() || answer.Unknown() || answer.Code != "Request_BadRequest" || answer.Message != "No" || answer.RequestID != "inner" {
		t.Errorf("%+v, %v", answer, err)
	}
	if f := answer.Failure(); f.Code != fault.Refused || f == answer.Failure() {
		t.Errorf("%v", f)
	}
	status, body = 200, "<html>"
	if _, err = client.Send(t.Context(), r); !IsNonsense(err) {
		t.Errorf("a web page is %v", err)
	}
	if f := Lost(err).Failure(); f.Code != fault.Unavailable || !Lost(err).Unknown() {
		t.Errorf("a lost answer is %v", f)
	}
}

func TestBatch(t *testing.T) {
	var sent string
	body := `{"responses":[
		{"id":"3","status":429,"headers":{"Retry-After":"7"},"body":{"error":{"code":"TooManyRequests","message":"later"}}},
		{"id":"1","status":200,"headers":{"request-id":"own"},"body":{"id":"x"}},
		{"id":"2","status":204,"body":null},
		{"id":"9","status":200},{"id":"?","status":200}]}`
	status := 200
	client, err := New("https://graph.example/v1.0", doer(func(req *http.Request) (*http.Response, error) {
		text, _ := io.ReadAll(req.Body)
		sent = string(text)
		return answerOf(req, status, body), nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	requests := []Request{
		Get("users/a%20b?$select=id"), Patch("users/"+user, json.RawMessage(`{"a":1}`)),
		Upsert("groups(uniqueName='a')", json.RawMessage(`{}`)), Get("groups"),
	}
	answers, err := client.Batch(t.Context(), requests)
	if err != nil || len(answers) != 4 {
		t.Fatalf("%v, %v", answers, err)
	}
	if a := answers[0]; string(a.Body) != `{"id":"x"}` || a.RequestID != "own" || a.ClientRequestID != "ours" {
		t.Errorf("the first is %+v", a)
	}
	if a := answers[1]; a.Status != 204 || len(a.Body) > 0 || a.RequestID != "outer" {
		t.Errorf("the second is %+v", a)
	}
	if a := answers[2]; a.Status != 429 || a.Header.Get("Retry-After") != "7" || !fault.Is(a.Failure(), fault.Throttled) {
		t.Errorf("the third is %+v", a)
	}
	if a := answers[3]; a.Status != 0 || !a.Unknown() {
		t.Errorf("the fourth is %+v", a)
	}
	var wire, want any
	_ = json.Unmarshal([]byte(sent), &wire)
	_ = json.Unmarshal([]byte(`{"requests":[{"id":"1","method":"GET","url":"/users/a%20b?$select=id"},
		{"id":"2","method":"PATCH","url":"/users/`+user+`","headers":{"Content-Type":"application/json"},"body":{"a":1}},
		{"id":"3","method":"PATCH","url":"/groups(uniqueName='a')","headers":{"Content-Type":"application/json","Prefer":"create-if-missing"},"body":{}},
		{"id":"4","method":"GET","url":"/groups"}]}`), &want)
	if !reflect.DeepEqual(wire, want) {
		t.Errorf("sent %s", sent)
	}

	status, body = 400, `{"error":{"code":"BadRequest","message":"too large"}}`
	if _, err = client.Batch(t.Context(), requests); !fault.Is(err, fault.Refused) {
		t.Errorf("a refused batch is %v", err)
	}
	status, body = 200, `{"responses":{}}`
	if _, err = client.Batch(t.Context(), requests); !fault.Is(err, fault.Unavailable) {
		t.Errorf("an unreadable batch is %v", err)
	}
}
