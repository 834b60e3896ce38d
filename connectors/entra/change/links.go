package change

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/usher-iga/usher/connectors/entra/change/member"
	"github.com/usher-iga/usher/connectors/entra/change/schema"
	"github.com/usher-iga/usher/connectors/entra/change/verdict"
	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// How many links of one order are written side by side; of those to members, which go out packed,
// more.
const (
	maxLinks   = 20
	maxMembers = 1000
)

// writeLinks changes the links of the order. One that fails does not stop the others.
func (j *job) writeLinks(ctx context.Context) error {
	for _, l := range j.Links {
		if err := j.writeNavigation(ctx, l); err != nil {
			return err
		}
	}
	return nil
}

// writeNavigation adds first and removes then, so that a group is not without an owner
// in between.
func (j *job) writeNavigation(ctx context.Context, l schema.Links) error {
	if l.Kind == schema.Licences {
		return j.writeLicences(ctx, l)
	}
	if l.Kind == schema.Single && len(l.Add) > 0 {
		l.Remove = nil // the new one takes its place
	}
	if err := j.each(ctx, l, l.Add, false, j.addLink); err != nil {
		return err
	}
	return j.each(ctx, l, l.Remove, true, j.removeLink)
}

// written says how the writing of a link ended.
type written struct {
	target  string
	already bool
}

