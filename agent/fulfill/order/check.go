package order

import (
	"encoding/json"
	"strings"
	"unicode"

	"github.com/usher-iga/usher/connectors/sdk"
)

// maxID is how long the id of an order may be, in bytes.
const maxID = 256

// Check tells what is wrong with an order by itself, whatever the target system is.
func (o *Order) Check() []Problem {
	c := checker{order: o}
	c.identity()
	c.key()
	for _, r := range c.named() {
		c.ref(r.subject, r.ref)
	}
	c.attributes()
	for _, l := range o.Links {
		switch {
		case l.Navigation == "":
			c.problem("", "a change of links names no navigation", "Name it, such as members")
		case len(l.Details) > len(l.Add):
			c.problem(l.Navigation, "there are more details than added targets", "Give each added target at most one")
		}
	}
	for _, id := range o.DependsOn {
		if why := wrongID(id); why != "" {
			c.problem("dependsOn", why, "Give the id of the order that has to be executed before")
		}
	}
	return c.problems
}

type checker struct {
	order    *Order
	problems []Problem
}

func (c *checker) problem(subject, message, hint string) {
	c.problems = append(c.problems, Problem{Place: c.order.Place, Order: c.order.ID, Subject: subject, Message: message, Hint: hint})
}

func (c *checker) identity() {
	if why := wrongID(c.order.ID); why != "" {
		c.problem("", why, "Give each order an id of its own, which is never used again")
	}
	switch c.order.Operation {
	case sdk.Create, sdk.Update, sdk.Delete, sdk.Restore, sdk.Enable, sdk.Disable, sdk.Invite, sdk.RevokeSessions, sdk.SetPassword:
	case "":
		c.problem("", "it says no operation", "Say create, update, delete, restore, enable, disable, invite, revokeSessions or setPassword")
	default:
		c.problem("", "the operation "+string(c.order.Operation)+" is not known",
			"Say create, update, delete, restore, enable, disable, invite, revokeSessions or setPassword")
	}
	if c.order.Entity == "" {
		c.problem("", "it names no entity", "Name what kind of object it is about, such as user or group")
	}
}

func wrongID(id string) string {
	switch {
	case id == "":
		return "the id is missing"
	case len(id) > maxID:
		return "the id is longer than 256 bytes"
	case strings.ContainsFunc(id, unicode.IsControl):
		return "the id contains a control character"
	default:
		return ""
	}
}

func (c *checker) key() {
	switch o := c.order; {
	case o.Key.IsZero() && !o.Makes() && o.Operation != "":
		c.problem("", "the key is missing", "Say which object it is about, by id, by a natural key such as userPrincipalName, or by the order that makes it")
	case o.Makes() && !o.Key.IsZero():
		c.problem("key", "it makes an object, and has a key", "Leave the key out: what names the new object stands among its attributes. To change one that is there, use the operation update")
	}
}

type named struct {
	subject string
	ref     Ref
}

func (c *checker) named() (refs []named) {
	if !c.order.Key.IsZero() {
		refs = append(refs, named{"key", c.order.Key})
	}
	for _, l := range c.order.Links {
		for _, list := range [][]Ref{l.Add, l.Remove} {
			for _, r := range list {
				refs = append(refs, named{l.Navigation, r})
			}
		}
	}
	return refs
}

func (c *checker) ref(subject string, r Ref) {
	ways := 0
	for _, used := range []bool{r.ID != "", r.Attribute != "" || r.Value != "", r.Order != ""} {
		if used {
			ways++
		}
	}
	switch {
	case ways == 0:
		c.problem(subject, "an object is named by nothing", "Name it by id, by a natural key or by the order that makes it")
	case ways > 1:
		c.problem(subject, "an object is named in two ways", "Name it by id, by a natural key or by the order that makes it, and by one of these only")
	case r.Order == "" && r.ID == "" && (r.Attribute == "" || r.Value == ""):
		c.problem(subject, "a natural key needs an attribute and a value", `Write for example "attribute": "userPrincipalName", "value": "ann@contoso.com"`)
	case r.Order != "" && wrongID(r.Order) != "":
		c.problem(subject, "of the order that it refers to, "+wrongID(r.Order), "Give the id of the order that makes the object")
	case r.Order != "" && r.Order == c.order.ID:
		c.problem(subject, "it refers to the object that it makes itself", "Name another object")
	}
}

func (c *checker) attributes() {
	seen := map[string]bool{}
	note := func(path string) {
		switch {
		case path == "":
			c.problem("", "an attribute has no name", "Name it")
		case seen[strings.ToLower(path)]:
			c.problem(path, "the attribute is given twice", "Give it once")
		}
		seen[strings.ToLower(path)] = true
	}
	for _, a := range c.order.Attributes {
		note(a.Path)
		if !json.Valid(a.Value) {
			c.problem(a.Path, "the value is no JSON", "Give a text, a number, true, false, null, a list or an object")
		}
	}
	for _, s := range c.order.Secrets {
		note(s.Path)
	}
}
