// Package action offers single requests to a person or a program: what they are called,
// what they take and give by JSON Schema, and which order or which reading of Graph each
// one is.
package action

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/usher-iga/usher/connectors/entra/directory"
	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Graph carries requests out and finds objects; see batch.Batcher and change.Runner.
type Graph interface {
	Do(ctx context.Context, r graph.Request, seen func(graph.Answer)) (graph.Answer, error)
	Find(ctx context.Context, entity string, key sdk.ObjectKey) (id string, err error)
}

// A Catalog has all actions. It is made by [NewCatalog] and safe for use by several goroutines.
type Catalog struct{ actions []action }

// action is one of them: it either reads or prepares an order.
type action struct {
	sdk.Action
	input   *jsonschema.Schema
	read    func(ctx context.Context, g Graph, in input) (json.RawMessage, error)
	prepare func(in input) sdk.Order
}

// NewCatalog compiles the schemas.
func NewCatalog() *Catalog {
	c := &Catalog{}
	for _, a := range slices.Concat(userActions(), groupActions(), accessActions(), readings()) {
		a.input = compile(a.InputSchema)
		a.Writes = a.prepare != nil
		if a.Writes {
			a.OutputSchema = written()
		}
		c.actions = append(c.actions, a)
	}
	return c
}

// Actions describes the actions.
func (c *Catalog) Actions() (all []sdk.Action) {
	for _, a := range c.actions {
		all = append(all, a.Action)
	}
	return all
}

// Run runs an action that reads.
func (c *Catalog) Run(ctx context.Context, g Graph, name string, text json.RawMessage) (json.RawMessage, error) {
	a, in, err := c.find(name, text)
	switch {
	case err != nil:
		return nil, err
	case a.read == nil:
		return nil, fault.Errorf(fault.Invalid, "the action %s writes; it goes the way of an order", name)
	}
	output, err := a.read(ctx, g, in)
	if f := fault.Of(err); f != nil && graph.LacksPermission(err) {
		told := *f
		return nil, told.WithHint("Grant the application the permission %s of Microsoft Graph, and give admin consent", a.Permissions[0])
	}
	return output, err
}

// Prepare makes the order of an action that writes.
func (c *Catalog) Prepare(name string, text json.RawMessage, order string) (sdk.Order, error) {
	a, in, err := c.find(name, text)
	switch {
	case err != nil:
		return sdk.Order{}, err
	case a.prepare == nil:
		return sdk.Order{}, fault.Errorf(fault.Invalid, "the action %s reads only; there is no order for it", name)
	}
	o := a.prepare(in)
	o.ID = order
	return o, nil
}

// find finds an action and checks its input.
func (c *Catalog) find(name string, text json.RawMessage) (action, input, error) {
	i := slices.IndexFunc(c.actions, func(a action) bool { return a.Name == name })
	if i < 0 {
		var known []string
		for _, a := range c.actions {
			known = append(known, a.Name)
		}
		return action{}, nil, fault.Errorf(fault.Invalid, "there is no action %q", name).
			WithHint("%s", directory.Nearest(name, known, "The actions are "+strings.Join(known, ", ")))
	}
	a := c.actions[i]
	if len(text) == 0 {
		text = json.RawMessage("{}")
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return action{}, nil, fault.Errorf(fault.Invalid, "the input of %s is not JSON: %w", name, err).WithHint("Correct the input")
	}
	if err := a.input.Validate(value); err != nil {
		return action{}, nil, fault.Errorf(fault.Invalid, "the input of %s is wrong: %s", name, reasons(err)).
			WithHint("See what it takes: usher actions describe CONNECTION %s", name)
	}
	var in input
	if err := json.Unmarshal(text, &in); err != nil {
		return action{}, nil, fault.Errorf(fault.Invalid, "the input of %s is not an object: %w", name, err)
	}
	return a, in, nil
}

// compile compiles a schema of ours. A test compiles each.
func compile(text json.RawMessage) *jsonschema.Schema {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	if err := compiler.AddResource("input.json", value); err != nil {
		return nil
	}
	schema, err := compiler.Compile("input.json")
	if err != nil {
		return nil
	}
	return schema
}
