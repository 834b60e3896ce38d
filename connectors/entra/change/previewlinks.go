package change

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/usher-iga/usher/connectors/entra/change/schema"
	"github.com/usher-iga/usher/connectors/entra/change/verdict"
	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/sdk"
)

// linked is a link that there is, or one that is to be. Ids are in lower case.
type linked struct {
	target     string
	detail     string // of a licence the plans that are disabled, of an app role its id
	assignment string // of an app role: the id of the link itself
}

// links tells which links would be added and removed.
func (p *prospect) links(ctx context.Context) error {
	for _, l := range p.Links {
		there, whole, err := p.linked(ctx, l)
		if err != nil {
			return err
		}
		added, err := p.added(ctx, l, there)
		if err != nil {
			return err
		}
		removed, err := p.removed(ctx, l, there, whole)
		if err != nil {
			return err
		}
		if l.Kind == schema.Single && len(l.Add) > 0 {
			if removed = targets(there); len(added) == 0 {
				continue // it is so already
			}
		}
		if len(added)+len(removed) > 0 {
			p.preview.Changes = append(p.preview.Changes, sdk.AttributeChange{Path: l.Name, Before: texts(removed), After: texts(added)})
		}
	}
	return nil
}

func targets(all []linked) (ids []string) {
	for _, one := range all {
		ids = append(ids, one.target)
	}
	return ids
}

// added returns the other ends of links that are to be added and not there in the same way.
func (p *prospect) added(ctx context.Context, l schema.Links, there []linked) (ids []string, err error) {
	for n, key := range l.Add {
		target, err := p.target(ctx, l, key)
		if err != nil {
			return nil, err
		}
		detail, err := detailOf(l.Kind, l.Detail(n))
		if err != nil {
			return nil, err
		}
		same := func(one linked) bool { return one.target == target && one.detail == detail }
		if !slices.ContainsFunc(there, same) {
			ids = append(ids, target)
		}
	}
	return ids, nil
}

// removed returns the other ends of links that are to be removed and there, or may be.
func (p *prospect) removed(ctx context.Context, l schema.Links, there []linked, whole bool) (ids []string, err error) {
	for _, key := range l.Remove {
		if key == (sdk.ObjectKey{}) { // whoever it is
			ids = append(ids, targets(there)...)
			continue
		}
		if key.Attribute == schema.Assignment {
			i := slices.IndexFunc(there, func(one linked) bool { return strings.EqualFold(one.assignment, key.Value) })
			if i >= 0 {
				ids = append(ids, there[i].target)
			} else if !whole {
				ids = append(ids, key.Value)
			}
			continue
		}
		target, err := p.target(ctx, l, key)
		if isNotFound(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if !whole || slices.Contains(targets(there), target) {
			ids = append(ids, target)
		}
	}
	return ids, nil
}

// target finds the other end of a link.
func (p *prospect) target(ctx context.Context, l schema.Links, key sdk.ObjectKey) (id string, err error) {
	if l.Kind == schema.Licences {
		id, err = p.skus.find(ctx, key)
	} else {
		id, err = p.keys.find(ctx, l.TargetEntity(key), key, 0)
	}
	return strings.ToLower(id), err
}

// detailOf makes details comparable.
func detailOf(k schema.Kind, detail json.RawMessage) (string, error) {
	switch k {
	case schema.AppRoles:
		role, err := roleOf(detail)
		return strings.ToLower(role), err
	case schema.Licences:
		var d struct{ DisabledPlans []string }
		_ = json.Unmarshal(detail, &d) // without any, all are enabled
		slices.Sort(d.DisabledPlans)
		return strings.ToLower(strings.Join(d.DisabledPlans, " ")), nil
	}
	return "", nil
}

// linked returns the links that there are; whole is false if there may be more.
func (p *prospect) linked(ctx context.Context, l schema.Links) (all []linked, whole bool, err error) {
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
		return []linked{{target: strings.ToLower(list.ID)}}, true, nil
	}
	for _, one := range slices.Concat(list.Value, list.AssignedLicenses) {
		found := linked{target: strings.ToLower(textIn(one, id)), assignment: textIn(one, "id")}
		text, err := json.Marshal(one)
		if err != nil {
			return nil, false, unreadable(err)
		}
		if found.detail, err = detailOf(l.Kind, text); err != nil {
			return nil, false, err
		}
		all = append(all, found)
	}
	return all, list.NextLink == "", nil
}
