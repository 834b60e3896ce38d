package export_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"

	"pgregory.net/rapid"

	"github.com/usher-iga/usher/agent/export"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/record"
)

// event is one call of a connector.
type event struct {
	collection int
	kind       string // begin, object, links, end
	reason     string
	id, typ    string // the type of links is that of their targets
	state      record.State
	values     map[int][]string
	navigation int
	targets    []target
}

type target struct {
	id      string
	removed bool
}

// history is what a connector finds in one run.
type history struct {
	collections []sdk.Collection
	attributes  int
	events      []event
}

func (h history) request() sdk.ExportRequest {
	req := sdk.ExportRequest{Collections: h.collections}
	for i := range h.attributes {
		req.Attributes = append(req.Attributes, sdk.Attribute{Path: fmt.Sprint("a", i)})
	}
	return req
}

func (h history) columns() []export.Column {
	columns := []export.Column{{Name: "id", From: export.FromID}, {Name: "@odata.type", From: 0}}
	for i := range h.attributes {
		columns = append(columns, export.Column{Name: fmt.Sprint("a", i), From: i})
	}
	return columns
}

// Export makes history an export.Source.
func (h history) Export(_ context.Context, _ sdk.ExportRequest, s sdk.Sink) error {
	writers := make([]sdk.Writer, len(h.collections))
	for _, e := range h.events {
		var err error
		w := writers[e.collection]
		switch e.kind {
		case "begin":
			writers[e.collection], err = s.Begin(e.collection, true, e.reason)
		case "end":
			err = w.End("cookie of " + h.collections[e.collection].Entity)
		default:
			err = e.write(w)
		}
		if err != nil {
			return err
		}
		if err := s.Progress(sdk.Progress{}); err != nil {
			return err
		}
	}
	return nil
}

// write gives an object or links to a connector's writer.
func (e event) write(w sdk.Writer) error {
	if e.kind == "links" {
		var links record.Links
		links.Reset(e.navigation)
		links.SetOwner([]byte(e.id))
		links.SetType([]byte(e.typ))
		for _, t := range e.targets {
			links.Add([]byte(t.id), t.removed)
		}
		return w.Links(&links)
	}
	var object record.Object
	object.SetID([]byte(e.id))
	object.SetState(e.state)
	object.SetType([]byte(e.typ))
	for _, a := range slices.Sorted(maps.Keys(e.values)) {
		object.Open(a)
		for _, text := range e.values[a] {
			object.Append([]byte(text))
		}
		object.Close()
	}
	return w.Object(&object)
}

// modelObject is an object in the model of an export.
type modelObject struct {
	present bool
	typ     string
	values  map[int]string
}

// files is the naive model of an export: maps in memory.
func (h history) files(connection, separator string) map[string]string {
	type link struct{ owner, id string }
	objects := make([]map[string]*modelObject, len(h.collections))
	links := make([]map[int]map[link]bool, len(h.collections))
	for _, e := range h.events {
		switch e.kind {
		case "begin":
			objects[e.collection] = map[string]*modelObject{}
			links[e.collection] = map[int]map[link]bool{}
		case "object":
			o := objects[e.collection][e.id]
			if o == nil {
				o = &modelObject{}
				objects[e.collection][e.id] = o
			}
			if e.state != record.Present {
				o.present = false
				continue
			}
			if !o.present {
				*o = modelObject{present: true, typ: h.collections[e.collection].Entity, values: map[int]string{}}
			}
			if e.typ != "" {
				o.typ = e.typ
			}
			for a, texts := range e.values {
				o.values[a] = strings.Join(texts, separator)
			}
		case "links":
			of := links[e.collection]
			if of[e.navigation] == nil {
				of[e.navigation] = map[link]bool{}
			}
			for _, t := range e.targets {
				of[e.navigation][link{e.id, t.id}] = !t.removed
			}
		}
	}
	files := map[string]string{}
	header := []string{"Command", "@odata.type", "id"}
	for a := range h.attributes {
		header = append(header, fmt.Sprint("a", a))
	}
	type sorted struct {
		id         string
		collection int
		row        string
	}
	var rows []sorted
	for i, c := range h.collections {
		for id, o := range objects[i] {
			if !o.present {
				continue
			}
			fields := []string{"insert", o.typ, id}
			for a := range h.attributes {
				fields = append(fields, o.values[a])
			}
			rows = append(rows, sorted{id, i, line(fields...)})
		}
		for n, nav := range c.Navigations {
			var lines []sorted
			for l, there := range links[i][n] {
				if o := objects[i][l.owner]; there && (o == nil || o.present) {
					lines = append(lines, sorted{l.owner + "\x00" + l.id, 0, line("insert", l.owner, l.id)})
				}
			}
			sort.Slice(lines, func(a, b int) bool { return lines[a].id < lines[b].id })
			text := line("Command", c.Entity+"Id", "id")
			for _, l := range lines {
				text += l.row
			}
			files[connection+"_"+nav+"_"+c.Entity+".csv"] = text
		}
	}
	sort.Slice(rows, func(a, b int) bool {
		return rows[a].id < rows[b].id || rows[a].id == rows[b].id && rows[a].collection < rows[b].collection
	})
	var text bytes.Buffer
	text.WriteString(line(header...))
	for _, r := range rows {
		text.WriteString(r.row)
	}
	files[connection+"_directoryobjects.csv"] = text.String()
	return files
}

