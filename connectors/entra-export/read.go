package main

import (
	"context"
	"fmt"

	"github.com/usher-iga/usher/connectors/entra/check"
	"github.com/usher-iga/usher/connectors/entra/delta"
	"github.com/usher-iga/usher/connectors/entra/directory"
	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/entra/graph/dial"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
	"github.com/usher-iga/usher/connectors/sdk/record"
)

// read asks for the first page of a collection as an export does. managed says that the
// application is a managed identity, which is granted permissions in another way.
func read(ctx context.Context, conn *dial.Conn, c directory.Collection, managed bool) (sdk.Finding, error) {
	subject := "read " + c.Entity.Name
	body, err := conn.Get(ctx, c.Query())
	var rows counter
	if err == nil {
		if err = delta.NewParser(c).Page(body, &rows); err != nil {
			err = fault.Errorf(fault.Unavailable, "the first page of %s cannot be read: %w", c.Entity.Name, err).
				WithHint("Check that nothing between here and Graph changes answers")
		}
	}
	if err == nil {
		return sdk.Finding{State: sdk.OK, Subject: subject, Message: fmt.Sprintf("%d objects on the first page", rows.objects)}, nil
	}
	found, err2 := check.Finding(subject, sdk.Failed, err)
	if graph.LacksPermission(err) {
		found.Message = "Graph refuses it without the permission " + c.Entity.Permission.Name
		found.Hint = c.Entity.Permission.Hint()
		if managed {
			found.Hint = "Assign the app role " + c.Entity.Permission.Name + " of Microsoft Graph to the managed identity, as docs/register.md shows, and wait: " +
				"the machine keeps a token for up to 24 hours"
		}
	}
	return found, err2
}

// A counter takes rows and counts objects.
type counter struct{ objects int }

func (c *counter) Object(*record.Object) error {
	c.objects++
	return nil
}

func (*counter) Links(*record.Links) error { return nil }
