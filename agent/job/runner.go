// Package job takes a connection by its name and does what it is for: from the
// settings over the connector program to a finished run.
package job

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/go-hclog"

	"github.com/usher-iga/usher/agent/pluginhost"
	"github.com/usher-iga/usher/agent/settings"
	"github.com/usher-iga/usher/agent/settings/layer"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/clock"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Runner works on the connections of one installation. Its methods may be called
// side by side.
type Runner struct {
	Settings *settings.Settings
	// Reload reads the settings anew, secrets from wherever they come. nil: they stay as they are.
	Reload  func(context.Context) (*settings.Settings, error)
	Host    *pluginhost.Host
	Clock   clock.Clock
	Logger  hclog.Logger
	Version string // of the agent, for the manifest
	// Waiting is told what a call waits for when that takes a while, in a sentence. May be nil.
	Waiting func(sentence string)
}

// Validate checks every connection that has something to export, as far as that is
// possible without the network. It returns the ids of those and of the others. Its
// error tells all that is wrong.
func (r *Runner) Validate(ctx context.Context) (checked, skipped []string, err error) {
	running := map[string]*pluginhost.Connector{}
	defer func() {
		for _, connector := range running {
			connector.Close()
		}
	}()
	var problems []error
	for _, c := range r.Settings.Connections {
		if c.CheckMapping() != nil {
			skipped = append(skipped, c.ID)
			continue
		}
		connector := running[c.Connector]
		if connector == nil {
			if connector, err = r.Host.Launch(ctx, c.Connector); err != nil {
				if ctx.Err() != nil {
					return nil, nil, err
				}
				problems = append(problems, locate(c, err))
				continue
			}
			running[c.Connector] = connector
		}
		if _, _, err := r.validate(ctx, c, connector); err != nil {
			problems = append(problems, err)
			continue
		}
		checked = append(checked, c.ID)
	}
	if len(problems) > 0 {
		return nil, nil, errors.Join(problems...)
	}
	return checked, skipped, nil
}

// validate checks one connection offline and returns what to ask its connector for,
// and what to warn of. Its error tells all that is wrong, each with file and line.
func (r *Runner) validate(ctx context.Context, c *settings.Connection, connector *pluginhost.Connector) (sdk.ExportRequest, []sdk.Warning, error) {
	request, err := r.resolve(ctx, c, connector.Description)
	if err != nil {
		return request, nil, err
	}
	var unknown error
	request.Collections, unknown = collections(c.Mapping, connector.Description)
	warnings, problems, err := checkOffline(ctx, c, connector, sdk.CheckRequest{
		Connection: request.Connection, Collections: request.Collections, Attributes: request.Attributes,
	})
	if err != nil {
		return request, nil, err
	}
	return request, warnings, errors.Join(unknown, problems)
}

// checkOffline has a connector check a connection without the network. problems are all that is
// wrong, each with file and line.
func checkOffline(ctx context.Context, c *settings.Connection, connector *pluginhost.Connector, req sdk.CheckRequest) (warnings []sdk.Warning, problems, err error) {
	req.Extent = sdk.Offline
	report, err := connector.Check(ctx, req)
	if err != nil {
		return nil, nil, err
	}
	for _, f := range report.Findings {
		switch f.State {
		case sdk.Failed:
			failed := &fault.Error{Code: fault.Invalid, Message: f.Message, Hint: f.Hint, Setting: f.Setting}
			problems = errors.Join(problems, locate(c, failed))
		case sdk.Warned:
			warnings = append(warnings, sdk.Warning{Message: f.Message, Hint: f.Hint})
		}
	}
	return warnings, problems, nil
}

