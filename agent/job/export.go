package job

import (
	"context"
	"crypto/rand"
	"slices"

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

// Export runs one export of a connection, named in any case of letters: incremental
// where cookies of earlier runs allow it, unless everything is asked for: by complete, which
// is somebody's decision, or by the connection's settings. progress, if not nil, is told how
// far it is. The report of a failed export holds what was known when it failed.
//
// Errors are faults; one about a setting names its file and line. Settings are
// checked as [Runner.Validate] does before anything is sent.
func (r *Runner) Export(ctx context.Context, id string, complete bool, progress func(export.Snapshot)) (export.Report, error) {
	connection, err := r.Settings.Connection(id)
	if err != nil {
		return export.Report{}, err
	}
	report, err := r.export(ctx, connection, complete, progress)
	if err != nil && ctx.Err() != nil && !fault.Is(err, fault.Storage) { // a failing disk matters more
		return report, fault.Errorf(fault.Canceled, "the export of %s was cancelled", connection.ID).
			WithHint("The files of the run before are as they were")
	}
	return report, err
}

func (r *Runner) export(ctx context.Context, connection *settings.Connection, complete bool, progress func(export.Snapshot)) (export.Report, error) {
	connector, err := r.Host.Launch(ctx, connection.Connector)
	if err != nil {
		return export.Report{}, locate(connection, err)
	}
	defer connector.Close()
	request, warnings, err := r.validate(ctx, connection, connector)
	if err != nil {
		return export.Report{}, err
	}
	ending, err := r.endingCredentials(ctx, request.Connection, func(ctx context.Context) (sdk.CheckReport, error) {
		return connector.Check(ctx, sdk.CheckRequest{Connection: request.Connection, Extent: sdk.Credentials})
	})
	if err != nil {
		return export.Report{}, err
	}
	var ofSources []sdk.Warning
	for _, f := range endingCertificates(r.Settings, r.Clock.Now()) {
		ofSources = append(ofSources, sdk.Warning{Message: f.Message, Hint: f.Hint})
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
		Complete:   complete,
		World:      world(connection, request),
		Progress:   progress,
		Warnings:   withoutRepeats(withoutRepeats(warnings, ending), ofSources),

		WithoutCookies: connection.IgnoreCookieFile,
		MaxCookieAge:   connection.MaximumCookieAge,
		Thresholds:     thresholds(connection.Thresholds),
	}
	if connection.CSV.TypeName == settings.TypeNameFull {
		options.CSV.TypePrefix = typePrefix
	}
	options.Columns, options.Request.Attributes = columns(connection.Mapping)
	report, err := export.Run(ctx, options)
	return report, locate(connection, err)
}

// withoutRepeats joins warnings; a certificate's end is found by both.
func withoutRepeats(warnings, more []sdk.Warning) []sdk.Warning {
	for _, w := range more {
		if !slices.Contains(warnings, w) {
			warnings = append(warnings, w)
		}
	}
	return warnings
}

func thresholds(t settings.Thresholds) export.Thresholds {
	return export.Thresholds{
		Inserted:     export.Threshold{Lines: t.MaximumInsertedLines, Percent: t.MaxPercentageInsertedLines},
		Updated:      export.Threshold{Lines: t.MaximumUpdatedLines, Percent: t.MaxPercentageUpdatedLines},
		Deleted:      export.Threshold{Lines: t.MaximumDeletedLines, Percent: t.MaxPercentageDeletedLines},
		LinkInserted: export.Threshold{Lines: t.MaximumLinkInsertedLines, Percent: t.MaxLinkPercentageInsertedLines},
		LinkDeleted:  export.Threshold{Lines: t.MaximumLinkDeletedLines, Percent: t.MaxLinkPercentageDeletedLines},
	}
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
