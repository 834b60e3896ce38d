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
	body, rest, err := j.InvitationBody(false)
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
	var answer graph.Answer
	for range maxCreations {
		if uncertain {
			id, err := j.lookForGuest(ctx)
			if err != nil {
				return err
			}
			if id != "" {
				return j.inviteAgain(ctx, id)
			}
		}
		var err error
		answer, err = j.do(ctx, graph.Post("invitations", body))
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
	return expect(answer) // Graph has answered all the looks; so it is this request that it does not get along with
}

// inviteAgain invites a guest who is there, without a mail: for the link to redeem, which the
// answer had that was lost. Whether the mail went out that was asked for cannot be known.
func (j *job) inviteAgain(ctx context.Context, id string) error {
	j.found(id)
	j.appeared()
	body, _, err := j.InvitationBody(true)
	if err != nil {
		return err
	}
	answer, err := j.do(ctx, graph.Post("invitations", body).Repeatable())
	if err != nil {
		return err
	}
	if answer.OK() {
		if err := j.invitation(answer); err != nil {
			return err
		}
	} else {
		j.outcome.Details = map[string]string{}
	}
	if j.WantsMail() {
		j.outcome.Details["mail"] = "unknown"
	}
	return nil
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
	j.appeared()
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
