package change

import (
	"cmp"
	"context"
	"encoding/json"
	"strings"

	"github.com/usher-iga/usher/connectors/entra/change/schema"
	"github.com/usher-iga/usher/connectors/entra/change/verdict"
	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// defaultRole is access to an application that declares no roles.
const defaultRole = "00000000-0000-0000-0000-000000000000"

// assign gives the object a role of an application, which the detail names.
// Source: https://learn.microsoft.com/graph/api/user-post-approleassignments.
func (j *job) assign(ctx context.Context, l schema.Links, n int, resource string) (written, error) {
	role, err := roleOf(l.Detail(n))
	if err != nil {
		return written{}, err
	}
	body, err := json.Marshal(map[string]string{"principalId": j.object.ID, "resourceId": resource, "appRoleId": role})
	if err != nil {
		return written{}, fault.Errorf(fault.Internal, "an app role assignment cannot be written as JSON: %w", err)
	}
	// Graph refuses a second one like it.
	answer, err := j.send(ctx, graph.Post(j.object.Path()+"/appRoleAssignments", body).Repeatable(), j.object.ID, resource)
	if err != nil {
		return written{}, err
	}
	if verdict.Of(answer) == verdict.Already {
		return written{already: true}, nil
	}
	return written{target: resource}, expect(answer)
}

// roleOf returns the role that a detail names.
func roleOf(detail json.RawMessage) (string, error) {
	var d struct{ AppRoleID string }
	_ = json.Unmarshal(detail, &d) // without one it is the default role
	switch {
	case d.AppRoleID == "":
		return defaultRole, nil
	case !schema.IsGUID(d.AppRoleID):
		return "", refuse(fault.Invalid, "appRoleId: %q is not a GUID", d.AppRoleID).hint("Give the id of the role, as the application declares it")
	}
	return d.AppRoleID, nil
}

// unassign removes an assignment: that of the key, or else the one that the object has of
// the application. What was assigned lately may not be in the list yet, nor be found by its id.
func (j *job) unassign(ctx context.Context, key sdk.ObjectKey, resource string) (written, error) {
	var ours bool // an attempt whose answer was lost may have done it
	for w := j.recent.waiting(j.unsure(pair(j.object.ID, resource))); ; {
		assignment, err := j.assignment(ctx, key, resource)
		if err != nil {
			return written{}, err
		}
		gone := written{target: cmp.Or(resource, key.Value)}
		if assignment != "" {
			answer, lost, err := j.doOnce(ctx, graph.Unassign(j.object, assignment))
			if err != nil {
				return written{}, err
			}
			if ours = w.lost(lost) || ours; verdict.Of(answer) != verdict.Missing {
				return gone, expect(answer)
			}
		}
		if again, err := w.again(ctx); err != nil || !again {
			gone.already = !ours
			return gone, err
		}
	}
}

// assignment returns the id of the assignment to remove, or "" if the list has none.
func (j *job) assignment(ctx context.Context, key sdk.ObjectKey, resource string) (string, error) {
	if key.Attribute == schema.Assignment {
		return key.Value, nil
	}
	found, err := j.assignments(ctx, resource)
	switch {
	case err != nil || len(found) == 0:
		return "", err
	case len(found) > 1:
		return "", refuse(fault.Conflict, "the %s has %d roles of the application %s", j.Entity.Name, len(found), resource).
			hint("Name the assignment by " + schema.Assignment)
	}
	return found[0], nil
}

// assignments returns the ids of the object's roles of an application.
func (j *job) assignments(ctx context.Context, resource string) (ids []string, err error) {
	answer, err := j.send(ctx, graph.Get(j.object.Path()+"/appRoleAssignments?$top=999"), j.object.ID)
	if err != nil {
		return nil, err
	}
	if err := expect(answer); err != nil {
		return nil, err
	}
	var list struct {
		Value []struct{ ID, ResourceID string }
	}
	if err := json.Unmarshal(answer.Body, &list); err != nil {
		return nil, unreadable(err)
	}
	for _, a := range list.Value {
		if strings.EqualFold(a.ResourceID, resource) {
			ids = append(ids, a.ID)
		}
	}
	return ids, nil
}
