package change

import (
	"context"
	"encoding/json"

	"github.com/usher-iga/usher/connectors/entra/change/schema"
	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// create creates the object, writes what cannot be part of that, and adds the links.
func (j *job) create(ctx context.Context) error {
	first, later := divide(j.Values)
	bodies, err := schema.Bodies(first, j.Password())
	if err != nil {
		return err
	}
	made, err := j.createObject(ctx, bodies[0])
	if err != nil {
		return err
	}
	for _, v := range first {
		switch {
		case made:
			j.outcome.Changes = append(j.outcome.Changes, sdk.AttributeChange{Path: v.Name(), Before: json.RawMessage("null"), After: v.JSON})
		case !v.Fixed():
			later = append(later, v)
		}
	}
	if len(later) > 0 {
		if err := j.patch(ctx, later, "", nil); err != nil {
			return err
		}
	}
	return j.writeLinks(ctx)
}

// divide separates the values that create the object from those that follow.
func divide(values []schema.Value) (first, later []schema.Value) {
	for _, v := range values {
		if v.AfterCreation() {
			later = append(later, v)
		} else {
			first = append(first, v)
		}
	}
	return first, later
}

// createObject creates the object or finds that an earlier attempt has done so. Made is
// false if it was there before the order.
func (j *job) createObject(ctx context.Context, body schema.Body) (made bool, err error) {
	c := creation{job: j, body: body, since: j.clock.Now()}
	if j.Uncertain {
		c.since, c.uncertain = j.FirstAttempt, true
	}
	if name := j.Text("uniqueName"); name != "" {
		return true, c.upsert(ctx, name)
	}
	return c.run(ctx)
}

// createdBy notes the object that an answer holds.
func (j *job) createdBy(a graph.Answer) error {
	object, err := objectIn(a)
	if err != nil {
		return err
	}
	id := textIn(object, "id")
	if id == "" {
		return refuse(fault.Unavailable, "Graph's answer to the creation names no id")
	}
	j.created(id)
	return nil
}

// created notes that the object is there now, and its keys.
func (j *job) created(id string) {
	j.found(id)
	j.wrote()
	for _, name := range j.Entity.Keys {
		j.learn(name, j.Text(name))
	}
}

// appeared notes that the object is there now with keys that we do not know.
func (j *job) appeared() {
	j.wrote()
	for _, name := range j.Entity.Keys {
		j.learn(name, "")
	}
}
