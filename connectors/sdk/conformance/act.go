package conformance

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// mustActions asks for the actions.
func (s *suite) mustActions(t *testing.T) []sdk.Action {
	t.Helper()
	all, err := s.client.Actions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// actions: the same answer each time; each has a name of its own, a title, a description, and
// schemas that are JSON Schema.
func (s *suite) actions(t *testing.T) {
	all := s.mustActions(t)
	if !reflect.DeepEqual(all, s.mustActions(t)) {
		t.Error("described twice in two ways")
	}
	seen := map[string]bool{}
	for _, a := range all {
		if a.Name == "" || seen[a.Name] || a.Title == "" || a.Description == "" {
			t.Errorf("the action %q has no title or description, or no name of its own", a.Name)
		}
		seen[a.Name] = true
		compile(t, a.Name+": input", a.InputSchema)
		compile(t, a.Name+": output", a.OutputSchema)
		if _, ok := s.Inputs[a.Name]; !ok {
			t.Errorf("give an input for %s in Config.Inputs", a.Name)
		}
	}
}

// actionInput: an input against its schema is fault.Invalid, and so is an action that is
// unknown, or of the other kind.
func (s *suite) actionInput(t *testing.T) {
	s.writesNothing(t)
	for _, a := range s.mustActions(t) {
		schema := compile(t, a.Name, a.InputSchema)
		for _, input := range spoil(s.Inputs[a.Name]) {
			value, err := jsonschema.UnmarshalJSON(bytes.NewReader(input))
			if err == nil && (schema == nil || schema.Validate(value) == nil) {
				continue // it fits all the same
			}
			if err := s.act(t, a, a.Writes, input); !fault.Is(err, fault.Invalid) {
				t.Errorf("%s takes %s, against its schema: got %q %v, want %q", a.Name, input, fault.CodeOf(err), err, fault.Invalid)
			}
		}
		if err := s.act(t, a, !a.Writes, s.Inputs[a.Name]); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s can be run and prepared: got %q %v, want %q for one of them", a.Name, fault.CodeOf(err), err, fault.Invalid)
		}
	}
	for _, prepare := range []bool{false, true} {
		err := s.act(t, sdk.Action{Name: wrongName}, prepare, json.RawMessage("{}"))
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), wrongName) {
			t.Errorf("an unknown action: got %q %v, want %q and its name", fault.CodeOf(err), err, fault.Invalid)
		}
	}
}

// spoil returns inputs that are no JSON, no object, and the good one with a property more, with
// one less, and with one of another type. Some may fit a schema that is generous.
func spoil(good json.RawMessage) []json.RawMessage {
	all := []json.RawMessage{json.RawMessage(`{"`), json.RawMessage("[]"), json.RawMessage(`"text"`), json.RawMessage("{}")}
	var properties map[string]json.RawMessage
	if err := json.Unmarshal(good, &properties); err != nil || properties == nil {
		return all
	}
	add := func(change func(map[string]json.RawMessage)) {
		spoilt := maps.Clone(properties)
		change(spoilt)
		text, _ := json.Marshal(spoilt) // it was JSON before
		all = append(all, text)
	}
	for name := range properties {
		add(func(p map[string]json.RawMessage) { delete(p, name) })
		add(func(p map[string]json.RawMessage) { p[name] = json.RawMessage("[[]]") })
	}
	add(func(p map[string]json.RawMessage) { p[wrongName] = json.RawMessage("1") })
	return all
}

// act prepares an action or runs it.
func (s *suite) act(t *testing.T, a sdk.Action, prepare bool, input json.RawMessage) (err error) {
	t.Helper()
	if prepare {
		_, err = s.client.PrepareAction(t.Context(), a.Name, input, "1")
	} else {
		_, err = s.client.RunAction(t.Context(), s.Connection, a.Name, input)
	}
	return err
}

// actionRun: what reads gives an output that fits its schema, and writes nothing.
func (s *suite) actionRun(t *testing.T) {
	s.writesNothing(t)
	for _, a := range s.mustActions(t) {
		if a.Writes {
			continue
		}
		output, err := s.client.RunAction(t.Context(), s.Connection, a.Name, s.Inputs[a.Name])
		if err != nil {
			t.Errorf("%s: %v", a.Name, err)
			continue
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(output))
		if err != nil {
			t.Errorf("%s gives what is not JSON: %v", a.Name, err)
			continue
		}
		if schema := compile(t, a.Name, a.OutputSchema); schema != nil {
			if err := schema.Validate(value); err != nil {
				t.Errorf("%s gives what does not fit its schema: %v", a.Name, err)
			}
		}
	}
}

// actionPrepare: what writes becomes an order with the id that was given, which can be carried
// out as far as [sdk.Fulfiller.Examine] knows. Nothing is written.
func (s *suite) actionPrepare(t *testing.T) {
	s.writesNothing(t)
	for _, a := range s.mustActions(t) {
		if !a.Writes {
			continue
		}
		order, err := s.client.PrepareAction(t.Context(), a.Name, s.Inputs[a.Name], "of "+a.Name)
		if err != nil {
			t.Errorf("%s: %v", a.Name, err)
			continue
		}
		if order.ID != "of "+a.Name {
			t.Errorf("%s makes an order with the id %q", a.Name, order.ID)
		}
		if problems, err := s.client.Examine(t.Context(), []sdk.Order{order}); err != nil || len(problems) > 0 {
			t.Errorf("the order of %s can never be carried out: %+v, %v", a.Name, problems, err)
		}
	}
}

// compile reads a JSON Schema of draft 2020-12. It returns nil if it is none.
func compile(t *testing.T, what string, text json.RawMessage) *jsonschema.Schema {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Errorf("%s has a schema that is not JSON: %v", what, err)
		return nil
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	if err := compiler.AddResource("schema.json", value); err != nil {
		t.Errorf("%s: %v", what, err)
		return nil
	}
	schema, err := compiler.Compile("schema.json")
	if err != nil {
		t.Errorf("%s has no valid schema: %v", what, err)
		return nil
	}
	return schema
}
