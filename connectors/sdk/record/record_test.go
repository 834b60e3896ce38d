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
		{"two columns", func() error {
			_, err := record.NextObject([]byte("\x0a\x0a\x02id\x1a\x04\x08\x30\x08\x03"), 4, new(record.Object))
			return err
		}, "twice"},
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
		{"type of links", func() error {
			var l record.Links
			l.SetOwner([]byte("o"))
			l.SetType([]byte{0xff})
			_, err := record.NextLinks(l.AppendTo(nil), 1, new(record.Links))
			return err
		}, "not UTF-8"},
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
	for typ, want := range map[string]string{"": "g/1/ a:false b:true", "user": "g/1/user a:false b:true"} {
		l.SetType([]byte(typ))
		b := l.AppendTo(nil)
		var view record.Links
		if rest, err := record.NextLinks(b, 2, &view); err != nil || len(rest) != 0 {
			t.Fatal(rest, err)
		}
		if got := textOfLinks(&view); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if got := textOfLinksMessage(message(b, nil)); got != want {
			t.Errorf("protobuf reads %q, want %q", got, want)
		}
	}
	if l.Reset(0); len(l.Type()) > 0 {
		t.Errorf("after Reset the type is %q", l.Type())
	}
}

// Other programs write the fields in another order.
func TestLinksOfTheGeneratedCode(t *testing.T) {
	msg, err := proto.Marshal(&connectorv1.Links{
		Owner: "g", Navigation: 1, Type: "user", Link: []*connectorv1.Link{{Id: "a"}, {Id: "b", Removed: true}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var view record.Links
	if _, err := record.NextLinks(protowire.AppendBytes(nil, msg), 2, &view); err != nil {
		t.Fatal(err)
	}
	if got, want := textOfLinks(&view), "g/1/user a:false b:true"; got != want {
		t.Errorf("got %q, want %q", got, want)
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
	l.Reset(3)
	l.Add([]byte(strings.Repeat("long", 50)), false)
	l.Add([]byte("b"), false)
	f.Add(l.AppendTo(nil))
	l.SetType([]byte("user"))
	f.Add(l.AppendTo(nil))
	build(&o, "id").Text(2, []byte(strings.Repeat("long", 50)))
	o.SetType([]byte("agentUser"))
	f.Add(o.AppendTo(nil))
	f.Add([]byte("\x0c\x0a\x02id\x1a\x06\x12\x01t\x08\x80\x00")) // valid, but not as AppendTo writes it
	f.Fuzz(func(t *testing.T, b []byte) {
		var object record.Object
		if rest, err := record.NextObject(b, 4, &object); err == nil {
			if got, want := text(&object), textOfMessage(message(b, rest)); got != want && want != "" {
				t.Errorf("%q read as %q, protobuf reads %q", b, got, want)
			}
			again := object.AppendTo(nil)
			var second record.Object
			if _, err := record.NextObject(again, 4, &second); err != nil || text(&second) != text(&object) {
				t.Errorf("%q became %q (%v)", text(&object), text(&second), err)
			}
		}
		var links record.Links
		if rest, err := record.NextLinks(b, 4, &links); err == nil {
			if got, want := textOfLinks(&links), textOfLinksMessage(message(b, rest)); got != want && want != "" {
				t.Errorf("%q read as %q, protobuf reads %q", b, got, want)
			}
		}
	})
}

// message is the first of b, without its length.
func message(b, rest []byte) []byte {
	msg, _ := protowire.ConsumeBytes(b[:len(b)-len(rest)])
	return msg
}

// textOfMessage is text as the generated code reads an object; empty if it refuses
// one whose id or type stands there twice, first not as UTF-8.
func textOfMessage(b []byte) string {
	var msg connectorv1.Object
	if proto.Unmarshal(b, &msg) != nil {
		return ""
	}
	s := fmt.Sprintf("%s %d/%s", msg.GetId(), msg.GetState(), msg.GetType())
	for _, v := range msg.GetValues() {
		s += fmt.Sprintf(" %d=[%s]", v.GetAttribute(), strings.Join(v.GetText(), "|"))
	}
	return s
}

// textOfLinks shows links as "owner/navigation/type id:removed ...".
func textOfLinks(l *record.Links) string {
	s := fmt.Sprintf("%s/%d/%s", l.Owner(), l.Navigation(), l.Type())
	for id, removed := range l.All() {
		s += fmt.Sprintf(" %s:%t", id, removed)
	}
	return s
}

// textOfLinksMessage is textOfLinks as the generated code reads links; empty if it refuses them
// for an owner, type or id that is replaced.
func textOfLinksMessage(b []byte) string {
	var msg connectorv1.Links
	if proto.Unmarshal(b, &msg) != nil {
		return ""
	}
	s := fmt.Sprintf("%s/%d/%s", msg.GetOwner(), msg.GetNavigation(), msg.GetType())
	for _, l := range msg.GetLink() {
		s += fmt.Sprintf(" %s:%t", l.GetId(), l.GetRemoved())
	}
	return s
}

func BenchmarkObject(b *testing.B) {
	var o, view record.Object
	build := func() {
		o.Reset()
		o.SetID([]byte("87d349ed-44d7-43e1-9a83-5f2406dee5bd"))
		for i := range 15 {
			o.Text(i, []byte("some text of usual length"))
		}
	}
	build()
	buf := o.AppendTo(nil)
	b.Run("write", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			build()
			buf = o.AppendTo(buf[:0])
		}
	})
	b.Run("read", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := record.NextObject(buf, 15, &view); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("values", func(b *testing.B) {
		for b.Loop() {
			for v := range view.Values() {
				for range v.Texts() {
				}
			}
		}
	})
}

func BenchmarkLinks(b *testing.B) {
	var l, view record.Links
	id := []byte("87d349ed-44d7-43e1-9a83-5f2406dee5bd")
	build := func() {
		l.Reset(0)
		l.SetOwner(id)
		l.SetType([]byte("user"))
		for range 100 {
			l.Add(id, false)
		}
	}
	build()
	buf := l.AppendTo(nil)
	b.Run("write", func(b *testing.B) {
		for b.Loop() {
			build()
			buf = l.AppendTo(buf[:0])
		}
	})
	b.Run("read", func(b *testing.B) {
		for b.Loop() {
			if _, err := record.NextLinks(buf, 1, &view); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("all", func(b *testing.B) {
		for b.Loop() {
			for range view.All() {
			}
		}
	})
}
