package tenant

import (
	"encoding/json"
	"testing"
)

func values(pairs ...string) map[string]json.RawMessage {
	all := map[string]json.RawMessage{}
	for i := 0; i < len(pairs); i += 2 {
		all[pairs[i]] = json.RawMessage(pairs[i+1])
	}
	return all
}

// change changes a tenant; a failure ends the test.
func change(t *testing.T, w *World, f func(*Writer) error) uint64 {
	t.Helper()
	version, err := w.Write(f)
	if err != nil {
		t.Fatal(err)
	}
	return version
}

func TestMake(t *testing.T) {
	w := newWorld(t, nil)
	var user, group Ref
	version := change(t, w, func(w *Writer) (err error) {
		if user, err = w.Make(User, values("userPrincipalName", `"ann@contoso.example"`, "displayName", `"Ann"`)); err != nil {
			return err
		}
		group, err = w.Make(Group, values("displayName", `"Readers"`, "groupTypes", `["Unified"]`))
		return err
	})
	v := w.View(version)
	defer v.Close()
	set := map[string]string{"userPrincipalName": `"ann@contoso.example"`, "displayName": `"Ann"`}
	for i := range w.Schema(User).Properties {
		p := &w.Schema(User).Properties[i]
		want, ok := set[p.Name]
		if !ok {
			want = p.fresh
		}
		for _, stale := range []bool{false, true} {
			o := v.State(user, stale)
			if got := o.AppendValue(nil, p); string(got) != want && !p.given {
				t.Errorf("%s is %s, want %s", p.Name, got, want)
			}
		}
	}
	if o := v.State(user, false); o.Type() != "" {
		t.Errorf("the type is %s", o.Type())
	}
	if kinds := v.TargetsOf(group, Members); len(kinds) != 1 || kinds[0] != User {
		t.Errorf("the members of a Microsoft 365 group can be %v", kinds)
	}
	if v.Life(user) != Living || v.At(0).Life(user) != Absent || v.Living(User) != w.Count(User)+1 {
		t.Error("the user does not count")
	}
	if links := v.Links(user, Manager); links.Slots() != 0 {
		t.Error("the user has a manager")
	}
}

func TestHolding(t *testing.T) {
	w := newWorld(t, nil)
	old := w.View(0)
	seeded := Ref{User, 41}
	upn := jsonTexts(old.Value(seeded, "userPrincipalName"))[0]
	addresses := jsonTexts(old.Value(seeded, "proxyAddresses"))
	old.Close()
	var made Ref
	version := change(t, w, func(w *Writer) (err error) {
		if made, err = w.Make(User, values("userPrincipalName", `"ann@contoso.example"`, "employeeId", `"0042"`, "proxyAddresses", `["SMTP:a@b.example"]`)); err != nil {
			return err
		}
		return w.Update(seeded, values("mailNickname", `"Anna"`, "userPrincipalName", `"anna@contoso.example"`))
	})
	change(t, w, func(w *Writer) error { return w.Update(made, values("userPrincipalName", `"ann2@contoso.example"`)) })
	for _, tt := range []struct {
		version        uint64
		property, text string
		want           []Ref
	}{
		{0, "userPrincipalName", upn, []Ref{seeded}},
		{0, "userPrincipalName", "ann@contoso.example", nil},
		{version, "userPrincipalName", upn, nil},
		{version, "userPrincipalName", "ANNA@contoso.example", []Ref{seeded}},
		{version, "userPrincipalName", "ann@contoso.example", []Ref{made}},
		{version + 1, "userPrincipalName", "ann@contoso.example", nil},
		{version + 1, "userPrincipalName", "ann2@contoso.example", []Ref{made}},
		{version, "mailNickname", "anna", []Ref{seeded}},
		{version, "employeeId", "0042", []Ref{seeded, made}},
		{version, "proxyAddresses", "smtp:A@B.example", []Ref{made}},
		{version, "proxyAddresses", addresses[0], []Ref{seeded}},
	} {
		v := w.View(tt.version)
		got, ok := v.Holding(User, tt.property, tt.text)
		if tt.property == "employeeId" && len(v.Value(seeded, "employeeId")) < 3 {
			tt.want = tt.want[1:] // the seed gave none
		}
		v.Close()
		if !ok || len(got) != len(tt.want) || len(got) > 0 && got[0] != tt.want[0] {
			t.Errorf("%s %s at %d: %v, want %v", tt.property, tt.text, tt.version, got, tt.want)
		}
	}
	v := w.View(version)
	defer v.Close()
	if _, ok := v.Holding(User, "city", "Bern"); ok {
		t.Error("users are found by their city without looking at each")
	}
	for i := range uint32(w.Count(Group)) {
		nickname := jsonTexts(v.Value(Ref{Group, i}, "mailNickname"))[0]
		if got, _ := v.Holding(Group, "mailNickname", nickname); len(got) != 1 || got[0].Index != i {
			t.Errorf("%s leads to %v", nickname, got)
		}
	}
}

func TestSeats(t *testing.T) {
	w := newWorld(t, nil)
	v := w.View(0)
	defer v.Close()
	for place := range uint32(v.Slots(Sku)) {
		r := v.Slot(Sku, place)
		consumed := 0
		if err := json.Unmarshal(v.Value(r, "consumedUnits"), &consumed); err != nil {
			t.Fatal(err)
		}
		product, found, ok := FindProduct(jsonTexts(v.Value(r, "skuId"))[0])
		if !ok || found != r || !product.Suspended && w.Seats(r) != consumed+product.Free || place < 3 && consumed == 0 {
			t.Errorf("%s: %d of %d seats are taken", product.PartNumber, consumed, w.Seats(r))
		}
		if got, ok := v.Find(w.ID(r)); !ok || got != r {
			t.Errorf("%s leads to %v", w.ID(r), got)
		}
	}
}
