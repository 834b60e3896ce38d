package job

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/usher-iga/usher/agent/export"
	"github.com/usher-iga/usher/agent/fulfill"
	"github.com/usher-iga/usher/agent/fulfill/journal"
	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Actions lists what the connector of a connection can be asked for. Nothing is sent.
func (r *Runner) Actions(ctx context.Context, id string) ([]sdk.Action, error) {
	c, err := r.Settings.Connection(id)
	if err != nil {
		return nil, err
	}
	connector, err := r.launchFulfiller(ctx, c)
	if err != nil {
		return nil, err
	}
	defer connector.Close()
	return connector.Actions(ctx)
}

// Action describes one action, named exactly. An unknown one is fault.Invalid.
func (r *Runner) Action(ctx context.Context, id, name string) (sdk.Action, error) {
	all, err := r.Actions(ctx, id)
	if err != nil {
		return sdk.Action{}, err
	}
	i := slices.IndexFunc(all, func(a sdk.Action) bool { return a.Name == name })
	if i < 0 {
		return sdk.Action{}, fault.Errorf(fault.Invalid, "there is no action %q", name).
			WithHint("'usher actions list %s' tells which there are", id)
	}
	return all[i], nil
}

// Acted is what an action gave.
type Acted struct {
	Output   json.RawMessage // of one that reads
	Result   *order.Result   // of one that writes
	Warnings []sdk.Warning
}

// RunAction runs an action. One that writes is an order of its own, with an id that is made for it: it
// goes the way of all orders, and by is noted as who asked. An order that fails is no error; the
// result tells.
//
// Errors are those of [Runner.Fulfill]; an input against the schema of the action is fault.Invalid, an
// order that is held beyond a limit, or waits for one that is, fault.Held. If the order was accepted and has not
// ended then, the error tells its id.
func (r *Runner) RunAction(ctx context.Context, id, name string, input json.RawMessage, by string) (done Acted, err error) {
	action, err := r.Action(ctx, id, name)
	if err != nil {
		return done, err
	}
	if !action.Writes {
		return r.read(ctx, id, name, input)
	}
	f, err := r.openFulfillment(ctx, id)
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	done.Warnings = f.warnings
	number, err := export.NewRunID(r.Clock.Now(), rand.Reader)
	if err != nil {
		return done, err
	}
	orderID := "action-" + number
	connector, err := f.program.use(ctx)
	if err != nil {
		return done, err
	}
	prepared, err := connector.PrepareAction(ctx, name, input, orderID)
	if err != nil {
		return done, named(err, id)
	}
	text, err := json.Marshal(document{Orders: []ownOrder{ownOf(prepared, passwordOf(action, input))}})
	if err != nil {
		return done, fault.Errorf(fault.Internal, "the action %s cannot be written as an order: %w", name, err)
	}
	in, err := f.accept(ctx, fulfill.Input{
		Source: journal.Source{Name: "action " + name, RequestedBy: by}, Reader: bytes.NewReader(text), Decode: f.decode,
	})
	if refusal, refused := errors.AsType[*order.Refusal](err); refused {
		return done, wrongInput(id, name, refusal)
	}
	if err != nil {
		return done, err
	}
	if in.State == journal.IntakeHeld {
		return done, fulfill.Held(f.connection.ID, in)
	}
	report, runErr := f.run(ctx, nil)
	done.Warnings = append(done.Warnings, notDelivered(report)...)
	_, result, err := f.journal.Order(orderID)
	done.Result = &result
	if err == nil && runErr != nil && !result.State.Ended() {
		runErr = f.left(orderID, runErr)
	}
	if err == nil && runErr == nil && !result.State.Ended() {
		runErr = f.waits(orderID)
	}
	var concluded Fulfilled
	return done, errors.Join(locate(f.connection, runErr), err, f.conclude(ctx, &concluded))
}

// waits tells that an order of an action waits for an operator, as the one for which it waits is held; nil if none is.
func (f *fulfillment) waits(id string) error {
	wait, err := f.journal.WaitsFor(id)
	if err != nil || wait == nil || wait.State != order.Held {
		return err
	}
	in, err := f.journal.Intake(wait.Intake)
	if err != nil {
		return err
	}
	return fault.Errorf(fault.Held, "order %s has not begun: %s: %s", id, wait, in.Reason).
		WithHint("%s. Then the next 'usher fulfill %s' carries out this order; 'usher orders cancel %[2]s %s' drops it",
			fulfill.Held(f.connection.ID, in).Hint, f.connection.ID, id)
}

// named puts the name of the connection into the hint of a connector, which does not know it.
func named(err error, connection string) error {
	f := fault.Of(err)
	if f == nil || !strings.Contains(f.Hint, " CONNECTION") {
		return err
	}
	with := *f
	with.Hint = strings.ReplaceAll(f.Hint, " CONNECTION", " "+connection)
	return &with
}

