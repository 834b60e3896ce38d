package change

import (
	"context"

	"github.com/usher-iga/usher/connectors/entra/change/verdict"
	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// remove deletes the object. That it is gone already is as well.
func (j *job) remove(ctx context.Context) error {
	if err := j.locate(ctx); err != nil {
		if isNotFound(err) {
			return nil
		}
		return err
	}
	var ours bool // an attempt whose answer was lost may have done it
	for w := j.recent.waiting(j.patience(j.object.ID)); ; {
		answer, lost, err := j.doOnce(ctx, graph.Delete(j.object))
		if err != nil {
			return err
		}
		ours = ours || lost
		switch verdict.Of(answer) {
		case verdict.Done:
			j.deleted()
			return nil
		case verdict.Missing:
		default:
			return expect(answer)
		}
		gone, err := j.isGone(ctx)
		if err == nil && !gone {
			gone, err = w.over(ctx)
		}
		switch {
		case err != nil:
			return err
		case gone && ours:
			j.deleted()
			return nil
		case gone:
			return nil
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
	if !j.Uncertain && j.recent.left(j.object.ID) == 0 && j.recent.young() == 0 {
		return true, nil
	}
	answer, err := j.do(ctx, graph.Get(graph.Object{Set: "directory/deletedItems", ID: j.object.ID}.Path()+"?$select=id"))
	return answer.OK(), err
}

// restore restores what was deleted. That it is there already is as well; but what was deleted
// lately may still seem to be there.
func (j *job) restore(ctx context.Context) error {
	j.found(j.Key.ID)
	bin := graph.Object{Set: "directory/deletedItems", ID: j.object.ID}
	var ours bool // an attempt whose answer was lost may have done it
	for w := j.recent.waiting(j.patience(j.object.ID)); ; {
		// Restored twice, the second finds nothing to restore.
		answer, lost, err := j.doOnce(ctx, graph.Post(bin.Path()+"/restore", nil).Repeatable())
		if err != nil {
			return err
		}
		ours = w.lost(lost) || ours
		switch verdict.Of(answer) {
		case verdict.Done:
			j.appeared()
			return nil
		case verdict.Missing:
		default:
			return expect(answer)
		}
		there, err := j.do(ctx, graph.Get(j.object.Path()+"?$select=id"))
		over := there.OK() && j.unsure(j.object.ID) == 0
		if err == nil && !over {
			over, err = w.over(ctx)
		}
		switch {
		case err != nil:
			return err
		case over && there.OK() && ours:
			j.appeared()
			return nil
		case over && there.OK():
			return nil
		case over:
			return refuse(fault.NotFound, "there is no deleted %s with the id %s", j.Entity.Name, j.object.ID).
				hint("Entra keeps deleted objects for 30 days; create it anew")
		}
	}
}
