package change

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/usher-iga/usher/connectors/entra/change/permit"
	"github.com/usher-iga/usher/connectors/entra/change/schema"
	"github.com/usher-iga/usher/connectors/entra/change/verdict"
	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// job is one order under way.
type job struct {
	*Runner
	schema.Change
	object graph.Object // known once it is found or created

	mu      sync.Mutex // links are written side by side
	outcome sdk.Outcome
	changed bool // something was not so already
}

// run carries the order out. Its error is a refusal if only this order fails.
func (j *job) run(ctx context.Context) error {
	switch j.Operation {
	case sdk.Create:
		return j.create(ctx)
	case sdk.Invite:
		return j.invite(ctx)
	case sdk.Delete:
		return j.remove(ctx)
	case sdk.Restore:
		return j.restore(ctx)
	}
	if err := j.locate(ctx); err != nil {
		return err
	}
	if j.Operation == sdk.RevokeSessions {
		return j.revokeSessions(ctx)
	}
	if err := j.update(ctx); err != nil {
		return err
	}
	return j.writeLinks(ctx)
}

// finish returns the outcome of an order that was carried out.
func (j *job) finish() sdk.Outcome {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.outcome.Failure == nil {
		j.outcome.Failure = linkFailure(j.outcome.FailedLinks)
	}
	j.outcome.Unchanged = j.outcome.Failure == nil && !j.changed
	return j.outcome
}

func (j *job) objectOf(id string) graph.Object { return graph.Object{Set: j.Entity.Path, ID: id} }

// locate finds the object of the order.
func (j *job) locate(ctx context.Context) error {
	if j.Key.Attribute == roleTemplate {
		return j.locateRole(ctx)
	}
	id, err := j.find(ctx, j.Entity.Name, j.Key)
	if err != nil {
		return err
	}
	j.found(id)
	return nil
}

// find returns the id of the object that a key names. Errors are those of keys.find.
func (j *job) find(ctx context.Context, entity string, k sdk.ObjectKey) (string, error) {
	patience := j.patience(valueOf(entity, k.Attribute, k.Value), valueOf(entity, k.Attribute, ""))
	return j.keys.find(ctx, entity, k, patience)
}

const roleTemplate = "roleTemplateId"

// locateRole finds a directory role by its template, and activates one that is not active
// yet (https://learn.microsoft.com/graph/api/directoryrole-post-directoryroles).
func (j *job) locateRole(ctx context.Context) error {
	for range 2 {
		id, err := j.keys.find(ctx, j.Entity.Name, j.Key, 0)
		if err == nil {
			j.found(id)
			return nil
		}
		if !isNotFound(err) {
			return err
		}
		// Activated twice, the second is refused.
		answer, err := j.do(ctx, graph.Post(j.Entity.Path, json.RawMessage(`{"roleTemplateId":`+graph.Quote(j.Key.Value)+`}`)).Repeatable())
		switch {
		case err != nil:
			return err
		case answer.OK():
			object, err := objectIn(answer)
			if err != nil {
				return err
			}
			j.found(textIn(object, "id"))
			j.keys.learn(j.Entity.Name, roleTemplate, j.Key.Value, j.object.ID)
			j.wrote()
			return nil
		case verdict.Of(answer) != verdict.Taken:
			return expect(answer)
		}
	}
	return refuse(fault.NotFound, "the directory role of the template %s cannot be activated", j.Key.Value).hint("Check the template's id")
}

// found notes which object the order is about.
func (j *job) found(id string) {
	j.object, j.outcome.ObjectID = j.objectOf(id), id
}

// do sends a request and notes what is written.
func (j *job) do(ctx context.Context, r graph.Request) (graph.Answer, error) {
	return j.graph.Do(ctx, r, func(a graph.Answer) {
		if !r.IsRead() {
			j.sent(r, a)
		}
	})
}

// doOnce is do for a request that finds nothing left to do if it was carried out before. Lost
// says that an answer was lost on the way: then it may have been.
func (j *job) doOnce(ctx context.Context, r graph.Request) (answer graph.Answer, lost bool, err error) {
	answer, err = j.graph.Do(ctx, r, func(a graph.Answer) {
		lost = lost || a.Unknown()
		j.sent(r, a)
	})
	return answer, lost, err
}

// sent notes a write for the audit.
func (j *job) sent(r graph.Request, a graph.Answer) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.outcome.Attempts++
	j.outcome.Exchanges = append(j.outcome.Exchanges, sdk.Exchange{
		Method: r.Method(), Path: r.Path(), Body: r.Shown(), Status: a.Status,
		RequestID: a.RequestID, ClientRequestID: a.ClientRequestID, ErrorCode: a.Code, Time: a.Sent,
	})
}

// send sends a request about objects with these ids, and again as long as one of them may be
// too new to be seen everywhere.
func (j *job) send(ctx context.Context, r graph.Request, ids ...string) (graph.Answer, error) {
	for w := j.recent.waiting(j.patience(ids...)); ; {
		answer, err := j.do(ctx, r)
		if err != nil || verdict.Of(answer) != verdict.Missing {
			return answer, err
		}
		if again, err := w.again(ctx); err != nil || !again {
			return answer, err
		}
	}
}

// patience is how long to wait for objects that are missing.
func (j *job) patience(ids ...string) time.Duration {
	if j.Uncertain {
		return replication
	}
	return j.recent.bound(ids...)
}

// unsure is how long an answer may be wrong still that objects or links are as they were before they
// were written last. What came before the order was done when its first attempt began; of what
// earlier calls have written, most is seen sooner than new objects are.
func (j *job) unsure(ids ...string) time.Duration {
	since := j.recent.before
	if j.Uncertain {
		since = j.FirstAttempt
	}
	return max(0, j.recent.left(ids...), since.Add(doubt).Sub(j.clock.Now()))
}

// settle waits until reads show what earlier calls have written. Its error is that of ctx.
func (j *job) settle(ctx context.Context) error {
	if wait := j.unsure(); wait > 0 {
		return j.clock.Sleep(ctx, wait)
	}
	return nil
}

// wrote notes that the object was written to.
func (j *job) wrote() {
	j.recent.touch(j.object.ID)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.changed = true
}

// expect makes a refusal of an answer that is no success.
func expect(a graph.Answer) error {
	if verdict.Of(a) == verdict.Done {
		return nil
	}
	return refusal{fault: verdict.Failure(a)}
}

// namePermission says which permission is missing if that is why Graph refuses.
func (j *job) namePermission(f *fault.Error, navigation string) {
	if f.Code != fault.Forbidden || f.SystemCode != "Authorization_RequestDenied" {
		return
	}
	if hint := permit.Hint(j.Change, navigation); hint != "" {
		f.Hint = hint
	}
}

// linkFailure makes one failure of those of links, or none.
func linkFailure(links []sdk.FailedLink) *fault.Error {
	if len(links) == 0 {
		return nil
	}
	f := *links[0].Failure
	if len(links) > 1 {
		f.Message += " (and " + plural(len(links)-1, "more link") + " could not be changed)"
	}
	return &f
}
