package export

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// rowsVersion counts the changes of what a connector's rows mean, and of what is kept of
// them: what was known before one is of no use after it.
const rowsVersion = 2

// basis is what a cookie depends on, and with it what is known of its entity: what is asked
// for, of which connection and where (the world), what rows mean, and how they are written.
type basis struct {
	World       string   `json:"world"` // its hash, in hex
	Rows        int      `json:"rows"`
	Entity      string   `json:"entity"`
	Attributes  []string `json:"attributes"`
	Navigations []string `json:"navigations"`
	Columns     []string `json:"columns"` // in their order
	Delimiter   string   `json:"delimiter"`
	Separator   string   `json:"separator"`
	TypePrefix  string   `json:"typePrefix"`
}

func (p *plan) basis(c sdk.Collection) basis {
	b := basis{
		World: hex.EncodeToString(p.World.Hash[:]), Rows: rowsVersion, Entity: c.Entity,
		Navigations: slices.Sorted(slices.Values(c.Navigations)),
		Delimiter:   string(p.CSV.Delimiter), Separator: p.CSV.ValueSeparator, TypePrefix: p.CSV.TypePrefix,
	}
	for _, a := range p.Request.Attributes {
		if len(a.Entities) == 0 || slices.Contains(a.Entities, c.Entity) {
			b.Attributes = append(b.Attributes, a.Path)
		}
	}
	slices.Sort(b.Attributes)
	for _, column := range p.columns {
		b.Columns = append(b.Columns, column.Name)
	}
	return b
}

// sum gives a basis as the store keeps it: its hash and its text.
func (b basis) sum() (hash [32]byte, text string, err error) {
	content, err := json.Marshal(b)
	if err != nil {
		return hash, "", fault.Errorf(fault.Internal, "make the hash of the cookie of %s: %w", b.Entity, err)
	}
	return sha256.Sum256(content), string(content), nil
}

// since tells what differs from the text of an earlier basis of the entity; nothing if that
// is not said there.
func (b basis) since(text string) (changes []string) {
	var old basis
	if err := json.Unmarshal([]byte(text), &old); err != nil {
		return nil
	}
	of := func(what string, before, now []string) {
		for _, name := range now {
			if !slices.Contains(before, name) {
				changes = append(changes, fmt.Sprintf("%s %s of %s is new", what, name, b.Entity))
			}
		}
		for _, name := range before {
			if !slices.Contains(now, name) {
				changes = append(changes, fmt.Sprintf("%s %s of %s is not asked for any more", what, name, b.Entity))
			}
		}
	}
	of("attribute", old.Attributes, b.Attributes)
	of("navigation", old.Navigations, b.Navigations)
	for _, one := range []struct {
		what    string
		differs bool
	}{
		{"this release of Usher reads what Graph tells in another way", old.Rows != b.Rows},
		{"Csv.Delimiter is another one", old.Delimiter != b.Delimiter},
		{"Csv.ValueSeparator is another one", old.Separator != b.Separator},
		{"Csv.TypeName is another one", old.TypePrefix != b.TypePrefix},
		{"the columns are in another order", isReordered(old.Columns, b.Columns)},
	} {
		if one.differs {
			changes = append(changes, one.what)
		}
	}
	return changes
}

// isReordered reports whether two lists hold the same in another order.
func isReordered(a, b []string) bool {
	return !slices.Equal(a, b) && slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// mostChanges is how many changes of the settings a report names.
const mostChanges = 5

// summary joins changes, without repeats.
func summary(changes []string) string {
	var told []string
	for _, change := range changes {
		if !slices.Contains(told, change) {
			told = append(told, change)
		}
	}
	if more := len(told) - mostChanges; more > 0 {
		told = append(told[:mostChanges], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(told, ", ")
}