// Keys returns for each connector that connections use the keys that it describes,
// so that its secrets are known. A connector that cannot be asked is left out:
// showing settings must work when little else does.
func (r *Runner) Keys(ctx context.Context) map[string][]sdk.Setting {
	keys := map[string][]sdk.Setting{}
	for _, c := range r.Settings.Connections {
		for _, name := range []string{c.Connector, c.Fulfillment.Connector} {
			if _, known := keys[name]; known {
				continue
			}
			if connector, err := r.Host.Launch(ctx, name); err == nil {
				keys[name] = connector.Description.Settings
				connector.Close()
			}
		}
	}
	return keys
}

// Listed is one connector program as `usher connectors list` shows it.
type Listed struct {
	Name         string   `json:"name"`
	Path         string   `json:"path"`
	Checksum     string   `json:"sha256"`
	Source       string   `json:"vouchedForBy,omitempty"`
	Title        string   `json:"title,omitempty"`
	Version      string   `json:"version,omitempty"`
	Capabilities []string `json:"capabilities,omitempty"`
	Entities     []string `json:"entities,omitempty"`
	Problem      string   `json:"problem,omitempty"` // why it cannot be used
}

// Connectors lists the connector programs; those that are genuine are started and asked.
func (r *Runner) Connectors(ctx context.Context) ([]Listed, error) {
	programs, err := r.Host.Folder.Programs()
	if err != nil {
		return nil, err
	}
	listed := make([]Listed, 0, len(programs))
	for _, p := range programs {
		l := Listed{Name: p.Name, Path: p.Path, Checksum: p.Checksum, Source: p.Source}
		connector, err := r.Host.Launch(ctx, p.Name)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			l.Problem = err.Error()
		default:
			l.Title, l.Version = connector.Description.Title, connector.Description.Version
			l.Capabilities = capabilities(connector.Can)
			for _, e := range connector.Description.Entities {
				l.Entities = append(l.Entities, e.Name)
			}
			connector.Close()
		}
		listed = append(listed, l)
	}
	return listed, nil
}

func capabilities(can sdk.Capabilities) (names []string) {
	for _, c := range []struct {
		can  bool
		name string
	}{{can.Export, "export"}, {can.Fulfill, "fulfill"}, {can.Actions, "actions"}} {
		if c.can {
			names = append(names, c.name)
		}
	}
	return names
}

// resolve turns a connection's settings into what its connector is asked to export, collections
// aside.
func (r *Runner) resolve(ctx context.Context, c *settings.Connection, d sdk.Description) (sdk.ExportRequest, error) {
	connection, err := r.dialled(ctx, c, d, c.Fulfillment.Connector)
	if err := errors.Join(err, c.CheckMapping()); err != nil {
		return sdk.ExportRequest{}, err
	}
	req := sdk.ExportRequest{Connection: connection}
	_, req.Attributes = columns(c.Mapping)
	return req, nil
}

// dialled is a connection as one of its connectors needs it, which can have it resolved anew. other is
// the name of its other connector.
func (r *Runner) dialled(ctx context.Context, c *settings.Connection, d sdk.Description, other string) (sdk.Connection, error) {
	var others []string
	if !c.Knows(d.Settings) {
		others = r.keysOf(ctx, other)
	}
	connection, err := dialled(r.Settings, c, d, others)
	connection.Renew = func(ctx context.Context) (sdk.Connection, error) { return r.renew(ctx, c.ID, d, others) }
	return connection, err
}

// keysOf names the keys that a connector describes; none if it cannot be asked.
func (r *Runner) keysOf(ctx context.Context, name string) (keys []string) {
	connector, err := r.Host.Launch(ctx, name)
	if err != nil {
		return nil
	}
	defer connector.Close()
	for _, key := range connector.Description.Settings {
		keys = append(keys, key.Name)
	}
	return keys
}

// renew resolves a connection anew. Errors are those of reading the settings.
func (r *Runner) renew(ctx context.Context, id string, d sdk.Description, others []string) (sdk.Connection, error) {
	s := r.Settings
	if r.Reload != nil {
		r.Logger.Info("the target system refused the credentials: they are read anew", "connection", id)
		var err error
		if s, err = r.Reload(ctx); err != nil {
			return sdk.Connection{}, err
		}
	}
	for _, w := range s.Warnings {
		r.Logger.Warn(w.Message, "connection", id)
	}
	c, err := s.Connection(id)
	if err != nil {
		return sdk.Connection{}, err
	}
	renewed, err := dialled(s, c, d, others)
	if err != nil {
		return sdk.Connection{}, err
	}
	return renewed, r.notRenewed(s, id, d, others, renewed)
}

