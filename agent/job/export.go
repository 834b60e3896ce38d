package job

import (
	"context"
	"crypto/rand"

	"github.com/usher-iga/usher/agent/export"
	"github.com/usher-iga/usher/agent/settings"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

const (
	// keyColumn is the column that holds the object's id.
	keyColumn = "id"
	// typePrefix makes the full form of @odata.type.
	typePrefix = "#microsoft.graph."
)

// Export runs one complete export of a connection, named in any case of letters.
// progress, if not nil, is told how far it is. The report of a failed export holds
// what was known when it failed.
//
// Errors are faults; one about a setting names its file and line. Settings are
// checked as [Runner.Validate] does before anything is sent.
func (r *Runner) Export(ctx context.Context, id string, progress func(export.Snapshot)) (export.Report, error) {
	connection, err := r.Settings.Connection(id)
	if err != nil {
		return export.Report{}, err
	}
	report, err := r.export(ctx, connection, progress)
	if err != nil && ctx.Err() != nil && !fault.Is(err, fault.Storage) { // a failing disk matters more
		return report, fault.Errorf(fault.Canceled, "the export of %s was cancelled", connection.ID).
			WithHint("The files of the run before are as they were")
	}
	return report, err
}

func (r *Runner) export(ctx context.Context, connection *settings.Connection, progress func(export.Snapshot)) (export.Report, error) {
	connector, err := r.Host.Launch(ctx, connection.Connector)
	if err != nil {
		return export.Report{}, locate(connection, err)
	}
	defer connector.Close()
	request, err := r.validate(ctx, connection, connector)
	if err != nil {
		return export.Report{}, err
	}
	run, err := export.NewRunID(r.Clock.Now(), rand.Reader)
	if err != nil {
		return export.Report{}, err
	}
	options := export.Options{
		Connection: connection.ID,
		RunID:      run,
		Request:    request,
		CSV:        export.CSV{Delimiter: connection.CSV.Delimiter, ValueSeparator: connection.CSV.ValueSeparator},
		Folders:    export.Folders{Temp: r.Settings.TempFolder, Work: r.Settings.WorkFolder},
		Source:     connector,
		Clock:      r.Clock,
		Logger:     r.Logger.Named("export"),
		Usher:      r.Version,
		Progress:   progress,
	}
	if connection.CSV.TypeName == settings.TypeNameFull {
		options.CSV.TypePrefix = typePrefix
	}
	options.Columns, options.Request.Attributes = columns(connection.Mapping)
	report, err := export.Run(ctx, options)
	return report, locate(connection, err)
}

// columns tells which columns the objects file has and which attributes fill them.
// The id is not an attribute: every object has it.
func columns(m settings.EntityTypeMapping) (columns []export.Column, attributes []sdk.Attribute) {
	for _, p := range m.Properties {
		from := export.FromID
		if p.Column != keyColumn {
			from = len(attributes)
			attributes = append(attributes, sdk.Attribute{Path: p.Column, Entities: p.Entities})
		}
		columns = append(columns, export.Column{Name: p.Column, From: from})
	}
	return columns, attributes
}
