package change

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"

	"github.com/usher-iga/usher/connectors/entra/change/schema"
	"github.com/usher-iga/usher/connectors/entra/change/verdict"
	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// licence is one that is added or removed.
type licence struct {
	key      sdk.ObjectKey
	removal  bool
	sku      string
	disabled json.RawMessage // plans
}

// writeLicences assigns and removes licences, all in one request. Graph takes it as a whole
// or not at all: if it refuses, they are tried one by one, so that one bad licence does not
// keep the others away.
func (j *job) writeLicences(ctx context.Context, l schema.Links) error {
	all, err := j.licences(ctx, l)
	if err != nil || len(all) == 0 {
		return err
	}
	answer, err := j.assignLicences(ctx, all)
	if err != nil {
		return err
	}
	if v := verdict.Of(answer); v == verdict.Done || len(all) == 1 {
		return j.licensed(l, all, answer)
	}
	for i := range all {
		if answer, err = j.assignLicences(ctx, all[i:i+1]); err != nil {
			return err
		}
		if err := j.licensed(l, all[i:i+1], answer); err != nil {
			return err
		}
	}
	return nil
}

// licences finds the products.
func (j *job) licences(ctx context.Context, l schema.Links) (all []licence, err error) {
	find := func(key sdk.ObjectKey, removal bool, detail json.RawMessage) error {
		var plans struct{ DisabledPlans json.RawMessage }
		if json.Unmarshal(detail, &plans) != nil || len(plans.DisabledPlans) == 0 {
			plans.DisabledPlans = json.RawMessage("[]")
		}
		sku, err := j.skus.find(ctx, key)
		if r, ok := errors.AsType[refusal](err); ok {
			j.linkFailed(l.Name, key, removal, r.fault)
			return nil
		}
		all = append(all, licence{key, removal, sku, plans.DisabledPlans})
		return err
	}
	for n, key := range l.Add {
		if err := find(key, false, l.Detail(n)); err != nil {
			return nil, err
		}
	}
	for _, key := range l.Remove {
		if err := find(key, true, nil); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// assignLicences sends one request (https://learn.microsoft.com/graph/api/user-assignlicense,
// and group-assignlicense). Assigned twice, a licence is assigned once.
func (j *job) assignLicences(ctx context.Context, all []licence) (graph.Answer, error) {
	type added struct {
		DisabledPlans json.RawMessage `json:"disabledPlans"`
		SKU           string          `json:"skuId"`
	}
	body := struct {
		Add    []added  `json:"addLicenses"`
		Remove []string `json:"removeLicenses"`
	}{[]added{}, []string{}}
	for _, one := range all {
		if one.removal {
			body.Remove = append(body.Remove, one.sku)
		} else {
			body.Add = append(body.Add, added{one.disabled, one.sku})
		}
	}
	text, err := json.Marshal(body)
	if err != nil {
		return graph.Answer{}, refuse(fault.Invalid, "the disabled plans of a licence are not a list: %v", err)
	}
	return j.send(ctx, graph.Post(j.object.Path()+"/assignLicense", text).Repeatable(), j.object.ID)
}

// licensed notes how a request ended.
func (j *job) licensed(l schema.Links, all []licence, answer graph.Answer) error {
	var added, removed []string
	for _, one := range all {
		switch v := verdict.Of(answer); {
		case v == verdict.Already:
		case v != verdict.Done:
			j.linkFailed(l.Name, one.key, one.removal, verdict.Failure(answer))
		case one.removal:
			removed = append(removed, one.sku)
		default:
			added = append(added, one.sku)
		}
	}
	j.linksChanged(l.Name, added, false)
	j.linksChanged(l.Name, removed, true)
	return nil
}

// skus finds products by their names, which it reads once.
type skus struct {
	graph Graph

	mu    sync.Mutex
	known map[string]string // skuPartNumber in lower case → skuId
}

// find returns the skuId of a licence. It is a refusal if the tenant has no such product.
func (s *skus) find(ctx context.Context, key sdk.ObjectKey) (string, error) {
	if key.ID != "" {
		return key.ID, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil {
		answer, err := s.graph.Do(ctx, graph.Get("subscribedSkus?$select=skuId,skuPartNumber"), nil)
		if err != nil {
			return "", err
		}
		if err := expect(answer); err != nil {
			return "", err
		}
		var list struct {
			Value []struct{ SkuID, SkuPartNumber string }
		}
		if err := json.Unmarshal(answer.Body, &list); err != nil {
			return "", unreadable(err)
		}
		s.known = map[string]string{}
		for _, sku := range list.Value {
			s.known[strings.ToLower(sku.SkuPartNumber)] = sku.SkuID
		}
	}
	id, ok := s.known[strings.ToLower(key.Value)]
	if !ok {
		return "", refuse(fault.NotFound, "the tenant has no product with the %s %q", schema.SKUName, key.Value).
			hint("Give the skuPartNumber or skuId of a product that the tenant has bought")
	}
	return id, nil
}
