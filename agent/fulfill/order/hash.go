package order

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Hash is of what an order asks for, by which a repetition is recognised. Neither who asked
// and until when, nor where it stood, when it came and what its keys led to then, is part of it; of a given secret only that
// there is one, as its ciphertext differs each time. The sequence of attributes, links and
// dependencies and how JSON is written make no difference.
//
// A value that is not JSON is fault.Invalid.
func (o *Order) Hash() ([sha256.Size]byte, error) {
	c := *o
	c.Connection, c.RequestedBy, c.SubmittedBy, c.Place, c.Key.Found = "", "", "", "", ""
	c.Deadline, c.Received = time.Time{}, time.Time{}
	c.Attributes = slices.Clone(o.Attributes)
	for i := range c.Attributes {
		value, err := canonical(c.Attributes[i].Value)
		if err != nil {
			return [sha256.Size]byte{}, fault.Errorf(fault.Invalid, "order %s: the value of %s is no JSON: %w", o.ID, c.Attributes[i].Path, err)
		}
		c.Attributes[i].Value = value
	}
	slices.SortFunc(c.Attributes, func(a, b Attribute) int { return cmp.Compare(a.Path, b.Path) })
	c.Links = slices.Clone(o.Links)
	for i := range c.Links {
		if err := c.Links[i].canonicalize(); err != nil {
			return [sha256.Size]byte{}, fault.Errorf(fault.Invalid, "order %s: a detail of %s is no JSON: %w", o.ID, c.Links[i].Navigation, err)
		}
	}
	slices.SortStableFunc(c.Links, func(a, b Link) int { return cmp.Compare(a.Navigation, b.Navigation) })
	c.Secrets = slices.Clone(o.Secrets)
	for i := range c.Secrets {
		if len(c.Secrets[i].Sealed) > 0 {
			c.Secrets[i].Sealed = []byte{1}
		}
	}
	slices.SortFunc(c.Secrets, func(a, b Secret) int { return cmp.Compare(a.Path, b.Path) })
	c.DependsOn = slices.Sorted(slices.Values(o.DependsOn))
	text, err := json.Marshal(c)
	if err != nil {
		return [sha256.Size]byte{}, fault.Errorf(fault.Internal, "order %s cannot be written down: %w", o.ID, err)
	}
	return sha256.Sum256(text), nil
}

// canonicalize replaces the lists of l by sorted copies.
func (l *Link) canonicalize() error {
	type added struct {
		target Ref
		detail json.RawMessage
	}
	list := make([]added, len(l.Add))
	for i, target := range l.Add {
		target.Found = ""
		list[i].target = target
		if i < len(l.Details) && len(l.Details[i]) > 0 {
			detail, err := canonical(l.Details[i])
			if err != nil {
				return err
			}
			list[i].detail = detail
		}
	}
	slices.SortStableFunc(list, func(a, b added) int { return compareRefs(a.target, b.target) })
	l.Add, l.Details = make([]Ref, len(list)), nil
	for i, a := range list {
		l.Add[i] = a.target
		if a.detail != nil {
			l.Details = append(l.Details, slices.Repeat([]json.RawMessage{[]byte("null")}, i-len(l.Details))...)
			l.Details = append(l.Details, a.detail)
		}
	}
	l.Remove = slices.Clone(l.Remove)
	for i := range l.Remove {
		l.Remove[i].Found = ""
	}
	slices.SortFunc(l.Remove, compareRefs)
	return nil
}

func compareRefs(a, b Ref) int {
	return cmp.Or(strings.Compare(a.ID, b.ID), strings.Compare(a.Attribute, b.Attribute),
		strings.Compare(a.Value, b.Value), strings.Compare(a.Order, b.Order))
}

// canonical is a JSON value in its one canonical form, by RFC 8785.
func canonical(value json.RawMessage) (json.RawMessage, error) {
	v := slices.Clone(jsontext.Value(value))
	if err := v.Canonicalize(); err != nil {
		return nil, err
	}
	return json.RawMessage(v), nil
}
