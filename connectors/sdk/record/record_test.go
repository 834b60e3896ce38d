package record_test

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/usher-iga/usher/connectors/sdk/record"
	connectorv1 "github.com/usher-iga/usher/proto/connector/v1"
)

// text shows an object as "id state/type attr=[a|b] ...".
func text(o *record.Object) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %d/%s", o.ID(), o.State(), o.Type())
	for v := range o.Values() {
		fmt.Fprintf(&b, " %d=[", v.Attribute)
		sep := ""
		for t := range v.Texts() {
			fmt.Fprintf(&b, "%s%s", sep, t)
			sep = "|"
		}
		b.WriteString("]")
	}
	return b.String()
}

func build(o *record.Object, id string) *record.Object {
	o.Reset()
	o.SetID([]byte(id))
	o.Text(3, []byte("x"))
	o.Null(0)
	o.Open(1)
	o.Append([]byte("a"))
	o.Append(nil)
	o.Close()
	return o
}

func TestObjectRoundTrip(t *testing.T) {
	var o record.Object
	batch := build(&o, "first").AppendTo(nil)
	build(&o, "second").SetType([]byte("agentUser"))
	o.SetState(record.Gone)
	batch = o.AppendTo(batch)

	want := []string{"first 0/ 3=[x] 0=[] 1=[a|]", "second 2/agentUser 3=[x] 0=[] 1=[a|]"}
	var got []string
	for len(batch) > 0 {
		var view record.Object
		rest, err := record.NextObject(batch, 4, &view)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, text(&view))
		batch = rest
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// The wire form is the protocol's: the generated code reads what we write, and we
// read what it writes, in any order of the fields.
func TestObjectIsProtobuf(t *testing.T) {
	var o record.Object
	_, n := protowire.ConsumeVarint(build(&o, "id").AppendTo(nil))
	var msg connectorv1.Object
	if err := proto.Unmarshal(o.AppendTo(nil)[n:], &msg); err != nil {
		t.Fatal(err)
	}
	if msg.GetId() != "id" || len(msg.GetValues()) != 3 || msg.GetValues()[2].GetText()[0] != "a" {
		t.Errorf("read as %v", &msg)
	}

	value := func(attr uint32) []byte {
		v, err := proto.Marshal(&connectorv1.Value{Attribute: attr, Text: []string{"t"}})
		if err != nil {
			t.Fatal(err)
		}
		return protowire.AppendBytes(protowire.AppendTag(nil, 3, protowire.BytesType), v)
	}
	scattered := value(2)
	scattered = protowire.AppendString(protowire.AppendTag(scattered, 1, protowire.BytesType), "id")
	scattered = append(scattered, value(1)...)
	var view record.Object
	if _, err := record.NextObject(protowire.AppendBytes(nil, scattered), 3, &view); err != nil {
		t.Fatal(err)
	}
	if got, want := text(&view), "id 0/ 2=[t] 1=[t]"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestReadRefuses(t *testing.T) {
	object := func(f func(*record.Object)) []byte {
		var o record.Object
		o.SetID([]byte("id"))
		f(&o)
		return o.AppendTo(nil)
	}
	links := func(owner, id string, navigation int) []byte {
		var l record.Links
		l.Reset(navigation)
		l.SetOwner([]byte(owner))
		l.Add([]byte(id), false)
		return l.AppendTo(nil)
	}
	for _, tc := range []struct {
		name string
		read func() error
		want string
	}{
		{"column", func() error {
			_, err := record.NextObject(object(func(o *record.Object) { o.Null(4) }), 4, new(record.Object))
			return err
		}, "attribute 4 was not asked for"},
		{"text", func() error {
			_, err := record.NextObject(object(func(o *record.Object) { o.Text(0, []byte{0xff}) }), 4, new(record.Object))
			return err
		}, "not UTF-8"},
		{"id", func() error {
			_, err := record.NextObject(object(func(o *record.Object) { o.SetID(nil) }), 4, new(record.Object))
			return err
		}, "without id"},
		{"cut", func() error {
			b := object(func(o *record.Object) {})
			_, err := record.NextObject(b[:len(b)-1], 4, new(record.Object))
			return err
		}, "cut off"},
		{"navigation", func() error { _, err := record.NextLinks(links("o", "i", 1), 1, new(record.Links)); return err }, "navigation 1"},
		{"no navigation", func() error { _, err := record.NextLinks(links("o", "i", 0), 0, new(record.Links)); return err }, "not asked for"},
		{"link id", func() error { _, err := record.NextLinks(links("o", "", 0), 1, new(record.Links)); return err }, "empty"},
		{"owner", func() error { _, err := record.NextLinks(links("", "i", 0), 1, new(record.Links)); return err }, "empty"},
	} {
		if err := tc.read(); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want an error with %q", tc.name, err, tc.want)
		}
	}
}

func TestLinksRoundTrip(t *testing.T) {
	var l record.Links
	l.Reset(1)
	l.SetOwner([]byte("g"))
	l.Add([]byte("a"), false)
	l.Add([]byte("b"), true)
	b := l.AppendTo(nil)

	var view record.Links
	if rest, err := record.NextLinks(b, 2, &view); err != nil || len(rest) != 0 {
		t.Fatal(rest, err)
	}
	got := fmt.Sprintf("%s/%d", view.Owner(), view.Navigation())
	for id, removed := range view.All() {
		got += fmt.Sprintf(" %s:%t", id, removed)
	}
	if want := "g/1 a:false b:true"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}

	var msg connectorv1.Links
	if err := proto.Unmarshal(b[1:], &msg); err != nil || len(msg.GetLink()) != 2 || !msg.GetLink()[1].GetRemoved() {
		t.Errorf("read as %v, %v", &msg, err)
	}
}

// A view that is reset must not write into the bytes it was read from.
func TestResetOfAView(t *testing.T) {
	var o record.Object
	b := build(&o, "id").AppendTo(nil)
	before := string(b)
	var view record.Object
	if _, err := record.NextObject(b, 4, &view); err != nil {
		t.Fatal(err)
	}
	build(&view, "other")
	if string(b) != before {
		t.Error("the received bytes have changed")
	}
}

func FuzzNext(f *testing.F) {
	var o record.Object
	f.Add(build(&o, "id").AppendTo(nil))
	var l record.Links
	l.SetOwner([]byte("g"))
	l.Add([]byte("a"), true)
	f.Add(l.AppendTo(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		var object record.Object
		if _, err := record.NextObject(b, 4, &object); err == nil {
			again := object.AppendTo(nil)
			var second record.Object
			if _, err := record.NextObject(again, 4, &second); err != nil || text(&second) != text(&object) {
				t.Errorf("%q became %q (%v)", text(&object), text(&second), err)
			}
		}
		var links record.Links
		if _, err := record.NextLinks(b, 4, &links); err == nil {
			for range links.All() {
			}
		}
	})
}

func BenchmarkObject(b *testing.B) {
	var o, view record.Object
	buf := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		o.Reset()
		o.SetID([]byte("87d349ed-44d7-43e1-9a83-5f2406dee5bd"))
		for i := range 15 {
			o.Text(i, []byte("some text of usual length"))
		}
		buf = o.AppendTo(buf[:0])
		if _, err := record.NextObject(buf, 15, &view); err != nil {
			b.Fatal(err)
		}
	}
}
