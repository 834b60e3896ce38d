package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/usher-iga/usher/agent/trial"
)

// startFulfilling starts a tenant that can be written, and an installation that generates passwords
// which it tells nobody.
func startFulfilling(ctx context.Context, programs trial.Programs, flags ...string) (*site, error) {
	s, err := start(ctx, programs, append([]string{
		"--writes", "--domain", "contoso.com", "--quota", "0", "--gzip=false",
	}, flags...))
	if err != nil {
		return nil, err
	}
	s.installation.ChangeRoot = func(root map[string]any) {
		root["EncryptionCertificate"] = map[string]any{"File": "usher.pem"}
		root["PasswordResetSettings"] = map[string]any{"Sets": map[string]any{"silent": map[string]any{"AutoGenerate": true}}}
	}
	certificate := filepath.Join(s.installation.Settings(), "usher.pem")
	result, err := s.installation.Run(ctx, "secrets", "new-certificate", certificate)
	if err == nil && result.Code != 0 {
		err = fmt.Errorf("usher secrets new-certificate: exit code %d: %s", result.Code, result.Stderr)
	}
	if err := errors.Join(err, s.installation.Write()); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// fulfilled is what carrying out a file of orders took.
type fulfilled struct {
	took
	requests int // to Graph
	signIns  int
	written  int // effects in the tenant
}

// speed is for so many orders.
func (f fulfilled) speed(n int) string {
	return fmt.Sprintf("%.2f s, %.0f a second, %.1f s of CPU, %d requests", f.wall.Seconds(), float64(n)/f.wall.Seconds(), f.cpu.Seconds(), f.requests)
}

// inMemory tells of memory of its own, and of the mapped pages of the journal and the programs.
func (f fulfilled) inMemory() string {
	return fmt.Sprintf("%.1f MiB of its own, up to %.1f MiB with mapped files", f.ownMemory(), f.memory())
}

// fulfill carries out n orders, all of which have to be executed.
func (s *site) fulfill(ctx context.Context, n int, order func(int) any) (fulfilled, error) {
	file := filepath.Join(s.root, fmt.Sprintf("%d.json", n))
	if err := writeOrders(file, n, order); err != nil {
		return fulfilled{}, err
	}
	if err := errors.Join(s.countAnew(ctx), s.sandbox.Control(ctx, "DELETE", "/journal", nil, nil)); err != nil {
		return fulfilled{}, err
	}
	var report struct {
		Run struct{ Executed int }
	}
	t, err := s.measure(ctx, &report, "fulfill", trial.Connection, file)
	if err != nil {
		return fulfilled{}, err
	}
	if report.Run.Executed != n {
		return fulfilled{}, fmt.Errorf("of %d orders %d were executed", n, report.Run.Executed)
	}
	f := fulfilled{took: t}
	counted, err := s.counted(ctx)
	for path, n := range counted {
		switch {
		case strings.HasPrefix(path, "/v1.0/"):
			f.requests += n
		case strings.HasSuffix(path, "/token"):
			f.signIns += n
		}
	}
	if err != nil {
		return fulfilled{}, err
	}
	f.written, err = s.effects(ctx)
	return f, err
}

// fulfillAll is fulfill for orders each of which has one effect in the tenant, by the tenant's own
// journal.
func (s *site) fulfillAll(ctx context.Context, n int, order func(int) any) (fulfilled, error) {
	f, err := s.fulfill(ctx, n, order)
	if err == nil && f.written != n {
		err = fmt.Errorf("%d orders had %d effects in the tenant", n, f.written)
	}
	return f, err
}

// writeOrders writes a file of orders in Usher's own format.
func writeOrders(path string, n int, order func(int) any) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	lead := `{"orders": [`
	for i := range n {
		text, err := json.Marshal(order(i))
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(file, "%s\n%s", lead, text); err != nil {
			return err
		}
		lead = ","
	}
	_, err = fmt.Fprintln(file, "\n]}")
	return err
}

// effects counts what was done to the tenant since its journal was emptied.
func (s *site) effects(ctx context.Context) (n int, err error) {
	err = s.sandbox.Lines(ctx, "/journal", func(line json.RawMessage) error {
		var write struct{ Effects []json.RawMessage }
		err := json.Unmarshal(line, &write)
		n += len(write.Effects)
		return err
	})
	return n, err
}

// directory is what memberships are made of: every user is in none of the groups.
type directory struct{ users, groups []string }

// ids are those of all objects of an entity.
func (s *site) ids(ctx context.Context, entity string) (ids []string, err error) {
	err = s.sandbox.Snapshot(ctx, entity, func(o trial.Object) error {
		ids = append(ids, o.ID)
		return nil
	})
	return ids, err
}

// directory finds the users of the tenant and so many groups that have no members and take them.
func (s *site) directory(ctx context.Context, groups int) (d directory, err error) {
	if d.users, err = s.ids(ctx, "users"); err != nil {
		return d, err
	}
	err = s.sandbox.Snapshot(ctx, "groups", func(o trial.Object) error {
		if len(d.groups) < groups && isPlain(o) {
			d.groups = append(d.groups, o.ID)
		}
		return nil
	})
	if err == nil && len(d.groups) < groups {
		err = fmt.Errorf("the tenant has %d groups that take members, not %d", len(d.groups), groups)
	}
	return d, err
}

// membership is the nth of all that there can be: those of one user stand together, as an engine of
// policies writes them.
func (d directory) membership(n int) (group, user string) {
	return d.groups[n%len(d.groups)], d.users[n/len(d.groups)]
}

// isPlain reports whether a group has no members and any can be added.
func isPlain(group trial.Object) bool {
	kinds, _ := group.Properties["groupTypes"].([]any)
	is := func(property string) bool { return group.Properties[property] == true }
	return len(group.Links["members"]) == 0 && !slices.Contains(kinds, any("DynamicMembership")) &&
		!is("onPremisesSyncEnabled") && !is("isAssignableToRole") && !is("mailEnabled")
}
