package decode

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/connectors/sdk"
)

// The properties of Usher's own format.
var (
	orderProperties = []string{
		"id", "connection", "operation", "entity", "key", "attributes", "links", "dependsOn", "requestedBy", "deadline", "password",
	}
	linkProperties     = []string{"add", "remove"}
	passwordProperties = []string{"setting", "value", "notify"}
	notifyProperties   = []string{"email", "name"}
)

// givenPassword is the property password of an order.
type givenPassword struct {
	place   place
	setting string
	wish    Wish
}

// ownOrder reads an order in Usher's own format.
func (d *document) ownOrder() ([]order.Order, error) {
	var o order.Order
	var password *givenPassword
	start := d.began
	err := d.object("an order", func(name string, p place) error {
		switch name {
		case "id":
			return d.string(name, &o.ID)
		case "connection":
			return d.string(name, &o.Connection)
		case "operation":
			return d.string(name, (*string)(&o.Operation))
		case "entity":
			return d.string(name, &o.Entity)
		case "key":
			return d.ref(name, &o.Key, nil)
		case "attributes":
			return d.attributes(&o)
		case "links":
			return d.links(&o)
		case "dependsOn":
			return d.array(name, func(place) error {
				var id string
				if err := d.string("each of "+name, &id); err != nil {
					return err
				}
				o.DependsOn = append(o.DependsOn, id)
				return nil
			})
		case "requestedBy":
			return d.string(name, &o.RequestedBy)
		case "deadline":
			return d.time(name, &o.Deadline)
		case "password":
			password = &givenPassword{place: p}
			return d.password(password)
		default:
			return d.unknown(p, name, orderProperties)
		}
	})
	if err != nil {
		return nil, err
	}
	takes := o.Operation == sdk.Create || o.Operation == sdk.SetPassword
	switch {
	case password == nil && o.Operation == sdk.SetPassword:
		d.problem(start, "password", `Write "password": {} to have one made, or "password": {"value": "..."}`, "the password is missing")
	case password != nil && !takes:
		d.problem(password.place, "password", "Use an order with the operation setPassword", "the operation %s takes no password", quoted(string(o.Operation)))
	case password != nil:
		err = d.secret(password.place, &o, password.setting, password.wish, func(binding string) string { return bound(&o, binding) })
	}
	return []order.Order{o}, err
}

// bound is the text of the attribute that a binding names, or "". The person whose object it is
// has no record of its own in this format, so that Owner.MainRecord.Mail is mail; what lies beyond,
// such as the manager's address, is not in it.
func bound(o *order.Order, binding string) (text string) {
	path := strings.Join(segments(binding), "/")
	path = strings.TrimPrefix(strings.TrimPrefix(path, "Owner/"), "MainRecord/")
	for _, a := range o.Attributes {
		if strings.EqualFold(a.Path, path) && json.Unmarshal(a.Value, &text) == nil {
			return text
		}
	}
	return ""
}

func (d *document) attributes(o *order.Order) error {
	return d.object("attributes", func(name string, p place) error {
		if isPassword(name) {
			d.problem(p, name, `Write "password": {"value": "..."} beside "attributes"`, "a password cannot stand among the attributes")
			return d.skip()
		}
		value, err := d.value()
		o.Attributes = append(o.Attributes, order.Attribute{Path: name, Value: json.RawMessage(value)})
		return err
	})
}

func (d *document) links(o *order.Order) error {
	return d.object("links", func(navigation string, _ place) error {
		l := order.Link{Navigation: navigation}
		err := d.object("the links "+quoted(navigation), func(name string, p place) error {
			switch name {
			case "add":
				return d.array(name, func(place) error { return d.addition(&l) })
			case "remove":
				return d.array(name, func(place) error {
					var target order.Ref
					err := d.ref("each of "+name, &target, nil)
					l.Remove = append(l.Remove, target)
					return err
				})
			default:
				return d.unknown(p, name, linkProperties)
			}
		})
		o.Links = append(o.Links, l)
		return err
	})
}

// addition reads a target to add, with what belongs to it.
func (d *document) addition(l *order.Link) error {
	var target order.Ref
	var details json.RawMessage
	if err := d.ref("each of add", &target, &details); err != nil {
		return err
	}
	l.Add = append(l.Add, target)
	if details != nil {
		// Details go by position: what the targets before have not is null.
		l.Details = append(l.Details, slices.Repeat([]json.RawMessage{[]byte("null")}, len(l.Add)-1-len(l.Details))...)
		l.Details = append(l.Details, details)
	}
	return nil
}

// ref reads what names an object: a text is its id, an object has one property that names it. Where
// details is not nil, there may be details beside.
func (d *document) ref(what string, to *order.Ref, details *json.RawMessage) error {
	p, kind := d.next()
	if kind == '"' {
		return d.filled(what, &to.ID)
	}
	if kind != '{' {
		return d.not(p, what, `an object id in quotes, or an object such as {"userPrincipalName": "ann@contoso.com"}`)
	}
	names := 0
	err := d.object(what, func(name string, _ place) error {
		if name == "details" && details != nil {
			value, err := d.value()
			*details = json.RawMessage(value)
			return err
		}
		names++
		switch name {
		case "id":
			return d.filled("id of "+what, &to.ID)
		case "order":
			return d.filled("order of "+what, &to.Order)
		default:
			to.Attribute = name
			return d.filled(quoted(name)+" of "+what, &to.Value)
		}
	})
	if err == nil && names != 1 {
		d.problem(p, "", `Give one of "id", "order" or a natural key such as "userPrincipalName"`, "%s must name an object by one property, and has %s", what, strconv.Itoa(names))
	}
	return err
}

// filled reads a text that must not be empty.
func (d *document) filled(what string, to *string) error {
	p, kind := d.next()
	if err := d.string(what, to); err != nil {
		return err
	}
	if kind == '"' && *to == "" {
		d.problem(p, "", "Give a value, or leave it out", "%s is empty", what)
	}
	return nil
}

// timestamp is the form of a point in time by RFC 3339; time.Parse takes others, too.
var timestamp = regexp.MustCompile(`^\d{4}-\d\d-\d\dT([01]\d|2[0-3]):\d\d:\d\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`)

// time reads a point in time.
func (d *document) time(what string, to *time.Time) error {
	p, kind := d.next()
	var text string
	if err := d.string(what, &text); err != nil || kind != '"' {
		return err
	}
	var err error
	if *to, err = time.Parse(time.RFC3339, text); err != nil || !timestamp.MatchString(text) {
		d.problem(p, "", `Write for example "2026-09-30T17:00:00Z"`, "%s must be a date and time with a time zone", what)
	}
	return nil
}

func (d *document) password(to *givenPassword) error {
	return d.object("password", func(name string, p place) error {
		switch name {
		case "setting":
			return d.string("setting of password", &to.setting)
		case "value":
			return d.filled("value of password", &to.wish.Value)
		case "notify":
			return d.object("notify", func(name string, p place) error {
				switch name {
				case "email":
					return d.filled("email of notify", &to.wish.NotifiedEmail)
				case "name":
					return d.string("name of notify", &to.wish.NotifiedFullName)
				default:
					return d.unknown(p, name, notifyProperties)
				}
			})
		default:
			return d.unknown(p, name, passwordProperties)
		}
	})
}
