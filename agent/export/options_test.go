package export_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/usher-iga/usher/agent/export"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

func TestInvalidOptions(t *testing.T) {
	for name, change := range map[string]func(*export.Options){
		"connection": func(o *export.Options) { o.Connection = "../x" },
		"run":        func(o *export.Options) { o.RunID = "" },
		"delimiter":  func(o *export.Options) { o.CSV.Delimiter = '"' },
		"twice": func(o *export.Options) {
			o.Request.Collections = []sdk.Collection{{Entity: "group", Navigations: []string{"members", "Members"}}}
		},
		"same entity": func(o *export.Options) {
			o.Request.Collections = []sdk.Collection{{Entity: "group"}, {Entity: "Group"}}
		},
		"entity": func(o *export.Options) {
			o.Request.Collections = []sdk.Collection{{Entity: "a/b", Navigations: []string{"members"}}}
		},
	} {
		folder := t.TempDir()
		o := options(folder, "1", small())
		change(&o)
		if _, err := export.Run(context.Background(), o); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
		isTidy(t, folder, nil)
	}
}

func TestNewRunID(t *testing.T) {
	first, err := export.NewRunID(time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600)), strings.NewReader("\x00\x01\x02\x03\x04\xff"))
	if err != nil || first != "20260102T020405Z-01234z" {
		t.Errorf("%q, %v", first, err)
	}
	if _, err := export.NewRunID(time.Now(), strings.NewReader("")); err == nil {
		t.Error("no error without randomness")
	}
}
