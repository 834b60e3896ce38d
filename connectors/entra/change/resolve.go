package change

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/usher-iga/usher/connectors/entra/change/schema"
	"github.com/usher-iga/usher/connectors/entra/change/verdict"
	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// maxIn is how many values one filter takes: https://learn.microsoft.com/graph/filter-query-parameter.
const maxIn = 15

// Resolve is what [sdk.Fulfiller] says. Keys of one kind are looked up many in one request, and
// requests go out packed.
func (r *Runner) Resolve(ctx context.Context, objects []sdk.NamedObject) ([]string, error) {
	asked := map[key][]int{} // positions
	var wanted []wantedKey
	for i, o := range objects {
		k, ok := keyOf(o)
		if !ok {
			continue
		}
		if len(asked[k.key]) == 0 {
			wanted = append(wanted, k)
		}
		asked[k.key] = append(asked[k.key], i)
	}
	slices.SortStableFunc(wanted, func(a, b wantedKey) int {
		return cmp.Or(strings.Compare(a.entity, b.entity), strings.Compare(a.attribute, b.attribute))
	})
	ids := make([]string, len(objects))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxJobs)
	for len(wanted) > 0 {
		some := alikeKeys(wanted)
		wanted = wanted[len(some):]
		group.Go(func() error {
			found, err := r.keys.several(ctx, some)
			if err != nil {
				return err
			}
			for _, k := range some {
				for _, i := range asked[k.key] { // of this goroutine alone
					ids[i] = found[k.value]
				}
			}
			return nil
		})
	}
	return ids, group.Wait()
}

// wantedKey is a natural key with its value as it was given.
type wantedKey struct {
	key
	given string
}

// keyOf is the natural key by which an object is to be found; ok is false if there can be none.
func keyOf(o sdk.NamedObject) (k wantedKey, ok bool) {
	entity, known := schema.Find(o.Entity)
	if known && o.Navigation != "" {
		var n schema.Navigation
		if n, known = entity.Navigation(o.Navigation); known {
			entity, known = schema.Find(n.TargetEntity(o.Key))
		}
	}
	if !known || o.Key.ID != "" || o.Key.Value == "" || !slices.Contains(entity.Keys, o.Key.Attribute) {
		return k, false
	}
	return wantedKey{key{entity.Name, o.Key.Attribute, strings.ToLower(o.Key.Value)}, o.Key.Value}, true
}

// alikeKeys are the first keys, as many as one request looks up.
func alikeKeys(keys []wantedKey) []wantedKey {
	n := 1
	for canIn(keys[0].key) && n < min(len(keys), maxIn) && keys[n].entity == keys[0].entity && keys[n].attribute == keys[0].attribute {
		n++
	}
	return keys[:n]
}

// canIn reports whether Graph can look several values of a key up at once. Not all properties that can
// be compared with one can; those of users and groups that are keys can:
// https://learn.microsoft.com/graph/aad-advanced-queries.
func canIn(k key) bool {
	return k.entity == "user" || k.entity == "group" && k.attribute != "uniqueName"
}

// several looks keys up that one request can look up, and returns ids by value. What has no id, or
// several, is not there.
func (s *keys) several(ctx context.Context, keys []wantedKey) (map[string]string, error) {
	found := map[string]string{}
	if len(keys) == 1 {
		id, err := s.one(ctx, keys[0])
		found[keys[0].value] = id
		return found, err
	}
	e, _ := schema.Find(keys[0].entity) // keyOf found it
	attribute := keys[0].attribute
	var values []string
	for _, k := range keys {
		values = append(values, "'"+quoted(k.given)+"'")
	}
	path := e.Path + "?$filter=" + attribute + "%20in%20(" + strings.Join(values, ",") + ")&$select=id," + attribute + "&$top=999"
	answer, err := s.graph.Do(ctx, graph.Get(path), nil)
	if err != nil {
		return nil, err
	}
	if !answer.OK() {
		return found, unanswered(verdict.Failure(answer))
	}
	var list struct {
		Value []map[string]json.RawMessage
		Next  string `json:"@odata.nextLink"`
	}
	if err := json.Unmarshal(answer.Body, &list); err != nil {
		return nil, unreadable(err)
	}
	if list.Next != "" { // so many share a name that others may not be on the page
		for _, k := range keys {
			if found[k.value], err = s.one(ctx, k); err != nil {
				return nil, err
			}
		}
		return found, nil
	}
	several := map[string]bool{}
	for _, object := range list.Value {
		value := strings.ToLower(textIn(object, attribute))
		several[value] = found[value] != ""
		found[value] = strings.ToLower(textIn(object, "id"))
	}
	for value := range several {
		if several[value] {
			delete(found, value)
		}
	}
	return found, nil
}

// one looks one key up; "" if no object has it, or several have.
func (s *keys) one(ctx context.Context, k wantedKey) (string, error) {
	found, err := s.read(ctx, k.entity, k.attribute, k.given, []string{"id"})
	if r, ok := errors.AsType[refusal](err); ok {
		return "", unanswered(r.fault)
	}
	if err != nil || len(found) != 1 {
		return "", err
	}
	return strings.ToLower(textIn(found[0], "id")), nil
}

// unanswered is the error of a look-up that was not answered; nil if the answer is that it is refused: who
// carries the order out is told the same.
func unanswered(f *fault.Error) error {
	switch f.Code {
	case fault.Forbidden, fault.Invalid, fault.NotFound, fault.Refused:
		return nil
	default:
		return f
	}
}
