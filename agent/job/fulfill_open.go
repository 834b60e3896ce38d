package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/usher-iga/usher/agent/audit"
	"github.com/usher-iga/usher/agent/export"
	"github.com/usher-iga/usher/agent/export/ledger"
	"github.com/usher-iga/usher/agent/fulfill"
	"github.com/usher-iga/usher/agent/fulfill/journal"
	"github.com/usher-iga/usher/agent/password"
	"github.com/usher-iga/usher/agent/pluginhost"
	"github.com/usher-iga/usher/agent/settings"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// fulfillment is a connection made ready for orders. Close it.
type fulfillment struct {
	runner     *Runner
	connection *settings.Connection
	resolved   sdk.Connection
	program    *program
	decode     fulfill.Decoder
	keeper     *password.Keeper // nil: no passwords
	warnings   []sdk.Warning

	// Of one whose orders are carried out.
	journal *journal.Journal
	audit   *audit.Log
	stamp   journal.Stamp // of the journal, when it was released
}

// prepareFulfillment checks the settings of a connection and starts its connector. It sends
// nothing.
func (r *Runner) prepareFulfillment(ctx context.Context, id string) (*fulfillment, error) {
	c, err := r.Settings.Connection(id)
	if err != nil {
		return nil, err
	}
	f := &fulfillment{runner: r, connection: c}
	if f.keeper, err = r.passwordKeeper(c); err != nil {
		return nil, err
	}
	if f.decode, err = f.decoder(); err != nil {
		return nil, err
	}
	f.program = &program{launch: func(ctx context.Context) (fulfiller, error) {
		connector, err := r.launchFulfiller(ctx, c)
		if err != nil {
			return nil, err
		}
		return connector, nil
	}}
	if err := f.start(ctx); err != nil {
		f.program.close()
		return nil, err
	}
	return f, nil
}

// start launches the connector and checks the connection with it.
func (f *fulfillment) start(ctx context.Context) error {
	connector, err := f.runner.launchFulfiller(ctx, f.connection)
	if err != nil {
		return err
	}
	f.program.current = connector
	if !connector.Can.Fulfill {
		return locate(f.connection, fault.Errorf(fault.Invalid, "the connector %s cannot fulfil orders", connector.Program.Name).
			WithSetting("FulfillConnector").WithHint("Name one that can; 'usher connectors list' tells what each can do"))
	}
	if f.resolved, err = f.runner.dialled(ctx, f.connection, connector.Description, f.connection.Connector); err != nil {
		return err
	}
	warnings, problems, err := checkOffline(ctx, f.connection, connector, sdk.CheckRequest{Connection: f.resolved})
	f.warnings = append(f.warnings, warnings...)
	return errors.Join(err, problems)
}

// launchFulfiller starts the connector that carries out the orders of a connection.
func (r *Runner) launchFulfiller(ctx context.Context, c *settings.Connection) (*pluginhost.Connector, error) {
	connector, err := r.Host.Launch(ctx, c.Fulfillment.Connector)
	if missing := fault.Of(err); missing != nil && missing.Setting == "Connector" {
		_ = missing.WithSetting("FulfillConnector").
			WithHint("Install the program and run 'usher connectors trust', or correct the connection's FulfillConnector; 'usher connectors list' tells which there are")
	}
	return connector, locate(c, err)
}