func line(fields ...string) string {
	for i, f := range fields {
		if strings.ContainsAny(f, ",\"\r\n") || strings.TrimSpace(f) != f {
			fields[i] = `"` + strings.ReplaceAll(f, `"`, `""`) + `"`
		}
	}
	return strings.Join(fields, ",") + "\r\n"
}

// histories draws what connectors do: repeats, slices, removals, restarts, and
// collections in any interleaving.
func histories() *rapid.Generator[history] {
	id := rapid.OneOf(rapid.StringMatching(`[a-c]{1,2}`), rapid.StringMatching(`0000-[ab]{1,9}`))
	text := rapid.SampledFrom([]string{"", "x", "a,b", `q"q`, "l\nl", " lead", "trail\t", "=1+1", "שלום", "\r"})
	return rapid.Custom(func(t *rapid.T) history {
		h := history{
			collections: []sdk.Collection{
				{Entity: "user", Navigations: []string{"manager"}},
				{Entity: "group", Navigations: []string{"members", "owners"}},
				{Entity: "device"},
			},
			attributes: 3,
		}
		streams := make([][]event, len(h.collections))
		for i, c := range h.collections {
			for try := range rapid.IntRange(1, 3).Draw(t, "tries") {
				streams[i] = append(streams[i], event{collection: i, kind: "begin", reason: fmt.Sprint("try ", try)})
				for range rapid.IntRange(0, 25).Draw(t, "events") {
					e := event{collection: i, kind: "object", id: id.Draw(t, "id")}
					if len(c.Navigations) > 0 && rapid.Bool().Draw(t, "is links") {
						e.kind = "links"
						e.navigation = rapid.IntRange(0, len(c.Navigations)-1).Draw(t, "navigation")
						e.typ = rapid.SampledFrom([]string{"", "user", "agentUser"}).Draw(t, "type")
						for range rapid.IntRange(1, 4).Draw(t, "targets") {
							e.targets = append(e.targets, target{id.Draw(t, "target"), rapid.Bool().Draw(t, "removed")})
						}
					} else {
						e.state = rapid.SampledFrom([]record.State{record.Present, record.Present, record.Suspended, record.Gone}).Draw(t, "state")
						e.typ = rapid.SampledFrom([]string{"", "", "agentUser"}).Draw(t, "type")
						e.values = rapid.MapOfN(rapid.IntRange(0, h.attributes-1), rapid.SliceOfN(text, 0, 2), 0, 3).Draw(t, "values")
					}
					streams[i] = append(streams[i], e)
				}
			}
			streams[i] = append(streams[i], event{collection: i, kind: "end"})
		}
		for len(streams) > 0 {
			i := rapid.IntRange(0, len(streams)-1).Draw(t, "next")
			h.events = append(h.events, streams[i][0])
			if streams[i] = streams[i][1:]; len(streams[i]) == 0 {
				streams = slices.Delete(streams, i, i+1)
			}
		}
		return h
	})
}
