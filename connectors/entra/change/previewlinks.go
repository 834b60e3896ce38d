package change

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/usher-iga/usher/connectors/entra/change/schema"
	"github.com/usher-iga/usher/connectors/entra/change/verdict"
	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// links tells which links would be added and removed.
func (p *prospect) links(ctx context.Context) error {
	for _, l := range p.Links {
		there, whole, err := p.linked(ctx, l)
		if err != nil {
			return err
		}
		added, err := p.targets(ctx, l, l.Add, false)
		if err != nil {
			return err
		}
		removed, err := p.targets(ctx, l, l.Remove, true)
		if err != nil {
			return err
		}
		added = slices.DeleteFunc(added, func(id string) bool { return slices.Contains(there, id) })
		if l.Kind == schema.Single {
			removed = there
			if len(l.Add) > 0 && len(added) == 0 {
				continue // it is so already
			}
		} else if whole {
			removed = slices.DeleteFunc(removed, func(id string) bool { return !slices.Contains(there, id) })
		}
		if len(added)+len(removed) > 0 {
			p.preview.Changes = append(p.preview.Changes, sdk.AttributeChange{Path: l.Name, Before: texts(removed), After: texts(added)})
		}
	}
	return nil
}

// targets finds the other ends. One that is to be removed and is not there is left out.
func (p *prospect) targets(ctx context.Context, l schema.Links, keys []sdk.ObjectKey, removal bool) (ids []string, err error) {
	for _, key := range keys {
		var id string
		switch {
		case key == (sdk.ObjectKey{}):
			continue
		case l.Kind == schema.Licences:
			id, err = p.skus.find(ctx, key)
		case key.Attribute == schema.Assignment:
			id = key.Value
		default:
			id, err = p.keys.find(ctx, l.TargetEntity(key), key, 0)
		}
		if r, ok := errors.AsType[refusal](err); ok && removal && r.fault.Code == fault.NotFound {
			continue
		}
		if err != nil {
			return nil, err
		}
		ids = append(ids, strings.ToLower(id))
	}
	return ids, nil
}

// linked returns the links that there are; whole is false if there may be more.
func (p *prospect) linked(ctx context.Context, l schema.Links) (ids []string, whole bool, err error) {
	if p.object.ID == "" {
		return nil, true, nil // it is new
	}
	path, id := p.object.Path()+"/"+l.Name, "id"
	switch l.Kind {
	case schema.Licences:
		path, id = p.object.Path()+"?$select=id,assignedLicenses", "skuId"
	case schema.AppRoles:
		path, id = path+"?$top=999", "resourceId"
	case schema.Single:
		path += "?$select=id"
	default:
		path += "?$select=id"
		if p.Entity.Name != "directoryRole" { // whose members have no pages
			path += "&$top=999"
		}
	}
	answer, err := p.graph.Do(ctx, graph.Get(path), nil)
	switch {
	case err != nil:
		return nil, false, err
	case verdict.Of(answer) == verdict.Missing:
		return nil, true, nil // no manager
	}
	if err := expect(answer); err != nil {
		return nil, false, err
	}
	var list struct {
		ID               string
		NextLink         string `json:"@odata.nextLink"`
		Value            []map[string]json.RawMessage
		AssignedLicenses []map[string]json.RawMessage
	}
	if err := json.Unmarshal(answer.Body, &list); err != nil {
		return nil, false, unreadable(err)
	}
	if l.Kind == schema.Single {
		return []string{strings.ToLower(list.ID)}, true, nil
	}
	for _, one := range slices.Concat(list.Value, list.AssignedLicenses) {
		ids = append(ids, strings.ToLower(textIn(one, id)))
	}
	return ids, list.NextLink == "", nil
}