// openFulfillment is prepareFulfillment for carrying orders out, which one process at a time does.
func (r *Runner) openFulfillment(ctx context.Context, id string) (*fulfillment, error) {
	f, err := r.prepareFulfillment(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := f.open(ctx, patience); err != nil {
		return nil, errors.Join(err, f.close())
	}
	return f, nil
}

const (
	// patience is how long a command waits for another process to give the journal back: a watch that is looking
	// at its folder, or a command.
	patience = 10 * time.Second
	// atOnce is for who can come again.
	atOnce = time.Nanosecond
)

// open opens the journal and the audit log. Another process has the journal for wait at most, or it is
// fault.Conflict. After an error, release closes what is open.
func (f *fulfillment) open(ctx context.Context, wait time.Duration) (err error) {
	r := f.runner
	if f.journal, err = r.openJournal(ctx, f.connection, journal.Options{WorkFolder: r.Settings.WorkFolder, Wait: wait}); err != nil {
		return err
	}
	f.audit, err = audit.Open(ctx, audit.Options{WorkFolder: r.Settings.WorkFolder, Connection: f.connection.ID, Clock: r.Clock})
	if err != nil {
		return err
	}
	if healed := f.audit.Healed(); healed != "" {
		f.warnings = append(f.warnings, sdk.Warning{Message: healed})
	}
	return nil
}

// openJournal opens the journal of a connection by options without these. fault.Conflict tells that another
// process has had it all the time.
func (r *Runner) openJournal(ctx context.Context, c *settings.Connection, o journal.Options) (*journal.Journal, error) {
	o.Connection, o.Clock = c.ID, r.Clock
	if r.Waiting != nil {
		o.Waiting = func(by string) {
			r.Waiting(fmt.Sprintf("the orders of connection %s are in use%s: waiting for up to %v", c.ID, by, o.Wait))
		}
	}
	j, err := journal.Open(ctx, o)
	if f := fault.Of(err); f != nil && f.Code == fault.Conflict {
		_ = f.WithHint("Orders are being carried out, or another command is at work: try again when that has ended")
	}
	return j, err
}

// release gives journal and audit log back; open may be called again.
func (f *fulfillment) release() error {
	var err error
	if f.audit != nil {
		err = f.audit.Close()
		f.audit = nil
	}
	if f.journal != nil {
		// Nobody else can change the journal yet, so that no change is missed.
		stamp, stampErr := journal.StampOf(f.runner.Settings.WorkFolder, f.connection.ID)
		f.stamp = stamp
		err = errors.Join(err, stampErr, f.journal.Close())
		f.journal = nil
	}
	return err
}

func (f *fulfillment) close() error {
	err := f.release()
	f.program.close()
	return err
}

// options are those of the engine, without a connector.
func (f *fulfillment) options() fulfill.Options {
	limits := f.connection.Fulfillment.Limits
	o := fulfill.Options{
		Connection: f.resolved, Fulfiller: relaunching{f.program}, Journal: f.journal,
		Clock: f.runner.Clock, Logger: f.runner.Logger.Named("fulfill"),
		Limits: fulfill.Limits{
			Deletes:  fulfill.Limit{Count: limits.MaximumDeletes, Percent: limits.MaxPercentageDeletes},
			Disables: fulfill.Limit{Count: limits.MaximumDisables, Percent: limits.MaxPercentageDisables},
			Removals: fulfill.Limit{Count: limits.MaximumLinkRemovals, Percent: limits.MaxPercentageLinkRemovals},
		},
	}
	if f.audit != nil {
		o.Record = f.audit.Record
	}
	if f.keeper != nil {
		o.Secrets, o.Deliver = f.keeper, f.keeper.Deliver
	}
	return o
}

// accept takes an input into the journal.
func (f *fulfillment) accept(ctx context.Context, in fulfill.Input) (journal.Intake, error) {
	o := f.options()
	var err error
	if o.Known, err = f.known(ctx); err != nil {
		return journal.Intake{}, err
	}
	return fulfill.Accept(ctx, o, in)
}

// run carries out what waits.
func (f *fulfillment) run(ctx context.Context, progress func(fulfill.Snapshot)) (fulfill.Report, error) {
	o := f.options()
	o.Progress = progress
	connector, err := f.program.use(ctx)
	if err != nil {
		return fulfill.Report{}, err
	}
	o.Fulfiller = connector
	o.Relaunch = func(ctx context.Context) (fulfill.Fulfiller, error) {
		f.program.discard(connector)
		connector, err = f.program.use(ctx)
		return connector, err
	}
	return fulfill.Run(ctx, o)
}

// known counts what exports have found, for the limits in per cent: what was published last, also while an
// export is at work. Where there are no such limits, nobody needs it.
func (f *fulfillment) known(ctx context.Context) (func(entity, navigation string) uint64, error) {
	limits := f.connection.Fulfillment.Limits
	if limits.MaxPercentageDeletes == 0 && limits.MaxPercentageDisables == 0 && limits.MaxPercentageLinkRemovals == 0 {
		return nil, nil
	}
	work := f.runner.Settings.WorkFolder
	counts, found, err := export.Counts(work, f.connection.ID)
	if err == nil && !found { // who looks writes them down
		if err = f.runner.Look(ctx, f.connection.ID, func(*ledger.Ledger) error { return nil }); err == nil {
			counts, _, err = export.Counts(work, f.connection.ID)
		}
	}
	return func(entity, navigation string) uint64 { return count(counts, entity, navigation) }, err
}

// count looks up how much is known. Of links that exports do not see from this side, such as the groups
// of a user, all links stand for them.
func count(counts []export.Count, entity, navigation string) uint64 {
	links := uint64(0)
	for _, c := range counts {
		if strings.EqualFold(c.Entity, entity) && strings.EqualFold(c.Navigation, navigation) {
			return c.Number
		}
		if c.Navigation != "" {
			links += c.Number
		}
	}
	if navigation == "" {
		return 0
	}
	return links
}

// fulfiller is a running connector that carries out orders, such as a [pluginhost.Connector]. Close it.
type fulfiller interface {
	fulfill.Fulfiller
	RunAction(ctx context.Context, c sdk.Connection, name string, input json.RawMessage) (json.RawMessage, error)
	PrepareAction(ctx context.Context, name string, input json.RawMessage, id string) (sdk.Order, error)
	Close()
}

// program is a connector program that is started when it is needed, and anew after it was
// discarded. Its methods may be called from several goroutines.
type program struct {
	launch func(context.Context) (fulfiller, error)

	mu      sync.Mutex
	current fulfiller
}

// use returns the program that runs.
func (p *program) use(ctx context.Context) (fulfiller, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.current == nil {
		connector, err := p.launch(ctx)
		if err != nil {
			return nil, err
		}
		p.current = connector
	}
	return p.current, nil
}

// discard ends a program that has crashed.
func (p *program) discard(crashed fulfiller) {
	p.mu.Lock()
	defer p.mu.Unlock()
	crashed.Close()
	if p.current == crashed {
		p.current = nil
	}
}

func (p *program) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.current != nil {
		p.current.Close()
		p.current = nil
	}
}

