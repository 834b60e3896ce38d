package decode

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

const (
	schemaFile = "../../../appsettings/orders.schema.json"
	sampleFile = "../../../appsettings/orders.sample.json"
)

func schema(tb testing.TB) *jsonschema.Schema {
	tb.Helper()
	data, err := os.ReadFile(schemaFile)
	if err != nil {
		tb.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		tb.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	if err := c.AddResource("orders.schema.json", doc); err != nil {
		tb.Fatal(err)
	}
	s, err := c.Compile("orders.schema.json")
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// accepts decodes a text and checks each order by itself, as the intake does.
func accepts(text []byte) error {
	var problems order.Refusal
	err := Own(fakePasswords{})("orders.json", bytes.NewReader(text), func(o order.Order) error {
		for _, p := range o.Check() {
			problems.Add(p)
		}
		return nil
	})
	return errors.Join(err, problems.Err())
}

func TestSample(t *testing.T) {
	data, err := os.ReadFile(sampleFile)
	if err != nil {
		t.Fatal(err)
	}
	sameVerdict(t, schema(t), data)
	if err := accepts(data); err != nil {
		t.Error(err)
	}
}

// sameVerdict checks that the schema and the decoder accept a text both, or refuse it both. It
// returns whether they accept it.
func sameVerdict(t *testing.T, s *jsonschema.Schema, text []byte) bool {
	t.Helper()
	decoded := accepts(text)
	if decoded != nil && !fault.Is(decoded, fault.Invalid) {
		t.Fatalf("not a fault of code invalid: %v", decoded)
	}
	if value := bytes.TrimPrefix(text, []byte("\ufeff")); !jsontext.Value(value).IsValid() {
		if decoded == nil {
			t.Fatalf("the decoder accepts what is no JSON: %s", text)
		}
		return false
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
	if err != nil {
		return false // numbers that no float can hold
	}
	valid := s.Validate(doc)
	if decoded != nil && beyondSchema(decoded) {
		return false
	}
	if (decoded == nil) != (valid == nil) {
		t.Fatalf("the decoder says: %v\nthe schema says: %v\nof %s", decoded, valid, text)
	}
	return valid == nil
}

// beyondSchema tells of reasons that no schema can give.
func beyondSchema(err error) bool {
	for _, reason := range []string{
		"the attribute is given twice", "longer than 256 bytes", "it refers to the object that it makes itself", "no password settings named",
		"saved as UTF-16",
	} {
		if strings.Contains(err.Error(), reason) {
			return true
		}
	}
	return false
}

// one wraps an order into a file.
func one(text string) []byte { return []byte(`{"orders": [` + text + `]}`) }

func TestSchemaAndDecoderAgree(t *testing.T) {
	for _, tc := range []struct {
		order string
		ok    bool
	}{
		{`{"id": "1", "operation": "create", "entity": "user"}`, true},
		{`{"id": "1", "operation": "create", "entity": "user", "password": {}}`, true},
		{`{"id": "1", "operation": "create", "entity": "user", "password": {"setting": "default", "value": "x", "notify": {"name": "", "email": "a"}}}`, true},
		{`{"id": "1", "operation": "create", "entity": "user", "password": {"value": ""}}`, false},
		{`{"id": "1", "operation": "create", "entity": "user", "password": {"value": 1}}`, false},
		{`{"id": "1", "operation": "create", "entity": "user", "password": {"notify": {"mail": "a"}}}`, false},
		{`{"id": "1", "operation": "create", "entity": "user", "password": {"notify": {"email": ""}}}`, false},
		{`{"id": "1", "operation": "create", "entity": "user", "password": null}`, false},
		{`{"id": "1", "operation": "update", "entity": "user", "key": "1", "password": {}}`, false},
		{`{"id": "1", "operation": "setPassword", "entity": "user", "key": "1"}`, false},
		{`{"id": "1", "operation": "setPassword", "entity": "user", "password": {}}`, false},
		{`{"id": "1", "operation": "setPassword", "entity": "user", "key": "1", "password": {}}`, true},
		{`{"id": "1", "operation": "create", "entity": "user", "key": {"mail": "a"}}`, false},
		{`{"id": "1", "operation": "create", "entity": "user", "key": "a"}`, false},
		{`{"id": "1", "operation": "create", "entity": "user", "key": ""}`, false},
		{`{"id": "1", "operation": "invite", "entity": "user", "key": {"id": "a"}}`, false},
		{`{"id": "1", "operation": "invite", "entity": "user", "key": {"order": "a"}}`, false},
		{`{"id": "1", "operation": "delete", "entity": "user", "key": {"order": "a"}}`, true},
		{`{"id": "1", "operation": "delete", "entity": "user", "key": {"order": "a\u0000b"}}`, false},
		{`{"id": "1", "operation": "delete", "entity": "user", "key": {"mail": "a\u0000b"}}`, true},
		{`{"id": "1", "operation": "update", "entity": "user", "key": "a", "links": {"members": {"add": [{"order": "a\tb"}]}}}`, false},
		{`{"id": "1", "operation": "delete", "entity": "user", "key": {"": "a"}}`, false},
		{`{"id": "1", "operation": "delete", "entity": "user", "key": {"mail": ""}}`, false},
		{`{"id": "1", "operation": "delete", "entity": "user", "key": {"mail": null}}`, false},
		{`{"id": "1", "operation": "delete", "entity": "user", "key": {"details": "a"}}`, true},
		{`{"id": "1", "operation": "delete", "entity": "user", "key": {"mail": "a", "id": "b"}}`, false},
		{`{"id": "1", "operation": "delete", "entity": "user", "key": {}}`, false},
		{`{"id": "1", "operation": "delete", "entity": "user"}`, false},
		{`{"id": "1", "operation": "remove", "entity": "user", "key": "a"}`, false},
		{`{"id": "1", "operation": "Delete", "entity": "user", "key": "a"}`, false},
		{`{"id": "1", "entity": "user", "key": "a"}`, false},
		{`{"id": "1", "operation": "delete", "entity": "", "key": "a"}`, false},
		{`{"id": "", "operation": "delete", "entity": "user", "key": "a"}`, false},
		{`{"id": "a\tb", "operation": "delete", "entity": "user", "key": "a"}`, false},
		{`{"id": 1, "operation": "delete", "entity": "user", "key": "a"}`, false},
		{`{"id": "` + strings.Repeat("x", 257) + `", "operation": "delete", "entity": "user", "key": "a"}`, false},
		{`{"id": "1", "operation": "update", "entity": "user", "key": "a", "attributes": {}}`, true},
		{`{"id": "1", "operation": "update", "entity": "user", "key": "a", "attributes": {"": 1}}`, false},
		{`{"id": "1", "operation": "update", "entity": "user", "key": "a", "attributes": {"a": {"b": [1]}, "c": 1e9, "passwordProfile/forceChangePasswordNextSignIn": true, "passwordPolicies": "x"}}`, true},
		{`{"id": "1", "operation": "update", "entity": "user", "key": "a", "attributes": {"passwordProfile": {}}}`, false},
		{`{"id": "1", "operation": "update", "entity": "user", "key": "a", "attributes": {"PASSWORDPROFILE/PASSWORD": ""}}`, false},
		{`{"id": "1", "operation": "update", "entity": "user", "key": "a", "attributes": []}`, false},
		{`{"id": "1", "operation": "update", "entity": "user", "key": "a", "links": {"members": {}}}`, true},
		{`{"id": "1", "operation": "update", "entity": "user", "key": "a", "links": {"": {}}}`, false},
		{`{"id": "1", "operation": "update", "entity": "user", "key": "a", "links": {"members": {"add": ["a", {"id": "b", "details": null}, {"details": {}, "order": "c"}], "remove": ["d"]}}}`, true},
		{`{"id": "1", "operation": "update", "entity": "user", "key": "a", "links": {"members": {"add": [{"details": "a"}]}}}`, false},
		{`{"id": "1", "operation": "update", "entity": "user", "key": "a", "links": {"members": {"add": [{"details": "a", "id": "b", "mail": "c"}]}}}`, false},
		{`{"id": "1", "operation": "update", "entity": "user", "key": "a", "links": {"members": {"remove": [{"id": "b", "details": "a"}]}}}`, false},
		{`{"id": "1", "operation": "update", "entity": "user", "key": "a", "links": {"members": {"remove": [""]}}}`, false},
		{`{"id": "1", "operation": "update", "entity": "user", "key": "a", "links": {"members": {"del": []}}}`, false},
		{`{"id": "1", "operation": "update", "entity": "user", "key": "a", "dependsOn": ["2"]}`, true},
		{`{"id": "1", "operation": "update", "entity": "user", "key": "a", "dependsOn": [""]}`, false},
		{`{"id": "1", "operation": "update", "entity": "user", "key": "a", "requestedBy": "", "connection": ""}`, true},
		{`{"id": "1", "operation": "update", "entity": "user", "key": "a", "deadline": "2026-02-28T23:59:59.123456789012Z"}`, true},
		{`{"id": "1", "operation": "update", "entity": "user", "key": "a", "deadline": "2026-02-28T23:59:59+23:59"}`, true},
		{`{"id": "1", "operation": "update", "entity": "user", "key": "a", "deadline": "2026-02-29T23:59:59Z"}`, false},
		{`{"id": "1", "operation": "update", "entity": "user", "key": "a", "deadline": "2026-02-28t23:59:59z"}`, false},
		{`{"id": "1", "operation": "update", "entity": "user", "key": "a", "deadline": "2026-02-28T23:59:60Z"}`, false},
		{`{"id": "1", "operation": "update", "entity": "user", "key": "a", "deadline": "2026-02-28T1:59:00Z"}`, false},
		{`{"id": "1", "operation": "update", "entity": "user", "key": "a", "deadline": "2026-02-28T01:59:00,5Z"}`, false},
		{`{"id": "1", "operation": "update", "entity": "user", "key": "a", "deadline": "2026-02-28"}`, false},
		{`{"id": "1", "operation": "update", "entity": "user", "key": "a", "deadline": null}`, false},
		{`{"id": "1", "operation": "update", "entity": "user", "key": "a", "deadlines": null}`, false},
		{`[]`, false},
	} {
		if got := sameVerdict(t, schema(t), one(tc.order)); got != tc.ok {
			t.Errorf("accepted: %v, want %v, of %s", got, tc.ok, tc.order)
		}
	}
	for text, ok := range map[string]bool{
		`{"orders": []}`: true, `{"$schema": 1, "orders": []}`: true, `{"orders": {}}`: false, `{"orders": null}`: false,
		`{}`: false, `{"orders": [], "x": 1}`: false, `[]`: false, `1`: false, ``: false, "\ufeff{\"orders\": []}": true,
	} {
		if got := sameVerdict(t, schema(t), []byte(text)); got != ok {
			t.Errorf("accepted: %v, want %v, of %s", got, ok, text)
		}
	}
}

func FuzzOwn(f *testing.F) {
	s := schema(f)
	sample, err := os.ReadFile(sampleFile)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sample)
	f.Add(one(`{"id": "1", "operation": "update", "entity": "user", "key": {"mail": "a"}, "links": {"members": {"add": [{"id": "b", "details": null}]}}}`))
	f.Add(one(`{"id": "1", "operation": "create", "entity": "u", "attributes": {"a/b": 1}, "password": {"value": "v"}, "deadline": "2026-02-28T23:59:59Z"}`))
	f.Fuzz(func(t *testing.T, text []byte) { sameVerdict(t, s, text) })
}
