package change

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/usher-iga/usher/connectors/entra/change/schema"
	"github.com/usher-iga/usher/connectors/entra/change/verdict"
	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/sdk"
)

// update writes the values of the order. What the tenant has now is read before: for the
// audit, and for members of complex properties that have to be sent along. A value
// that seems to be so already is written all the same: a copy of the directory that has not
// yet seen our last write would make us leave it out.
func (j *job) update(ctx context.Context) error {
	if len(j.Values) == 0 && j.Password() == "" {
		return nil
	}
	before, err := j.read(ctx, j.Values)
	if err != nil {
		return err
	}
	values := j.Values
	for _, property := range schema.WholeProperties(values) {
		values = schema.Complete(values, property, before[property])
	}
	return j.patch(ctx, values, j.Password(), before)
}

// read reads the properties that values touch. What cannot be read is left out, but where it
// has to be sent along.
func (j *job) read(ctx context.Context, values []schema.Value) (map[string]json.RawMessage, error) {
	names := selected(values)
	if len(names) == 0 {
		return nil, nil
	}
	answer, err := j.send(ctx, graph.Get(j.object.Path()+"?$select="+strings.Join(names, ",")), j.object.ID)
	switch {
	case err != nil:
		return nil, err
	case verdict.Of(answer) == verdict.Missing:
		return nil, refusal{verdict.Failure(answer)}
	case answer.OK():
		return objectIn(answer)
	case len(schema.WholeProperties(values)) > 0:
		return nil, refusal{verdict.Failure(answer)}
	}
	return nil, nil
}

// selected returns the properties of values that can be read.
func selected(values []schema.Value) (names []string) {
	for _, v := range values {
		if name := v.Path[0]; name != "passwordProfile" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// patch writes values, in as few requests as Graph takes them in.
func (j *job) patch(ctx context.Context, values []schema.Value, password string, before map[string]json.RawMessage) error {
	bodies, err := schema.Bodies(values, password)
	if err != nil {
		return err
	}
	for _, body := range bodies {
		answer, err := j.send(ctx, graph.Patch(j.object.Path(), body.JSON).Showing(body.Shown), j.object.ID)
		if err != nil {
			return err
		}
		if err := expect(answer); err != nil {
			return err
		}
		j.patched(body, before)
	}
	return nil
}

func (j *job) patched(body schema.Body, before map[string]json.RawMessage) {
	changed := before == nil || len(body.Values) == 0
	for _, v := range body.Values {
		c := sdk.AttributeChange{Path: v.Name(), After: v.JSON}
		if before != nil && v.Path[0] != "passwordProfile" {
			if c.Before = valueAt(before, v.Path); c.Before == nil {
				c.Before = json.RawMessage("null")
			}
		}
		if c.Before != nil && same(c.Before, c.After) {
			continue
		}
		changed = true
		j.outcome.Changes = append(j.outcome.Changes, c)
		if slices.Contains(j.Entity.Keys, v.Name()) {
			j.keys.forget(j.object.ID)
		}
	}
	if changed {
		j.wrote()
	}
}

func (j *job) revokeSessions(ctx context.Context) error {
	answer, err := j.send(ctx, graph.Post(j.object.Path()+"/revokeSignInSessions", json.RawMessage("{}")).Repeatable(), j.object.ID)
	if err != nil {
		return err
	}
	if err := expect(answer); err != nil {
		return err
	}
	j.wrote()
	return nil
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
