package change

import (
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
	var detail struct{ AppRoleID string }
	_ = json.Unmarshal(l.Detail(n), &detail) // without one it is the default role
	if detail.AppRoleID == "" {
		detail.AppRoleID = defaultRole
	}
	if !schema.IsGUID(detail.AppRoleID) {
		return written{}, refuse(fault.Invalid, "appRoleId: %q is not a GUID", detail.AppRoleID).hint("Give the id of the role, as the application declares it")
	}
	body, err := json.Marshal(map[string]string{"principalId": j.object.ID, "resourceId": resource, "appRoleId": detail.AppRoleID})
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

// unassign removes an assignment: that of the key, or else the one that the object has of
// the application.
func (j *job) unassign(ctx context.Context, key sdk.ObjectKey, resource string) (written, error) {
	assignment := key.Value
	if key.Attribute != schema.Assignment {
		found, err := j.assignments(ctx, resource)
		switch {
		case err != nil:
			return written{}, err
		case len(found) == 0:
			return written{already: true}, nil
		case len(found) > 1:
			return written{}, refuse(fault.Conflict, "the %s has %d roles of the application %s", j.Entity.Name, len(found), resource).
				hint("Name the assignment by " + schema.Assignment)
		}
		assignment = found[0]
	}
	answer, err := j.do(ctx, graph.Unassign(j.object, assignment))
	if err != nil {
		return written{}, err
	}
	if verdict.Of(answer) == verdict.Missing {
		return written{already: true}, nil
	}
	if resource == "" {
		resource = assignment
	}
	return written{target: resource}, expect(answer)
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
