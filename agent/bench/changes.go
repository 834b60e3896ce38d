package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/usher-iga/usher/agent/trial"
)

// The sizes at scale 1 of the tenant that changes.
const (
	manyUsers       = 1_000_000
	manyGroups      = 100_000
	manyMemberships = 10_000_000
)

// The bounds of an export of changes, and of one where a cookie has died.
const (
	mostForChanges       = 1   // seconds
	mostMemoryForChanges = 64  // MiB of agent and connector
	mostMoreRequests     = 1   // an entity, beyond the pages that hold its changes
	mostRelisted         = 1.5 // wall time, in those of a complete export of the same entity
	mostMemoryRelisted   = 128 // MiB
)

// hundred asks for 100 changes.
const hundred = `{"seed": 1, "users": {"create": 10, "update": 30, "softDelete": 5, "purge": 5}, "groups": {"create": 2, "update": 8}, "members": {"add": 20, "remove": 20}}`

// changes shows that the cost of an export follows the changes, and what a dead
// cookie costs.
func changes(ctx context.Context, programs trial.Programs, b *bounds, scale float64) error {
	fmt.Printf("4. %.0f users, %.0f groups, %.0f memberships, which change\n", manyUsers*scale, manyGroups*scale, manyMemberships*scale)
	s, err := start(ctx, programs, tenant(manyUsers*scale, manyGroups*scale, manyMemberships*scale))
	if err != nil {
		return err
	}
	defer s.stop()
	first, err := s.complete(ctx)
	if err != nil {
		return err
	}
	tell("complete export", "%.2f s, %s, %.1f MiB", first.wall.Seconds(), first.speed(), first.memory())
	if err := s.fewChanges(ctx, b); err != nil {
		return err
	}
	if err := s.noChange(ctx, b); err != nil {
		return err
	}
	return s.deadCookie(ctx, b)
}

// fewChanges exports 100 changes.
func (s *site) fewChanges(ctx context.Context, b *bounds) error {
	marks, err := s.marks(ctx)
	if err != nil {
		return err
	}
	if err := s.sandbox.Control(ctx, "POST", "/churn", json.RawMessage(hundred), nil); err != nil {
		return err
	}
	pages, err := s.changedPages(ctx, marks)
	if err != nil {
		return err
	}
	e, requests, err := s.exportChanges(ctx)
	if err != nil {
		return err
	}
	tell("100 changes", "%d rows of objects, %d of links", e.objects, e.links)
	b.atMost("wall", e.wall.Seconds(), mostForChanges, " s", "")
	b.memory(e.took, mostMemoryForChanges)
	for _, collection := range slices.Sorted(maps.Keys(requests)) {
		b.atMost("requests", float64(requests[collection]-pages[collection]), mostMoreRequests, "",
			fmt.Sprintf("(%s, beyond %d pages with changes)", collection, pages[collection]))
	}
	return nil
}

// noChange exports a tenant that is as it was, twice: the first time the files of the
// changes before make room for empty ones.
func (s *site) noChange(ctx context.Context, b *bounds) error {
	e, requests, err := s.exportChanges(ctx)
	if err != nil {
		return err
	}
	tell("no change", "%.2f s, %.1f MiB", e.wall.Seconds(), e.memory())
	b.atMost("rows", float64(e.objects+e.links), 0, "", "")
	for _, collection := range slices.Sorted(maps.Keys(requests)) {
		b.atMost("requests", float64(requests[collection]), 1, "", "("+collection+")")
	}
	before, err := stamps(s.installation.Output())
	if err != nil {
		return err
	}
	if _, err := s.export(ctx); err != nil {
		return err
	}
	written, err := writtenSince(before, s.installation.Output())
	if err != nil {
		return err
	}
	b.atMost("written files", float64(len(written)), 1, "", "(the manifest)")
	return nil
}

// deadCookie exports when Graph does not know the cookie of users any more, and
// nothing has changed.
func (s *site) deadCookie(ctx context.Context, b *bounds) error {
	base, err := s.exportUsers(ctx)
	if err != nil {
		return err
	}
	tell("users alone", "complete: %.2f s, %.1f MiB", base.wall.Seconds(), base.memory())
	dead := map[string]any{"fault": "expireDelta", "entity": "users", "form": "syncStateNotFound"}
	if err := s.sandbox.Control(ctx, "POST", "/faults/once", dead, nil); err != nil {
		return err
	}
	e, requests, err := s.exportChanges(ctx)
	if err != nil {
		return err
	}
	if requests["users"] < 2 {
		return errors.New("the cookie of users was not refused: nothing was measured")
	}
	tell("dead cookie", "%.2f s, %d rows of objects, %d of links", e.wall.Seconds(), e.objects, e.links)
	b.atMost("objects", float64(e.objects), 0, "", "")
	b.atMost("dead / complete", e.wall.Seconds()/base.wall.Seconds(), mostRelisted, "", "")
	b.memory(e.took, mostMemoryRelisted)
	fmt.Println()
	return nil
}

// exportChanges exports what has changed and counts the requests by collection.
func (s *site) exportChanges(ctx context.Context) (exported, map[string]int, error) {
	if err := s.countAnew(ctx); err != nil {
		return exported{}, nil, err
	}
	e, err := s.export(ctx)
	if err != nil {
		return exported{}, nil, err
	}
	counted, err := s.counted(ctx)
	if err != nil {
		return exported{}, nil, err
	}
	requests := map[string]int{}
	for path, n := range counted {
		if collection, isDelta := strings.CutSuffix(strings.TrimPrefix(path, "/v1.0/"), "/delta"); isDelta {
			requests[collection] = n
		}
	}
	return e, requests, nil
}

// exportUsers makes a complete export of users alone, in a folder of its own.
func (s *site) exportUsers(ctx context.Context) (exported, error) {
	root, err := os.MkdirTemp("", "usher-bench-")
	if err != nil {
		return exported{}, err
	}
	defer os.RemoveAll(root)
	installation := *s.installation
	installation.Root = root
	installation.Change = func(c map[string]any) {
		c["EntityTypeMapping"] = map[string]any{"C0": "user", "Properties": trial.Columns(columns()...)}
	}
	if err := installation.Write(); err != nil {
		return exported{}, err
	}
	alone := site{root: root, sandbox: s.sandbox, installation: &installation}
	return alone.complete(ctx)
}