// relaunching is a [fulfill.Fulfiller] for short calls: a program that crashed since the last one is
// started anew, and the call is made once more.
type relaunching struct{ *program }

// Examine is part of [fulfill.Fulfiller].
func (p relaunching) Examine(ctx context.Context, orders []sdk.Order) (problems []sdk.OrderProblem, err error) {
	err = p.call(ctx, func(c fulfiller) error {
		problems, err = c.Examine(ctx, orders)
		return err
	})
	return problems, err
}

// Resolve is part of [fulfill.Fulfiller].
func (p relaunching) Resolve(ctx context.Context, connection sdk.Connection, objects []sdk.NamedObject) (ids []string, err error) {
	err = p.call(ctx, func(c fulfiller) error {
		ids, err = c.Resolve(ctx, connection, objects)
		return err
	})
	return ids, err
}

// Fulfill is part of [fulfill.Fulfiller].
func (p relaunching) Fulfill(ctx context.Context, connection sdk.Connection, orders sdk.OrderSource, sink sdk.OutcomeSink) error {
	c, err := p.use(ctx)
	if err != nil {
		return err
	}
	return c.Fulfill(ctx, connection, orders, sink)
}

// Preview is part of [fulfill.Fulfiller].
func (p relaunching) Preview(ctx context.Context, connection sdk.Connection, orders []sdk.Order, emit func(sdk.Preview) error) error {
	c, err := p.use(ctx)
	if err != nil {
		return err
	}
	return c.Preview(ctx, connection, orders, emit)
}

func (p relaunching) call(ctx context.Context, do func(fulfiller) error) error {
	for again := true; ; again = false {
		c, err := p.use(ctx)
		if err != nil {
			return err
		}
		if err = do(c); !again || ctx.Err() != nil || !fault.Is(err, fault.Connector) {
			return err
		}
		p.discard(c)
	}
}
