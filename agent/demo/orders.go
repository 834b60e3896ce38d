package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"

	"github.com/usher-iga/usher/agent/trial"
)

// orders are about two users of the tenant, by their ids.
const orders = `{"orders": [
  {"id": "1", "operation": "create", "entity": "group",
   "attributes": {"displayName": "Project Aurora", "mailNickname": "aurora", "uniqueName": "aurora",
                  "mailEnabled": false, "securityEnabled": true}},
  {"id": "2", "operation": "update", "entity": "user", "key": %q,
   "attributes": {"jobTitle": "Head of Aurora"}, "links": {"memberOf": {"add": [{"order": "1"}]}}},
  {"id": "3", "operation": "disable", "entity": "user", "key": %q}
]}
`

// fulfill shows how a file of orders is carried out. Without faults, as after a lost answer it takes up to a
// minute until it is sure what the tenant has.
func fulfill(ctx context.Context, out io.Writer, sandbox *trial.Sandbox, root string, usher func(...string) error) error {
	if err := sandbox.Control(ctx, http.MethodPut, "/faults", struct{}{}, nil); err != nil {
		return err
	}
	users, err := ownUsers(ctx, sandbox)
	if err != nil {
		return err
	}
	file := filepath.Join(root, "orders.json")
	text := fmt.Sprintf(orders, users[0], users[1])
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return err
	}
	fmt.Fprintf(out, "4. Orders are in %s. The tenant has no more faults.\n\n%s\n", file, text)
	for _, step := range [][]string{{"fulfill", trial.Connection, "--plan", file}, {"fulfill", trial.Connection, file}} {
		if err := usher(step...); err != nil {
			return err
		}
	}
	lines, err := head(file+".results.csv", 4)
	if err != nil {
		return err
	}
	for _, line := range lines {
		fmt.Fprintf(out, "    %s\n", line)
	}
	fmt.Fprint(out, "\n5. The same orders again change nothing, and everything that was written is in the audit log.\n\n")
	return errors.Join(usher("fulfill", trial.Connection, file), usher("audit", "verify", trial.Connection))
}

// ownUsers finds two users who belong to the tenant itself: others cannot be changed in it.
func ownUsers(ctx context.Context, sandbox *trial.Sandbox) (ids []string, err error) {
	err = sandbox.Snapshot(ctx, "user", func(o trial.Object) error {
		if o.Properties["userType"] == "Member" && o.Properties["onPremisesSyncEnabled"] == nil && o.Properties["accountEnabled"] == true {
			ids = append(ids, o.ID)
		}
		return nil
	})
	if err == nil && len(ids) < 2 {
		err = errors.New("the tenant has too few users of its own")
	}
	return ids, err
}
