package change

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/usher-iga/usher/connectors/entra/change/verdict"
	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// remove deletes the object. That it is gone already is as well.
func (j *job) remove(ctx context.Context) error {
	if err := j.locate(ctx); err != nil {
		if r, ok := errors.AsType[refusal](err); ok && r.fault.Code == fault.NotFound {
			return nil
		}
		return err
	}
	for w := j.recent.waiting(j.patience(j.object.ID)); ; {
		answer, lost, err := j.doOnce(ctx, graph.Delete(j.object))
		switch {
		case err != nil:
			return err
		case verdict.Of(answer) == verdict.Done:
			j.deleted()
			return nil
		case verdict.Of(answer) != verdict.Missing:
			return expect(answer)
		case lost: // that attempt has done it
			j.deleted()
			return nil
		}
		gone, err := j.isGone(ctx)
		if err != nil || gone {
			return err
		}
		if again, err := w.again(ctx); err != nil || !again {
			return err
		}
	}
}

func (j *job) deleted() {
	j.wrote()
	j.keys.forget(j.object.ID)
}

// isGone reports whether it is certain that the object was not just too new to be seen: no
// order can have created it lately, or it is among the deleted ones.
func (j *job) isGone(ctx context.Context) (bool, error) {
	if !j.Uncertain && !j.recent.has(j.object.ID) && !j.recent.young() {
		return true, nil
	}
	answer, err := j.do(ctx, graph.Get(graph.Object{Set: "directory/deletedItems", ID: j.object.ID}.Path()+"?$select=id"))
	return answer.OK(), err
}

// restore restores what was deleted. That it is there already is as well.
func (j *job) restore(ctx context.Context) error {
	j.found(j.Key.ID)
	bin := graph.Object{Set: "directory/deletedItems", ID: j.object.ID}
	for w := j.recent.waiting(j.patience(j.object.ID)); ; {
		// Restored twice, the second finds nothing to restore.
		answer, err := j.do(ctx, graph.Post(bin.Path()+"/restore", json.RawMessage("{}")).Repeatable())
		switch {
		case err != nil:
			return err
		case verdict.Of(answer) == verdict.Done:
			j.wrote()
			return nil
		case verdict.Of(answer) != verdict.Missing:
			return expect(answer)
		}
		there, err := j.do(ctx, graph.Get(j.object.Path()+"?$select=id"))
		if err != nil || there.OK() {
			return err
		}
		if again, err := w.again(ctx); err != nil {
			return err
		} else if !again {
			return refuse(fault.NotFound, "there is no deleted %s with the id %s", j.Entity.Name, j.object.ID).
				hint("Entra keeps deleted objects for 30 days; create it anew")
		}
	}
}