// notRenewed tells why the credentials are the same as before although they were resolved
// anew, if a source of secrets could not be asked.
func (r *Runner) notRenewed(s *settings.Settings, id string, d sdk.Description, others []string, renewed sdk.Connection) error {
	for _, source := range s.Sources() {
		if source.Err == nil || source.Kind == layer.EncryptionSection { // that certificate opens nothing
			continue
		}
		c, err := r.Settings.Connection(id)
		if err != nil {
			return err
		}
		before, err := dialled(r.Settings, c, d, others)
		if err != nil || !maps.Equal(before.Secrets, renewed.Secrets) {
			return err
		}
		return source.Err
	}
	return nil
}

// dialled is a connection as a connector needs it. others names keys that are another connector's.
func dialled(s *settings.Settings, c *settings.Connection, d sdk.Description, others []string) (sdk.Connection, error) {
	plain, secrets, err := c.Resolve(d.Settings, others...)
	roots, rootsErr := s.Roots()
	if err := errors.Join(err, rootsErr); err != nil {
		return sdk.Connection{}, err
	}
	connection := sdk.Connection{
		ID: c.ID, Settings: plain, Secrets: make(map[string]string, len(secrets)),
		Network: sdk.Network{Proxy: s.Proxy.URL().Reveal(), NoProxy: s.Proxy.Bypass, TrustedCertificates: roots},
	}
	for name, value := range secrets {
		connection.Secrets[name] = value.Reveal()
	}
	return connection, nil
}

// collections asks for each entity of the mapping, with those of the mapping's
// navigations that the entity has. A navigation that no entity of the connector has
// is an error; the collections are good without it.
func collections(m settings.EntityTypeMapping, d sdk.Description) ([]sdk.Collection, error) {
	var unknown error
	for _, wanted := range m.Navigations {
		has := func(e sdk.Entity) bool { return containsFold(e.Navigations, wanted) }
		if !slices.ContainsFunc(d.Entities, has) {
			unknown = fault.Errorf(fault.Invalid, "%s: %s cannot deliver a navigation %q", m.Origin, d.Name, wanted).
				WithHint("It can deliver %s", navigations(d))
		}
	}
	all := make([]sdk.Collection, 0, len(m.Entities))
	for _, name := range m.Entities {
		c := sdk.Collection{Entity: name}
		for _, e := range d.Entities {
			if strings.EqualFold(e.Name, name) {
				c.Entity = e.Name
				for _, n := range e.Navigations {
					if containsFold(m.Navigations, n) {
						c.Navigations = append(c.Navigations, n)
					}
				}
			}
		}
		all = append(all, c)
	}
	return all, unknown
}

// navigations tells which navigations a connector offers.
func navigations(d sdk.Description) string {
	var have []string
	for _, e := range d.Entities {
		if len(e.Navigations) > 0 {
			have = append(have, strings.Join(e.Navigations, " and ")+" of "+e.Name)
		}
	}
	return cmp.Or(strings.Join(have, ", "), "none")
}

func containsFold(list []string, s string) bool {
	return slices.ContainsFunc(list, func(e string) bool { return strings.EqualFold(e, s) })
}

// locate puts the place of the setting that a connector's error is about, or else
// that of the connection, before its message.
func locate(c *settings.Connection, err error) error {
	f := fault.Of(err)
	if f == nil || f.Code != fault.Invalid && f.Setting == "" {
		return err // not about settings
	}
	located := *f
	located.Message = fmt.Sprintf("%s: %s", c.Locate(f.Setting), f.Message)
	return &located
}