// wrongInput tells why the order of an action is refused, without its places: nobody wrote that text.
func wrongInput(connection, action string, refusal *order.Refusal) error {
	var all, hints []string
	for _, p := range refusal.Problems {
		p.Place, p.Order = "", ""
		all = append(all, p.String())
		if p.Hint != "" && !slices.Contains(hints, p.Hint) {
			hints = append(hints, p.Hint)
		}
	}
	hints = append(hints, fmt.Sprintf("'usher actions describe %s %s' tells what it takes", connection, action))
	return fault.Errorf(fault.Invalid, "the input of %s is wrong: %s", action, strings.Join(all, "; ")).WithHint("%s", strings.Join(hints, ". "))
}

// left tells that an order of an action did not end, because of err: somebody waits for it and does not know its id.
func (f *fulfillment) left(id string, err error) error {
	wrapped := fault.Errorf(fault.CodeOf(err), "order %s is left for the next run: %w", id, err).
		WithHint("The next 'usher fulfill %s' goes on with it; 'usher orders cancel %[1]s %s' drops it if it has not begun", f.connection.ID, id)
	if cause := fault.Of(err); cause != nil {
		wrapped.Setting = cause.Setting
		if cause.Hint != "" {
			wrapped.Hint = cause.Hint + ". " + wrapped.Hint
		}
	}
	return wrapped
}

// read runs an action that reads.
func (r *Runner) read(ctx context.Context, id, name string, input json.RawMessage) (done Acted, err error) {
	f, err := r.prepareFulfillment(ctx, id)
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	connector, err := f.program.use(ctx)
	if err != nil {
		return done, err
	}
	done.Output, err = connector.RunAction(ctx, f.resolved, name, input)
	if wrong := fault.Of(err); wrong != nil && wrong.Code == fault.Invalid && wrong.Setting == "" {
		return done, named(err, id) // the input is, which stands in no settings
	}
	return done, locate(f.connection, err)
}

// passwordOf is what an order says of the password that an action sets, without the password; nil if it sets
// none.
func passwordOf(a sdk.Action, input json.RawMessage) *ownPassword {
	if !takesPassword(a) {
		return nil
	}
	var says struct {
		Setting string          `json:"setting"`
		Notify  json.RawMessage `json:"notify"`
	}
	_ = json.Unmarshal(input, &says) // the connector has checked it
	return &ownPassword{Setting: says.Setting, Notify: says.Notify}
}

// takesPassword reports whether an action sets a password: its input may give one.
func takesPassword(a sdk.Action) bool {
	var schema struct {
		Properties map[string]struct {
			WriteOnly bool `json:"writeOnly"`
		} `json:"properties"`
	}
	return json.Unmarshal(a.InputSchema, &schema) == nil && schema.Properties["password"].WriteOnly
}

// document is an order in Usher's own format, in which an action goes the way of all orders: the
// password that it gives is encrypted there, and one that it does not give is made.
type document struct {
	Orders []ownOrder `json:"orders"`
}

type ownOrder struct {
	ID         string                     `json:"id"`
	Operation  sdk.Operation              `json:"operation"`
	Entity     string                     `json:"entity"`
	Key        map[string]string          `json:"key,omitempty"`
	Attributes map[string]json.RawMessage `json:"attributes,omitempty"`
	Links      map[string]ownLinks        `json:"links,omitempty"`
	Password   *ownPassword               `json:"password,omitempty"`
}

type ownLinks struct {
	Add    []map[string]any    `json:"add,omitempty"`
	Remove []map[string]string `json:"remove,omitempty"`
}

type ownPassword struct {
	Value   string          `json:"value,omitempty"`
	Setting string          `json:"setting,omitempty"`
	Notify  json.RawMessage `json:"notify,omitempty"`
}

// ownOf writes an order of a connector in Usher's own format. password is what passwordOf says.
func ownOf(o sdk.Order, password *ownPassword) ownOrder {
	own := ownOrder{ID: o.ID, Operation: o.Operation, Entity: o.Entity, Key: ownKey(o.Key), Password: password}
	for _, a := range o.Attributes {
		if own.Attributes == nil {
			own.Attributes = map[string]json.RawMessage{}
		}
		own.Attributes[a.Path] = a.Value
	}
	for _, l := range o.Links {
		if own.Links == nil {
			own.Links = map[string]ownLinks{}
		}
		links := own.Links[l.Navigation]
		for i, key := range l.Add {
			added := map[string]any{}
			for name, value := range ownKey(key) {
				added[name] = value
			}
			if i < len(l.Details) && len(l.Details[i]) > 0 {
				added["details"] = l.Details[i]
			}
			links.Add = append(links.Add, added)
		}
		for _, key := range l.Remove {
			links.Remove = append(links.Remove, ownKey(key))
		}
		own.Links[l.Navigation] = links
	}
	if password != nil {
		for _, value := range o.Secrets { // the password is the only secret
			own.Password.Value = value
		}
	}
	return own
}

func ownKey(k sdk.ObjectKey) map[string]string {
	switch {
	case k.ID != "":
		return map[string]string{"id": k.ID}
	case k.Attribute != "":
		return map[string]string{k.Attribute: k.Value}
	default:
		return nil
	}
}
