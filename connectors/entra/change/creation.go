package change

import (
	"context"
	"encoding/json"
	"errors"
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

// creation is the creation of an object, which is not to be made twice.
type creation struct {
	*job
	body      schema.Body
	since     time.Time // when the first attempt began
	uncertain bool      // an attempt may have been carried out
	standing  []string  // ids of objects of that name that were there before, if they have no date
}

// run creates an object that has no key of its own to create it by.
func (c *creation) run(ctx context.Context) (made bool, err error) {
	if !c.unique() {
		leave, err := c.claims.enter(ctx, c.Entity.Name+" "+c.Text(c.name()))
		if err != nil {
			return false, err
		}
		defer leave()
	}
	if c.undated() && !c.uncertain {
		if err := c.stand(ctx); err != nil {
			return false, err
		}
	}
	var answer graph.Answer
	for range maxCreations {
		if c.uncertain {
			if id, err := c.look(ctx, c.patience()); err != nil || id != "" {
				return true, c.its(id, err)
			}
		}
		if answer, err = c.do(ctx, graph.Post(c.Entity.Path, c.body.JSON).Showing(c.body.Shown)); err != nil {
			return false, err
		}
		switch verdict.Of(answer) {
		case verdict.Done:
			if err := c.createdBy(answer); err != nil {
				return false, err
			}
			c.claim(c.object.ID)
			return true, nil
		case verdict.Unknown:
			c.uncertain = true
		case verdict.Taken:
			return c.taken(ctx, answer)
		default:
			return false, expect(answer)
		}
	}
	// Graph has answered all the looks; so it is this request that it does not get along with.
	id, err := c.look(ctx, c.patience())
	if err == nil && id == "" {
		err = expect(answer)
	}
	return true, c.its(id, err)
}

// its notes that an attempt has created the object, if there is no error.
func (c *creation) its(id string, err error) error {
	if err == nil {
		c.created(id)
	}
	return err
}

// upsert creates the object by a key that is its own for ever, so that an attempt that was
// carried out unseen is met again by the next. What has the key already would be changed: so it
// looks first, and leaves what is not of this order alone. What somebody else creates
// between the look and the request gets the attributes of the order, and the order fails.
func (c *creation) upsert(ctx context.Context, uniqueName string) error {
	leave, err := c.claims.enter(ctx, c.Entity.Name+" uniqueName "+uniqueName)
	if err != nil {
		return err
	}
	defer leave()
	if done, err := c.standsByName(ctx, uniqueName); err != nil || done {
		return err
	}
	path, _ := lookupPath(c.Entity.Name, "uniqueName", uniqueName)
	rest := slices.DeleteFunc(slices.Clone(c.body.Values), func(v schema.Value) bool { return v.Name() == "uniqueName" })
	bodies, err := schema.Bodies(rest, "")
	if err != nil {
		return err
	}
	answer, lost, err := c.doOnce(ctx, graph.Upsert(path, bodies[0].JSON))
	if err != nil {
		return err
	}
	if err := expect(answer); err != nil {
		return err
	}
	if len(answer.Body) > 0 {
		return c.createdBy(answer)
	}
	// It was there: by an attempt whose answer was lost, or by somebody else.
	found, err := c.named(ctx, uniqueName, replication)
	if err != nil {
		return c.unseen(err)
	}
	c.created(textIn(found, "id"))
	if (lost || c.uncertain) && c.ours(found) {
		return nil
	}
	for _, v := range rest {
		c.outcome.Changes = append(c.outcome.Changes, sdk.AttributeChange{Path: v.Name(), After: v.JSON})
	}
	return refuse(fault.Conflict, "somebody else has created the %s %s with the uniqueName %q at the same time; it has got the attributes of this order",
		c.Entity.Name, c.object.ID, uniqueName).hint("Correct that object, and give this one another uniqueName")
}

// standsByName looks whether there is an object of the uniqueName. Done says that an earlier attempt has
// created it; somebody else's is a refusal.
func (c *creation) standsByName(ctx context.Context, uniqueName string) (done bool, err error) {
	var id string
	if c.uncertain {
		found, err := c.named(ctx, uniqueName, 0)
		if id = textIn(found, "id"); err == nil && found != nil && c.ours(found) {
			c.created(id)
			return true, nil
		}
		if err != nil {
			return false, c.unseen(err)
		}
	} else {
		id, err = c.keys.find(ctx, c.Entity.Name, sdk.ObjectKey{Attribute: "uniqueName", Value: uniqueName}, 0)
		if err != nil && !isNotFound(err) {
			return false, c.unseen(err)
		}
	}
	if id != "" {
		return false, inUse(c.Entity.Name, "uniqueName", uniqueName, id)
	}
	return false, nil
}

// named returns the object of a uniqueName. Without patience it is nil if there is none.
func (c *creation) named(ctx context.Context, uniqueName string, patience time.Duration) (map[string]json.RawMessage, error) {
	for w := c.recent.waiting(patience); ; {
		found, err := c.keys.read(ctx, c.Entity.Name, "uniqueName", uniqueName, c.properties())
		if err != nil || len(found) > 0 {
			return first(found), err
		}
		switch over, err := w.over(ctx); {
		case err != nil || over && patience == 0:
			return nil, err
		case over:
			return nil, refuse(fault.NotFound, "the %s with the uniqueName %q cannot be found after it was created", c.Entity.Name, uniqueName).hint("Run again")
		}
	}
}

func first(objects []map[string]json.RawMessage) map[string]json.RawMessage {
	if len(objects) == 0 {
		return nil
	}
	return objects[0]
}

// inUse is the refusal to create what is there.
func inUse(entity, attribute, value, id string) refusal {
	return refuse(fault.Conflict, "there is a %s with the %s %q already: %s", entity, attribute, value, id).
		hint("Give another value, or an order to update the object that has it")
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

// name is the attribute by which to look for the object.
func (c *creation) name() string {
	switch c.Entity.Name {
	case "user":
		return "userPrincipalName"
	case "group":
		return "mailNickname"
	case "servicePrincipal":
		return "appId"
	case "directoryRole":
		return roleTemplate
	case "oAuth2PermissionGrant":
		return "clientId"
	}
	return "displayName"
}

// properties are those that tell whether an object is the order's own.
func (c *creation) properties() []string {
	names := append([]string{"id"}, selected(c.body.Values)...)
	if _, ok := c.Entity.Property([]string{"createdDateTime"}); ok {
		names = append(names, "createdDateTime")
	}
	return names
}

// undated reports whether nothing tells an object of the order from an older one like it.
func (c *creation) undated() bool { return c.Entity.Name == "administrativeUnit" }

// stand notes the objects that are there before the first attempt.
func (c *creation) stand(ctx context.Context) error {
	found, err := c.keys.list(ctx, c.Entity.Name, c.name(), c.Text(c.name()), []string{"id"}, "")
	for _, object := range found {
		c.standing = append(c.standing, textIn(object, "id"))
	}
	return err
}

// look looks for the object that an earlier attempt has created: one that is not older than
// that, has the attributes of the order, and is no other order's. It returns "" if there is none.
func (c *creation) look(ctx context.Context, patience time.Duration) (string, error) {
	for w := c.recent.waiting(patience); ; {
		found, err := c.keys.list(ctx, c.Entity.Name, c.name(), c.Text(c.name()), c.properties(), "")
		if err != nil {
			return "", c.unseen(err)
		}
		own := slices.DeleteFunc(slices.Clone(found), func(o map[string]json.RawMessage) bool { return !c.ours(o) })
		if len(own) > 1 && c.undated() {
			return "", refuse(fault.Conflict, "an earlier attempt may have created one of the objects %s and %s", textIn(own[0], "id"), textIn(own[1], "id")).
				hint("Delete what is too much, and update the one that is to stay")
		}
		for _, object := range own {
			if id := textIn(object, "id"); c.claim(id) {
				return id, nil
			}
		}
		if len(found) > 0 && c.name() == "userPrincipalName" {
			return "", nil // somebody else's
		}
		if again, err := w.again(ctx); err != nil || !again {
			return "", err
		}
	}
}

// claim takes an object for this order's own, and reports whether it may. Where Graph refuses
// a second object, no other order can have made it.
func (c *creation) claim(id string) bool { return c.unique() || c.claims.take(id) }

func (c *creation) ours(object map[string]json.RawMessage) bool {
	created, err := time.Parse(time.RFC3339, textIn(object, "createdDateTime"))
	if err == nil && created.Before(c.since.Add(-skew)) || slices.Contains(c.standing, textIn(object, "id")) {
		return false
	}
	for _, v := range c.body.Values {
		if v.Path[0] != "passwordProfile" && !covers(valueAt(object, v.Path), v.JSON) {
			return false
		}
	}
	return true
}

// unseen explains a refusal of a look, after which nobody knows whether the object was created.
func (c *creation) unseen(err error) error {
	r, ok := errors.AsType[refusal](err)
	if !ok {
		return err
	}
	if c.uncertain {
		r.fault.Message = "the " + c.Entity.Name + " may have been created, which could not be looked up: " + r.fault.Message
	}
	if r.fault.Code == fault.Forbidden {
		r = r.hint(c.Entity.Permission.Hint() + ", then let the order begin again")
	}
	return r
}
