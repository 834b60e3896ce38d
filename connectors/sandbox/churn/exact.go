package churn

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// operate does the operations one after the other, up to the first that cannot
// be done.
func operate(w *tenant.Writer, operations []Operation, result *Result, purged map[tenant.Ref]bool) error {
	for i, o := range operations {
		r, err := do(w, o, result.Operations)
		if err != nil {
			return fmt.Errorf("operation %d (%s): %w; those before it are done", i, o.Op, err)
		}
		if o.Op == "purge" {
			purged[r] = true
		}
		result.Operations = append(result.Operations, w.ID(r))
	}
	return nil
}

// do does one operation; before are the ids of the earlier ones' objects.
func do(w *tenant.Writer, o Operation, before []string) (tenant.Ref, error) {
	kind, err := kindNamed(o.Entity)
	if err != nil {
		return tenant.Ref{}, err
	}
	if o.Op == "create" {
		return create(w, kind, o)
	}
	r, err := find(w, o.ID, before)
	if err != nil {
		return r, err
	}
	if r.Kind != kind {
		return r, fmt.Errorf("%s is a %s, not a %s", w.ID(r), r.Kind, kind)
	}
	switch o.Op {
	case "update":
		return r, w.Update(r, o.Properties)
	case "softDelete":
		return r, w.SoftDelete(r)
	case "restore":
		return r, w.Restore(r)
	case "purge":
		return r, w.Purge(r)
	case "addLink", "removeLink":
		return r, link(w, r, o, before)
	}
	return r, fmt.Errorf("there is no such operation; there are create, update, softDelete, restore, purge, addLink, removeLink")
}

func create(w *tenant.Writer, kind tenant.Kind, o Operation) (tenant.Ref, error) {
	if o.ID != "" {
		return tenant.Ref{}, fmt.Errorf("the tenant chooses the id of a new %s; leave it out", kind)
	}
	r, err := w.Create(kind)
	if err == nil && len(o.Properties) > 0 {
		err = w.Update(r, o.Properties)
	}
	return r, err
}

func link(w *tenant.Writer, owner tenant.Ref, o Operation, before []string) error {
	target, err := find(w, o.Target, before)
	if err != nil {
		return err
	}
	for _, relation := range tenant.RelationsOf(owner.Kind) {
		if relation.String() != o.Navigation {
			continue
		}
		if o.Op == "addLink" {
			return w.Link(owner, relation, target)
		}
		return w.Unlink(owner, relation, target)
	}
	return fmt.Errorf("a %s has no relation %q", owner.Kind, o.Navigation)
}

// find returns the object of an id or of an earlier operation.
func find(w *tenant.Writer, id string, before []string) (tenant.Ref, error) {
	if number, ok := strings.CutPrefix(id, "$"); ok {
		i, err := strconv.Atoi(number)
		if err != nil || i < 0 || i >= len(before) {
			return tenant.Ref{}, fmt.Errorf("%q is no earlier operation", id)
		}
		id = before[i]
	}
	r, ok := w.Lookup(id)
	if !ok {
		return r, fmt.Errorf("no object ever had the id %q", id)
	}
	return r, nil
}

func kindNamed(name string) (tenant.Kind, error) {
	for _, k := range tenant.Kinds() {
		if name == k.Entity() || name == k.Collection() {
			return k, nil
		}
	}
	return 0, fmt.Errorf("there is no entity %q", name)
}
