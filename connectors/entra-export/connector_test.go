package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
)

var update = flag.Bool("update", false, "write what is found to the golden files")

func TestDescribe(t *testing.T) {
	d := newConnector("1.2.3", hclog.NewNullLogger()).Describe()
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s: %s\n\n", d.Name, d.Version, d.Title)
	for _, s := range d.Settings {
		fmt.Fprintf(&b, "%s (%s", s.Name, s.Kind)
		if s.Secret {
			b.WriteString(", secret")
		}
		if s.Required {
			b.WriteString(", required")
		}
		if s.Default != "" {
			fmt.Fprintf(&b, ", default %s", s.Default)
		}
		if len(s.Choices) > 0 {
			fmt.Fprintf(&b, ", one of %s", strings.Join(s.Choices, " "))
		}
		fmt.Fprintf(&b, ")\n    %s\n", s.Help)
	}
	b.WriteByte('\n')
	for _, e := range d.Entities {
		fmt.Fprintf(&b, "%s %v\n", e.Name, e.Navigations)
	}
	const golden = "testdata/describe.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}
