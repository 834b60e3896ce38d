package export_test

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/usher-iga/usher/agent/export"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/record"
)

// link is a link in a directory: of an owner of the only navigation of its entity.
type link struct{ owner, target string }

// directory is a system with delta queries: users, and groups with members. A
// cookie is the number of changes that were there.
type directory struct {
	collections []sdk.Collection
	states      map[string]record.State // absent: never was
	values      map[string]string
	links       map[link]bool
	log         []event         // changes
	dead        [2]bool         // cookies that are refused, by collection
	untold      map[string]bool // gone when their collection was listed again
	restorable  bool            // a complete list ends with what can be restored
	fail        error           // of the next export, in its middle
	began       []bool          // by Begin of the last export: whether it was complete
}

func newDirectory() *directory {
	return &directory{
		collections: []sdk.Collection{{Entity: "user"}, {Entity: "group", Navigations: []string{"members"}}},
		states:      map[string]record.State{}, values: map[string]string{}, links: map[link]bool{}, untold: map[string]bool{},
	}
}

// entity is that of an id: those of groups begin with g.
func entity(id string) int {
	if id[0] == 'g' {
		return 1
	}
	return 0
}

func (d *directory) typeOf(id string) string { return d.collections[entity(id)].Entity }

func (d *directory) set(id string, state record.State, value string) {
	restored := d.states[id] == record.Suspended && state == record.Present
	d.states[id], d.values[id] = state, value
	e := event{collection: entity(id), kind: "object", id: id, state: state}
	if state == record.Present {
		e.values = map[int][]string{0: {value}}
	}
	d.log = append(d.log, e)
	for l := range d.links {
		if restored && l.owner == id {
			d.link(l.owner, l.target, true)
		}
	}
	if state == record.Gone {
		maps.DeleteFunc(d.links, func(l link, _ bool) bool { return l.owner == id || l.target == id })
	}
}

func (d *directory) link(owner, id string, there bool) {
	if there {
		d.links[link{owner, id}] = true
	} else {
		delete(d.links, link{owner, id})
	}
	d.log = append(d.log, event{collection: 1, kind: "links", id: owner, typ: d.typeOf(id), targets: []target{{id, !there}}})
}

// Export makes directory an export.Source.
func (d *directory) Export(_ context.Context, req sdk.ExportRequest, s sdk.Sink) error {
	d.began = nil
	for i, c := range req.Collections {
		if c.Cookie != "" && d.dead[i] {
			if _, err := s.Begin(i, false, ""); err != nil {
				return err
			}
			c.Cookie = ""
			for id, state := range d.states {
				if entity(id) == i && state == record.Gone {
					d.untold[id] = true
				}
			}
		}
		w, err := s.Begin(i, c.Cookie == "", "because")
		if err != nil {
			return err
		}
		d.began = append(d.began, c.Cookie == "")
		events := d.list(i)
		if c.Cookie != "" {
			from := 0
			if _, err := fmt.Sscan(c.Cookie, &from); err != nil {
				return err
			}
			events = slices.DeleteFunc(slices.Clone(d.log[max(0, from-2):]), func(e event) bool { return e.collection != i }) // Graph repeats changes
		}
		for _, e := range events {
			if err := e.write(w); err != nil {
				return err
			}
		}
		if d.fail != nil {
			return d.fail
		}
		if err := w.End(fmt.Sprint(len(d.log))); err != nil {
			return err
		}
	}
	d.dead = [2]bool{}
	return nil
}

// list gives what a complete list has.
func (d *directory) list(collection int) []event {
	var events []event
	for _, id := range slices.Sorted(maps.Keys(d.states)) {
		if entity(id) == collection && d.states[id] == record.Present {
			events = append(events, event{kind: "object", id: id, values: map[int][]string{0: {d.values[id]}}})
		}
	}
	for l := range d.links {
		if collection == 1 && d.states[l.owner] == record.Present {
			events = append(events, event{kind: "links", id: l.owner, typ: d.typeOf(l.target), targets: []target{{l.target, false}}})
		}
	}
	for id, state := range d.states {
		if d.restorable && entity(id) == collection && state == record.Suspended {
			events = append(events, event{kind: "object", id: id, state: state})
		}
	}
	return events
}

// options makes options for a run against d.
func (d *directory) options(folder, run string) export.Options {
	o := options(folder, run, history{collections: d.collections, attributes: 1})
	o.Source, o.Complete = d, false
	return o
}