// each writes links side by side, after finding their targets.
func (j *job) each(ctx context.Context, l schema.Links, targets []sdk.ObjectKey, removal bool,
	write func(ctx context.Context, l schema.Links, n int, target string) (written, error),
) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxLinks)
	if l.Kind == schema.Members && !removal {
		group.SetLimit(maxMembers)
	}
	done := make([]string, len(targets))
	for n, key := range targets {
		group.Go(func() error {
			id, err := j.target(ctx, l.Navigation, key, removal)
			var w written
			if err == nil {
				w, err = write(ctx, l, n, id)
			}
			if errors.Is(err, errGone) {
				return nil
			}
			if r, ok := errors.AsType[refusal](err); ok {
				j.linkFailed(l.Name, key, removal, r.fault)
				return nil
			}
			if err == nil && !w.already {
				done[n] = w.target
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	j.linksChanged(l.Name, done, removal)
	return nil
}

// target finds the object at the other end.
func (j *job) target(ctx context.Context, n schema.Navigation, key sdk.ObjectKey, removal bool) (string, error) {
	switch {
	case key == (sdk.ObjectKey{}), key.Attribute == schema.Assignment:
		return "", nil
	}
	id, err := j.find(ctx, n.TargetEntity(key), key)
	if removal && isNotFound(err) {
		return "", errGone
	}
	return id, err
}

// errGone says that the target of a removal is not there, and so neither is the link.
var errGone = errors.New("the target is gone") //nolint:gochecknoglobals // a sentinel

func (j *job) linkFailed(navigation string, key sdk.ObjectKey, removal bool, f *fault.Error) {
	j.namePermission(f, navigation)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.outcome.FailedLinks = append(j.outcome.FailedLinks, sdk.FailedLink{Navigation: navigation, Key: key, Removal: removal, Failure: f})
}

// linksChanged notes which links were added or removed; those that were not are "".
func (j *job) linksChanged(navigation string, targets []string, removal bool) {
	var changed []string
	for _, id := range targets {
		if id != "" {
			changed = append(changed, id)
			if !removal {
				j.recent.touch(pair(j.object.ID, id))
			}
		}
	}
	if len(changed) == 0 {
		return
	}
	j.wrote()
	c := sdk.AttributeChange{Path: navigation, After: texts(changed)}
	if removal {
		c.Before, c.After = c.After, nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.outcome.Changes = append(j.outcome.Changes, c)
}

func (j *job) addLink(ctx context.Context, l schema.Links, n int, target string) (written, error) {
	switch l.Kind {
	case schema.Members, schema.MemberOf:
		return j.addMember(ctx, l, n, target)
	case schema.AppRoles:
		return j.assign(ctx, l, n, target)
	}
	link := graph.Link{From: j.object, Navigation: l.Name, Target: target}
	request := link.Add(j.graph.Root())
	if l.Kind == schema.Single {
		request = link.Set(j.graph.Root())
	}
	answer, err := j.send(ctx, request, j.object.ID, target)
	if err != nil {
		return written{}, err
	}
	if l.Kind == schema.Single && answer.OK() {
		j.fresh.wrote(j.object.ID, []string{l.Name}, json.RawMessage(graph.Quote(target)))
	}
	if verdict.Of(answer) == verdict.Already {
		return written{already: true}, nil
	}
	return written{target: target}, expect(answer)
}

// addMember hands an addition to the packer and waits for it.
func (j *job) addMember(ctx context.Context, l schema.Links, n int, target string) (written, error) {
	result := make(chan member.Result, 1)
	a := j.addition(l.Navigation, l.Add[n], target)
	a.Done = func(r member.Result) { result <- r }
	j.members.Add(a)
	select {
	case r := <-result:
		if r.Failure != nil {
			return written{}, refusal{fault: r.Failure}
		}
		return written{target: target, already: r.Already}, nil
	case <-ctx.Done():
		return written{}, ctx.Err()
	}
}

// addition makes an addition whose result goes into the outcome.
func (j *job) addition(n schema.Navigation, key sdk.ObjectKey, target string) *member.Addition {
	a := &member.Addition{Group: j.object.ID, Member: target, Seen: j.sent}
	if n.Kind == schema.MemberOf {
		a.Group, a.Member = target, j.object.ID
	}
	a.Done = func(r member.Result) {
		switch {
		case r.Failure != nil:
			j.linkFailed(n.Name, key, false, r.Failure)
		case !r.Already:
			j.linksChanged(n.Name, []string{target}, false)
		}
	}
	return a
}

func (j *job) removeLink(ctx context.Context, l schema.Links, n int, target string) (written, error) {
	if l.Kind == schema.AppRoles {
		return j.unassign(ctx, l.Remove[n], target)
	}
	link := graph.Link{From: j.object, Navigation: l.Name, Target: target}
	switch l.Kind {
	case schema.MemberOf:
		link = graph.Link{From: graph.Object{Set: "groups", ID: target}, Navigation: "members", Target: j.object.ID}
	case schema.Single:
		return j.unlinkOnly(ctx, link)
	}
	return j.unlink(ctx, link, target)
}

// unlinkOnly removes the only link of a navigation, if it leads to the link's target or that is
// empty. The request for it would remove any, so it is sent only if the right one is there, and not
// while that may be what was there before an earlier call wrote.
func (j *job) unlinkOnly(ctx context.Context, link graph.Link) (written, error) {
	wanted := link.Target
	link.Target = ""
	if _, ok := j.fresh.value(link.From.ID, link.Navigation); !ok && wanted != "" {
		if err := j.settle(ctx); err != nil {
			return written{}, err
		}
	}
	for w := j.recent.waiting(j.unsure(pair(link.From.ID, wanted))); ; {
		now, err := j.only(ctx, link)
		if err != nil {
			return written{}, err
		}
		if now != "" && (wanted == "" || strings.EqualFold(now, wanted)) {
			return j.unlink(ctx, link, now)
		}
		if again, err := w.again(ctx); err != nil || !again {
			return written{already: true}, err
		}
	}
}

// only returns where the only link of a navigation leads, or "".
func (j *job) only(ctx context.Context, link graph.Link) (target string, err error) {
	if lately, ok := j.fresh.value(link.From.ID, link.Navigation); ok {
		_ = json.Unmarshal(lately, &target) // null is none
		return target, nil
	}
	answer, err := j.do(ctx, graph.Get(link.From.Path()+"/"+link.Navigation+"?$select=id"))
	if err != nil || verdict.Of(answer) == verdict.Missing {
		return "", err
	}
	if err := expect(answer); err != nil {
		return "", err
	}
	object, err := objectIn(answer)
	return textIn(object, "id"), err
}

// unlink removes a link, which is told of as target. That it is not there is as well; but Graph says
// the same of a link that is too new to be seen, or whose ends are. So it tries again as long as that may
// be, and then looks for the ends.
func (j *job) unlink(ctx context.Context, link graph.Link, target string) (written, error) {
	end := cmp.Or(link.Target, target)
	var ours bool // an attempt whose answer was lost may have done it
	for w := j.recent.waiting(j.patience(link.From.ID, end, pair(link.From.ID, end))); ; {
		answer, lost, err := j.doOnce(ctx, link.Remove())
		if err != nil {
			return written{}, err
		}
		ours = w.lost(lost) || ours
		switch v := verdict.Of(answer); {
		case v == verdict.Done:
			j.unlinked(link, end)
			return written{target: target}, nil
		case v != verdict.Missing && v != verdict.Already:
			return written{target: target}, expect(answer)
		}
		gone := written{target: target, already: !ours}
		if j.unsure(pair(link.From.ID, end)) == 0 {
			seen, err := j.seen(ctx, link.From, end)
			if err != nil || seen {
				return gone, err
			}
		}
		if again, err := w.again(ctx); err != nil || !again {
			return gone, err
		}
	}
}

// unlinked notes that a link is not there any more.
func (j *job) unlinked(link graph.Link, end string) {
	j.recent.drop(pair(link.From.ID, end))
	if link.Target == "" {
		j.fresh.wrote(link.From.ID, []string{link.Navigation}, json.RawMessage("null"))
	}
}

// seen reports whether both ends of a link can be seen. What may not be read counts as
// seen.
func (j *job) seen(ctx context.Context, from graph.Object, target string) (bool, error) {
	ends := []graph.Object{from}
	if target != "" {
		ends = append(ends, graph.Object{Set: "directoryObjects", ID: target})
	}
	for _, end := range ends {
		answer, err := j.do(ctx, graph.Get(end.Path()+"?$select=id"))
		if err != nil || verdict.Of(answer) == verdict.Missing {
			return false, err
		}
	}
	return true, nil
}
