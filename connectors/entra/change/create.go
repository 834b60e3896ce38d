package change

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/usher-iga/usher/connectors/entra/change/schema"
	"github.com/usher-iga/usher/connectors/entra/change/verdict"
	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

const (
	// maxCreations is how often a creation is sent whose answer is lost each time.
	maxCreations = 8
	// skew is how much the clocks of Entra and of this machine may differ.
	skew = 5 * time.Minute
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
	if name := j.Text("uniqueName"); name != "" {
		return true, j.upsert(ctx, name, body)
	}
	c := creation{job: j, body: body, since: j.clock.Now()}
	if j.Uncertain {
		c.since, c.uncertain = j.FirstAttempt, true
	}
	return c.run(ctx)
}

// upsert creates the object by a key that is its own for ever, so that an attempt that was
// carried out unseen is met again by the next.
func (j *job) upsert(ctx context.Context, uniqueName string, body schema.Body) error {
	path, _ := lookupPath(j.Entity.Name, "uniqueName", uniqueName)
	rest := slices.DeleteFunc(slices.Clone(body.Values), func(v schema.Value) bool { return v.Name() == "uniqueName" })
	bodies, err := schema.Bodies(rest, "")
	if err != nil {
		return err
	}
	answer, err := j.do(ctx, graph.Upsert(path, bodies[0].JSON))
	if err != nil {
		return err
	}
	if err := expect(answer); err != nil {
		return err
	}
	if len(answer.Body) > 0 {
		return j.createdBy(answer)
	}
	key := sdk.ObjectKey{Attribute: "uniqueName", Value: uniqueName}
	j.keys.expire(j.Entity.Name, key) // that it was not there no longer holds
	id, err := j.keys.find(ctx, j.Entity.Name, key, replication)
	if err != nil {
		return err
	}
	j.created(id)
	return nil
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
		if value := j.Text(name); value != "" && name != "displayName" {
			j.keys.learn(j.Entity.Name, name, value, id)
		}
	}
}

// creation is the creation of an object that has no key of its own to create it by.
type creation struct {
	*job
	body      schema.Body
	since     time.Time // when the first attempt began
	uncertain bool      // an earlier attempt may have been carried out
}

func (c *creation) run(ctx context.Context) (made bool, err error) {
	for range maxCreations {
		if c.uncertain {
			id, err := c.look(ctx, c.patience())
			if err != nil {
				return false, err
			}
			if id != "" {
				c.created(id)
				return true, nil
			}
		}
		answer, err := c.do(ctx, graph.Post(c.Entity.Path, c.body.JSON).Showing(c.body.Shown))
		if err != nil {
			return false, err
		}
		switch verdict.Of(answer) {
		case verdict.Done:
			return true, c.createdBy(answer)
		case verdict.Unknown:
			c.uncertain = true
		case verdict.Taken:
			return c.taken(ctx, answer)
		default:
			return false, expect(answer)
		}
	}
	return false, fault.Errorf(fault.Unavailable, "the answers to the creation of a %s were lost %d times", c.Entity.Name, maxCreations).
		WithHint("Run again; the order is not lost")
}

// patience is how long to look for what a lost attempt may have created. Where values can be
// there only once, Graph itself would refuse a second one; so a short look does.
func (c *creation) patience() time.Duration {
	if c.unique() {
		return doubt
	}
	return replication
}

// unique reports whether Graph refuses a second object like this one.
func (c *creation) unique() bool {
	switch c.Entity.Name {
	case "user", "servicePrincipal", "directoryRole":
		return true
	}
	return false
}

// taken decides when another object has a value that can be there only once: it may be the
// one that an earlier attempt has created.
func (c *creation) taken(ctx context.Context, answer graph.Answer) (made bool, err error) {
	one := c.Entity.Name == "servicePrincipal" || c.Entity.Name == "directoryRole" // there is one for each template or application
	if !c.uncertain && !one {
		return false, expect(answer)
	}
	id, err := c.look(ctx, replication)
	switch {
	case err != nil:
		return false, err
	case id == "":
		return false, expect(answer)
	}
	if one && !c.uncertain {
		c.found(id)
		return false, nil
	}
	c.created(id)
	return true, nil
}

// look looks for the object that an earlier attempt has created: one that is not older than
// that and has the attributes of the order. It returns "" if there is none.
func (c *creation) look(ctx context.Context, patience time.Duration) (string, error) {
	attribute := map[string]string{
		"user": "userPrincipalName", "group": "mailNickname", "servicePrincipal": "appId", "directoryRole": "roleTemplateId",
		"oAuth2PermissionGrant": "clientId",
	}[c.Entity.Name]
	if attribute == "" {
		attribute = "displayName"
	}
	properties := append([]string{"id"}, selected(c.body.Values)...)
	if _, ok := c.Entity.Property([]string{"createdDateTime"}); ok {
		properties = append(properties, "createdDateTime")
	}
	for w := c.recent.waiting(patience); ; {
		found, err := c.keys.read(ctx, c.Entity.Name, attribute, c.Text(attribute), properties)
		if err != nil {
			return "", err
		}
		for _, object := range found {
			if c.ours(object) {
				return textIn(object, "id"), nil
			}
		}
		if len(found) > 0 && attribute == "userPrincipalName" {
			return "", nil // somebody else's
		}
		if again, err := w.again(ctx); err != nil || !again {
			return "", err
		}
	}
}

func (c *creation) ours(object map[string]json.RawMessage) bool {
	created, err := time.Parse(time.RFC3339, textIn(object, "createdDateTime"))
	if err == nil && created.Before(c.since.Add(-skew)) {
		return false
	}
	for _, v := range c.body.Values {
		if v.Path[0] != "passwordProfile" && !alike(valueAt(object, v.Path), v.JSON) {
			return false
		}
	}
	return true
}
