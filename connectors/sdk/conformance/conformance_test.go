package conformance_test

import (
	"context"
	"strconv"
	"testing"

	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/conformance"
	"github.com/usher-iga/usher/connectors/sdk/fault"
	"github.com/usher-iga/usher/connectors/sdk/record"
)

// phoneBook is the smallest honest connector; docs/connectors.md shows it.
type phoneBook struct{}

func (phoneBook) Describe() sdk.Description {
	return sdk.Description{
		Name: "phonebook", Version: "1.0", Title: "Phone book",
		Settings: []sdk.Setting{{Name: "Area", Kind: sdk.Text, Required: true, Help: "Area code to export"}},
		Entities: []sdk.Entity{{Name: "subscriber"}},
	}
}

func (phoneBook) Check(_ context.Context, req sdk.CheckRequest) (sdk.CheckReport, error) {
	finding := sdk.Finding{State: sdk.OK, Subject: "settings"}
	if req.Connection.Settings["Area"] == "" {
		finding = sdk.Finding{State: sdk.Failed, Subject: "settings", Message: "Area is missing", Setting: "Area"}
	}
	return sdk.CheckReport{Findings: []sdk.Finding{finding}}, nil
}

func (phoneBook) Export(ctx context.Context, req sdk.ExportRequest, sink sdk.Sink) error {
	for _, c := range req.Collections {
		if c.Entity != "subscriber" || len(c.Navigations) > 0 {
			return fault.Errorf(fault.Invalid, "a phone book has subscribers, but no %s %v", c.Entity, c.Navigations)
		}
	}
	for _, a := range req.Attributes {
		if a.Path != "number" {
			return fault.Errorf(fault.Invalid, "subscribers have no attribute %s", a.Path)
		}
	}
	for i := range req.Collections {
		w, err := sink.Begin(i, true, "")
		if err != nil {
			return err
		}
		var o record.Object
		for n := range 1000 {
			if err := ctx.Err(); err != nil {
				return err
			}
			o.Reset()
			o.SetID([]byte(strconv.Itoa(n)))
			o.Text(0, []byte(req.Connection.Settings["Area"]+strconv.Itoa(n)))
			if err := w.Object(&o); err != nil {
				return err
			}
		}
		if err := sink.Progress(sdk.Progress{Requests: 1}); err != nil {
			return err
		}
		if err := w.End(""); err != nil {
			return err
		}
	}
	return nil
}

func TestConformance(t *testing.T) {
	conformance.Run(t, conformance.Config{
		Connector:   phoneBook{},
		Connection:  sdk.Connection{ID: "Town", Settings: map[string]string{"Area": "0211"}},
		Collections: []sdk.Collection{{Entity: "subscriber"}},
		Attributes:  []sdk.Attribute{{Path: "number"}},
	})
}
