package change

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/usher-iga/usher/connectors/entra/change/schema"
	"github.com/usher-iga/usher/connectors/entra/change/verdict"
	"github.com/usher-iga/usher/connectors/entra/directory"
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
	whole := schema.WholeProperties(j.Values)
	if slices.ContainsFunc(whole, j.lacks) { // an earlier call may have written the rest of it
		if err := j.settle(ctx); err != nil {
			return err
		}
	}
	before, err := j.read(ctx, j.Values)
	if err != nil {
		return err
	}
	values := j.Values
	for _, property := range whole {
		before[property] = j.fresh.over(j.object.ID, property, before[property])
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
		return nil, refusal{fault: verdict.Failure(answer)}
	case answer.OK():
		return objectIn(answer)
	case len(schema.WholeProperties(values)) > 0:
		return nil, refusal{fault: verdict.Failure(answer)}
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
		j.remember(v)
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
	}
	if changed {
		j.wrote()
	}
}

// remember keeps a value that was written for the time in which reads may not show it, if what is
// read of it decides anything.
func (j *job) remember(v schema.Value) {
	isKey := slices.Contains(j.Entity.Keys, v.Name())
	if isKey || isWhole(v.Path[0]) {
		j.fresh.wrote(j.object.ID, v.Path, v.JSON)
	}
	if isKey {
		j.keys.forget(j.object.ID)
		j.learn(v.Name(), j.Text(v.Name()))
	}
}

// learn notes the object's new value of a key, "" if it is not known: it may not be seen everywhere yet, and
// if no other object can have it, it leads here.
func (j *job) learn(attribute, value string) {
	j.recent.touch(valueOf(j.Entity.Name, attribute, value))
	switch attribute {
	case "userPrincipalName", "uniqueName", "appId", "deviceId", roleTemplate:
		if value != "" {
			j.keys.learn(j.Entity.Name, attribute, value, j.object.ID)
		}
	}
}

// lacks reports whether the order gives only some members of a property.
func (j *job) lacks(property string) bool {
	p, _ := j.Entity.Property([]string{property})
	return slices.ContainsFunc(directory.Members(p.Type), func(m directory.Property) bool {
		return !slices.ContainsFunc(j.Values, func(v schema.Value) bool { return v.Name() == property+"/"+m.Name })
	})
}

// isWhole reports whether a property has members that a write clears by leaving them out.
func isWhole(property string) bool {
	return len(schema.WholeProperties([]schema.Value{{Path: []string{property, ""}}})) > 0
}

func (j *job) revokeSessions(ctx context.Context) error {
	answer, err := j.send(ctx, graph.Post(j.object.Path()+"/revokeSignInSessions", nil).Repeatable(), j.object.ID)
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
