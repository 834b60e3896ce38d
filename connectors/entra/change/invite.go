package change

import (
	"context"
	"encoding/json"

	"github.com/usher-iga/usher/connectors/entra/change/verdict"
	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// invite invites a guest. A second invitation of the same address leads to the same user, but
// would send a second mail; so after a lost answer it looks first.
func (j *job) invite(ctx context.Context) error {
	body, rest, err := j.InvitationBody()
	if err != nil {
		return err
	}
	if err := j.invited(ctx, body); err != nil {
		return err
	}
	j.keys.learn("user", "mail", j.InvitedAddress(), j.object.ID)
	if len(rest) > 0 {
		if err := j.patch(ctx, rest, "", nil); err != nil {
			return err
		}
	}
	return j.writeLinks(ctx)
}

func (j *job) invited(ctx context.Context, body json.RawMessage) error {
	uncertain := j.Uncertain
	for range maxCreations {
		if uncertain {
			id, err := j.lookForGuest(ctx)
			if err != nil {
				return err
			}
			if id != "" {
				j.found(id)
				j.wrote()
				return nil
			}
		}
		answer, err := j.do(ctx, graph.Post("invitations", body))
		switch {
		case err != nil:
			return err
		case verdict.Of(answer) == verdict.Unknown:
			uncertain = true
			continue
		case !answer.OK():
			return expect(answer)
		}
		return j.invitation(answer)
	}
	return fault.Errorf(fault.Unavailable, "the answers to an invitation were lost %d times", maxCreations).WithHint("Run again; the order is not lost")
}

// invitation reads what an invitation answers.
func (j *job) invitation(a graph.Answer) error {
	var made struct {
		ID, InviteRedeemURL, Status string
		InvitedUser                 struct{ ID string }
	}
	if err := json.Unmarshal(a.Body, &made); err != nil || made.InvitedUser.ID == "" {
		return refuse(fault.Unavailable, "Graph's answer to the invitation names no user")
	}
	j.found(made.InvitedUser.ID)
	j.wrote()
	j.outcome.Details = map[string]string{"invitationId": made.ID, "inviteRedeemUrl": made.InviteRedeemURL, "status": made.Status}
	return nil
}

func (j *job) lookForGuest(ctx context.Context) (string, error) {
	for w := j.recent.waiting(doubt); ; {
		found, err := j.keys.read(ctx, "user", "mail", j.InvitedAddress(), []string{"id", "userType"})
		if err != nil {
			return "", err
		}
		for _, user := range found {
			if textIn(user, "userType") == "Guest" {
				return textIn(user, "id"), nil
			}
		}
		if again, err := w.again(ctx); err != nil || !again {
			return "", err
		}
	}
}
