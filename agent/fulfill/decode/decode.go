// Package decode reads files of provisioning orders, in Usher's own format and in that of
// the reference product.
//
// A file is read as a stream: only one order is in memory at a time, whatever the size of the
// file. Everything that is wrong with it is told with line and column, and the orders that nothing is
// wrong with are given all the same, so that what is wrong with them otherwise can be told, too. What
// the values of attributes are stands in no message. A password that stands in a file is encrypted as soon as it is
// read and does not become an attribute.
package decode

import (
	"errors"
	"io"

	"github.com/usher-iga/usher/agent/fulfill"
	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/agent/settings/tree"
)

// The names under which the orders of a file stand, which tell its format.
const (
	ownList       = "orders"
	referenceList = "ProvisioningOrdersList"
)

// Own reads Usher's own format, which appsettings/orders.schema.json describes. Passwords may be
// nil; then each order with a password is a problem.
func Own(p Passwords) fulfill.Decoder {
	return func(name string, in io.Reader, emit func(order.Order) error) error {
		return decode(name, in, emit, p, nil)
	}
}

// Either reads a file of either format: the reference product's has a list
// ProvisioningOrdersList, Usher's own has a list orders.
//
// An order in the reference product's format has no id of its own: AssignedResourceTypeId is that
// of an assignment, for which there are several orders over the years. The order's id is
// "<AssignedResourceTypeId>@<name of the file>", without its folder: the same file
// again is the same orders, and another order for the same assignment has to come in a file of
// another name, as the reference product gives them.
func Either(m Mappings, p Passwords) fulfill.Decoder {
	return func(name string, in io.Reader, emit func(order.Order) error) error {
		return decode(name, in, emit, p, &m)
	}
}

// decode reads a file. Without mappings only Usher's own format is read.
func decode(name string, in io.Reader, emit func(order.Order) error, p Passwords, m *Mappings) error {
	r, err := newReader(name, in)
	if err == nil {
		err = (&document{reader: r, passwords: p, mappings: m, emit: emit}).read()
	}
	if err != nil && !errors.Is(err, errStopped) {
		return err
	}
	return r.refusal.Err()
}

// document is a file that is being read.
type document struct {
	*reader
	passwords Passwords
	mappings  *Mappings
	emit      func(order.Order) error
}

func (d *document) read() error {
	start, kind := d.next()
	if kind != '{' && kind != 0 {
		return d.stop(start, "Write "+d.example(), "the file must hold one object in braces")
	}
	own, reference := false, false
	var strangers []stranger
	err := d.object("the file", func(name string, p place) error {
		switch {
		case name == ownList:
			own = true
			return d.orders(name, d.ownOrder)
		case name == referenceList && d.mappings != nil:
			reference = true
			return d.orders(name, d.referenceOrder)
		case name != "$schema" && len(strangers) < order.MaxProblems:
			strangers = append(strangers, stranger{name, p})
		}
		return d.skip()
	})
	if err != nil {
		return err
	}
	switch {
	case own && reference:
		d.problem(start, "", "Write "+d.example(), "the file has lists of orders in two formats")
	case !own && !reference:
		d.problem(start, "", "Write "+d.example(), "the file has no list of orders")
	}
	if own || !reference { // the reference product's files have more in them
		for _, s := range strangers {
			d.problem(s.place, "", "Write "+d.example(), "the property %s is not known%s", quoted(s.name), tree.DidYouMean(s.name, d.lists()))
		}
	}
	end, _ := d.next()
	if _, err := d.tokens.ReadToken(); err != io.EOF {
		return d.stop(end, "Put each file's orders into one list", "nothing may follow the closing brace of the file")
	}
	return nil
}

// stranger is a name that nobody knows.
type stranger struct {
	name  string
	place place
}

func (d *document) lists() []string {
	if d.mappings == nil {
		return []string{ownList}
	}
	return []string{ownList, referenceList}
}

func (d *document) example() string {
	if d.mappings == nil {
		return `{"orders": [...]}`
	}
	return `{"orders": [...]} or {"ProvisioningOrdersList": [...]}`
}

// orders reads a list of orders, each by read, which returns those that it makes of one.
func (d *document) orders(list string, read func() ([]order.Order, error)) error {
	return d.array(list, func(p place) error {
		d.inOrder, d.began, d.problems = true, p, nil
		orders, err := read()
		d.inOrder = false
		d.text.begin = d.text.offset
		for _, found := range d.problems {
			if len(orders) > 0 {
				found.Order = orders[0].ID
			}
			d.refusal.Add(found)
		}
		if err != nil || len(d.problems) > 0 {
			return err
		}
		// Also behind an order with problems: what else is wrong is to be told, too.
		for _, o := range orders {
			o.Place = d.where(p)
			if err := d.emit(o); err != nil {
				return err
			}
		}
		return nil
	})
}
