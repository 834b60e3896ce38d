package change

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/usher-iga/usher/connectors/entra/change/schema"
	"github.com/usher-iga/usher/connectors/entra/change/verdict"
	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Preview is what [sdk.Fulfiller] says: it reads only.
func (r *Runner) Preview(ctx context.Context, orders []sdk.Order, emit func(sdk.Preview) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxJobs)
	var mu sync.Mutex
	for _, order := range orders {
		group.Go(func() error {
			p, err := r.preview(ctx, order)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			return emit(p)
		})
	}
	return group.Wait()
}

// prospect is one order that is looked at.
type prospect struct {
	*Runner
	schema.Change
	preview sdk.Preview
	object  graph.Object
	now     map[string]json.RawMessage // the object as it is
}

func (r *Runner) preview(ctx context.Context, order sdk.Order) (sdk.Preview, error) {
	p := &prospect{Runner: r, preview: sdk.Preview{Order: order.ID, ObjectID: order.Key.ID}}
	var problems []sdk.OrderProblem
	p.Change, problems = schema.Examine(order)
	if len(problems) > 0 {
		p.preview.Failure = failureOf(problems)
		return p.preview, nil
	}
	err := p.look(ctx)
	if refused, ok := errors.AsType[refusal](err); ok {
		p.preview.Failure = refused.fault
		return p.preview, nil
	}
	return p.preview, err
}

func (p *prospect) look(ctx context.Context) error {
	switch p.Operation {
	case sdk.Create:
		return p.creation(ctx)
	case sdk.Invite:
		p.preview.Title = p.InvitedAddress()
		p.values(slices.Concat(p.Invitation, p.Values))
		return p.links(ctx)
	case sdk.Restore:
		return p.restoration(ctx)
	}
	if gone, err := p.find(ctx); err != nil || gone {
		return err
	}
	if p.Operation == sdk.Delete || p.Operation == sdk.RevokeSessions {
		return nil
	}
	p.values(p.Values)
	if err := p.links(ctx); err != nil {
		return err
	}
	p.preview.Unchanged = len(p.preview.Changes) == 0
	return nil
}

// find finds and reads the object. Gone says that there is nothing left to delete.
func (p *prospect) find(ctx context.Context) (gone bool, err error) {
	id, err := p.keys.find(ctx, p.Entity.Name, p.Key, 0)
	if err == nil {
		p.object, p.preview.ObjectID = graph.Object{Set: p.Entity.Path, ID: id}, id
		p.now, err = p.read(ctx, p.object.Path()+"?$select="+strings.Join(p.properties(), ","))
	}
	if r, ok := errors.AsType[refusal](err); ok && r.fault.Code == fault.NotFound && p.Operation == sdk.Delete {
		p.preview.Unchanged = true
		return true, nil
	}
	if err != nil {
		return false, err
	}
	p.preview.Title = p.title(p.now)
	return false, nil
}

// properties are those to read: the ones that change, and what people call the object.
func (p *prospect) properties() []string {
	names := append([]string{"id"}, selected(p.Values)...)
	for _, name := range []string{"displayName", "userPrincipalName"} {
		if _, ok := p.Entity.Property([]string{name}); ok && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

func (p *prospect) title(object map[string]json.RawMessage) string {
	if name := textIn(object, "userPrincipalName"); name != "" {
		return name
	}
	return textIn(object, "displayName")
}

func (p *prospect) read(ctx context.Context, path string) (map[string]json.RawMessage, error) {
	answer, err := p.graph.Do(ctx, graph.Get(path), nil)
	if err != nil {
		return nil, err
	}
	if err := expect(answer); err != nil {
		return nil, err
	}
	return objectIn(answer)
}

// creation tells what a new object would have, or that another stands in its way.
func (p *prospect) creation(ctx context.Context) error {
	if p.preview.Title = p.Text("userPrincipalName"); p.preview.Title == "" {
		p.preview.Title = p.Text("displayName")
	}
	for _, name := range []string{"userPrincipalName", "uniqueName", "appId", roleTemplate} {
		value := p.Text(name)
		if value == "" || !slices.Contains(p.Entity.Keys, name) {
			continue
		}
		found, err := p.keys.read(ctx, p.Entity.Name, name, value, p.properties())
		if err != nil {
			return err
		}
		if len(found) > 0 {
			return p.exists(ctx, found[0], name)
		}
	}
	p.values(p.Values)
	if p.Password() != "" {
		p.password()
	}
	return p.links(ctx)
}

// exists tells what becomes of an order to create what is there.
func (p *prospect) exists(ctx context.Context, object map[string]json.RawMessage, attribute string) error {
	if attribute == "userPrincipalName" || attribute == "uniqueName" {
		return inUse(p.Entity.Name, attribute, p.Text(attribute), textIn(object, "id"))
	}
	p.now, p.object = object, graph.Object{Set: p.Entity.Path, ID: textIn(object, "id")}
	p.preview.ObjectID = p.object.ID
	if err := p.links(ctx); err != nil {
		return err
	}
	p.preview.Unchanged = len(p.preview.Changes) == 0
	return nil
}

func (p *prospect) restoration(ctx context.Context) error {
	for _, set := range []string{"directory/deletedItems", p.Entity.Path} {
		answer, err := p.graph.Do(ctx, graph.Get(graph.Object{Set: set, ID: p.Key.ID}.Path()+"?$select=id,displayName"), nil)
		if err != nil {
			return err
		}
		if verdict.Of(answer) == verdict.Missing {
			continue
		}
		if err := expect(answer); err != nil {
			return err
		}
		object, err := objectIn(answer)
		p.preview.Title, p.preview.Unchanged = textIn(object, "displayName"), set == p.Entity.Path
		return err
	}
	return refuse(fault.NotFound, "there is no deleted %s with the id %s", p.Entity.Name, p.Key.ID).
		hint("Entra keeps deleted objects for 30 days; create it anew")
}

// values compares values with what there is.
func (p *prospect) values(values []schema.Value) {
	for _, v := range values {
		c := sdk.AttributeChange{Path: v.Name(), Before: json.RawMessage("null"), After: v.JSON}
		if v.Path[0] == "passwordProfile" {
			c.Before = nil // Graph does not tell
		} else if now := valueAt(p.now, v.Path); now != nil {
			c.Before = now
		}
		if c.Before == nil || !same(c.Before, c.After) {
			p.preview.Changes = append(p.preview.Changes, c)
		}
	}
	if p.Operation == sdk.SetPassword {
		p.password()
	}
}

func (p *prospect) password() {
	p.preview.Changes = append(p.preview.Changes, sdk.AttributeChange{Path: schema.Password, After: json.RawMessage(`"***"`)})
}
