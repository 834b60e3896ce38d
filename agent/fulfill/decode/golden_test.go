package decode

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

var update = flag.Bool("update", false, "write the outcome of the golden tests into testdata")

// fakePasswords has the settings "default" and "strict", and seals in clear.
type fakePasswords struct{}

func (fakePasswords) Setting(name string) (Setting, bool) {
	switch name {
	case "", "default":
		return Setting{NotifiedEmailBinding: "mail"}, true
	case "strict":
		return Setting{
			MustChange:              true,
			NotifiedEmailBinding:    "AssignedResourceType:Owner.Directory_User:MainRecord.Organization.Manager.MainRecord.Mail",
			BeneficiaryEmailBinding: "AssignedResourceType:Owner.Directory_User:MainRecord.Mail", BeneficiaryFullNameBinding: "displayName",
		}, true
	default:
		return Setting{}, false
	}
}

func (fakePasswords) Seal(id string, w Wish) ([]byte, error) {
	return fmt.Appendf(nil, "%s %+v", id, w), nil
}

// A golden file is a series of "-- name --" lines, each followed by a text: a file of orders, the
// mappings in "mappings.xml" if there are any, and the outcome in "orders" and "problems".
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			all := strings.ReplaceAll(string(data), "\r\n", "\n")
			input, want, _ := strings.Cut(all, "-- orders --\n")
			got := outcome(t, input)
			if *update {
				if err := os.WriteFile(file, []byte(input+"-- orders --\n"+got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != want {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
			if got := outcome(t, strings.ReplaceAll(input, "\n", "\r\n")); got != want {
				t.Errorf("with CRLF, got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

// outcome decodes the files of an input.
func outcome(t *testing.T, input string) string {
	t.Helper()
	var orders, problems strings.Builder
	tell := func(err error) {
		f := fault.Of(err)
		if f == nil || f.Code != fault.Invalid {
			t.Fatalf("not a fault of code invalid: %v", err)
		}
		if refusal, ok := errors.AsType[*order.Refusal](err); ok {
			for _, p := range refusal.Problems {
				fmt.Fprintf(&problems, "%s\n", p)
				if p.Hint != "" {
					fmt.Fprintf(&problems, "  > %s\n", p.Hint)
				}
			}
			return
		}
		fmt.Fprintf(&problems, "%v\n  > %s\n", err, f.Hint)
	}
	decoder := Own(fakePasswords{})
	for _, section := range strings.Split(input, "-- ")[1:] {
		name, text, _ := strings.Cut(section, " --")
		text = strings.TrimLeft(text, "\r\n")
		if name == "mappings.xml" {
			m, err := ParseMappings("mappings.xml", strings.NewReader(text))
			if err != nil {
				tell(err)
			}
			decoder = Either(m, fakePasswords{})
			continue
		}
		err := decoder("work/"+name, strings.NewReader(text), func(o order.Order) error {
			for _, p := range o.Check() {
				t.Errorf("a decoded order is wrong: %s", p)
			}
			line, err := json.MarshalIndent(o, "", "  ")
			fmt.Fprintf(&orders, "%s\n", line)
			for _, s := range o.Secrets {
				fmt.Fprintf(&orders, "sealed: %s\n", s.Sealed)
			}
			return err
		})
		if err != nil {
			tell(err)
		}
	}
	return orders.String() + "-- problems --\n" + problems.String()
}
