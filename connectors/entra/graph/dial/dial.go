// Package dial puts the Graph stack together: transport, request ids and log,
// sign-in, quota and retry below one client.
package dial

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/entra/graph/cloud"
	"github.com/usher-iga/usher/connectors/entra/graph/governor"
	"github.com/usher-iga/usher/connectors/entra/graph/retry"
	"github.com/usher-iga/usher/connectors/entra/graph/signin"
	"github.com/usher-iga/usher/connectors/entra/graph/trace"
	"github.com/usher-iga/usher/connectors/sdk/clock"
	"github.com/usher-iga/usher/connectors/sdk/transport"
)

// A Config says which tenant to reach, as whom, and which way; see [ConfigOf].
type Config struct {
	Application signin.Application
	Cloud       cloud.Settings

	// Renew resolves Application anew once its credential is refused; see [signin.Options].
	Renew func(ctx context.Context) (signin.Application, error)

	Proxy     string // see [transport.Options] for this and the next three
	NoProxy   []string
	RootsPEM  []byte
	UserAgent string

	Priority string       // of the requests when the quota is short: "low", "normal" or "high"; "low" if empty
	Logger   hclog.Logger // gets each request at debug level; nil for silence
	Clock    clock.Clock  // clock.System if nil

	// Patience is how long one request is tried at most; see [retry.Options].
	Patience time.Duration

	// OnWait is told of each pause before it begins, from any goroutine.
	OnWait func(d time.Duration, reason string)
}

// A Dialer makes connections. Those to the same tenant as the same application
// share its quotas. The zero value is ready. It is safe for use by several goroutines.
type Dialer struct {
	mu     sync.Mutex
	quotas map[account]quotas
}

// account is what the service counts by.
type account struct{ baseURL, tenant, application string }

// quotas are those of one account.
type quotas struct {
	*governor.Governor
	writes *governor.Writes
}

// A Conn is a client with what it stands on.
type Conn struct {
	*graph.Client
	// Endpoints are where it leads.
	Endpoints cloud.Endpoints

	way     *transport.Transport
	machine *transport.Transport // to the service of managed identities
	source  *signin.Source
	quotas  quotas
	clock   clock.Clock
}

// Dial makes a connection. Nothing is sent before its first request, which signs
// in. Settings that cannot be right are [fault.Invalid] and name the setting.
func (d *Dialer) Dial(c Config) (*Conn, error) {
	if c.Clock == nil {
		c.Clock = clock.System
	}
	endpoints, err := cloud.Resolve(c.Cloud)
	if err != nil {
		return nil, err
	}
	way, err := transport.New(transport.Options{
		Proxy: c.Proxy, NoProxy: c.NoProxy, RootsPEM: c.RootsPEM, UserAgent: c.UserAgent,
	})
	if err != nil {
		return nil, err
	}
	machine, err := transport.New(transport.Options{UserAgent: c.UserAgent})
	if err != nil {
		return nil, err
	}
	tracing := trace.Options{Logger: c.Logger, Clock: c.Clock}
	traced := trace.New(way, tracing)

	retries := retry.Options{Clock: c.Clock, Fresh: way.Fresh, Patience: c.Patience, OnWait: c.OnWait}
	signinRetries := retries
	// A token that is issued twice does no harm.
	signinRetries.Repeatable = func(*http.Request) bool { return true }
	machineRetries := signinRetries
	machineRetries.Fresh = machine.Fresh
	source, err := signin.NewSource(c.Application, signin.Options{
		Endpoints: endpoints, Clock: c.Clock, Renew: c.Renew,
		Authority: retry.New(traced, signinRetries),
		Machine:   retry.New(signin.Patient(trace.New(machine, tracing)), machineRetries),
	})
	if err != nil {
		return nil, err
	}

	shared := d.shared(account{
		endpoints.BaseURL, strings.ToLower(c.Application.TenantID), strings.ToLower(c.Application.ClientID),
	}, c.Clock)
	priority := c.Priority
	if priority == "" {
		priority = "low"
	}
	governed := shared.Wrap(source.Doer(traced), governor.Options{Priority: priority, OnWait: c.OnWait})
	client, err := graph.New(endpoints.BaseURL, retry.New(governed, retries))
	if err != nil {
		return nil, err
	}
	return &Conn{
		Client: client, Endpoints: endpoints,
		way: way, machine: machine, source: source, quotas: shared, clock: c.Clock,
	}, nil
}

// shared returns the quotas of an account.
func (d *Dialer) shared(a account, c clock.Clock) quotas {
	d.mu.Lock()
	defer d.mu.Unlock()
	known, ok := d.quotas[a]
	if !ok {
		known = quotas{governor.New(c), governor.NewWrites(c)}
		if d.quotas == nil {
			d.quotas = map[account]quotas{}
		}
		d.quotas[a] = known
	}
	return known
}

// SignIn gets a token, if there is none yet, and returns what it says: a check of the
// credentials alone. The claims are nil if the token cannot be read. Errors as
// those of [signin.Source.Token].
func (c *Conn) SignIn(ctx context.Context) (*signin.Claims, error) {
	token, err := c.source.Token(ctx)
	if err != nil {
		return nil, err
	}
	return signin.ReadClaims(token), nil
}

// Probe looks at the way to a host, as [transport.Transport.Probe] does.
func (c *Conn) Probe(ctx context.Context, address string) (transport.Probe, error) {
	return c.way.Probe(ctx, address, c.clock)
}

// Stats returns the figures of all connections that share the quotas of this one.
func (c *Conn) Stats() governor.Stats { return c.quotas.Stats() }

// Writes is the quota of writes, for what sends them; see package batch.
func (c *Conn) Writes() *governor.Writes { return c.quotas.writes }

// Close drops idle network connections. It may be called several times, and a
// request after it makes a new one.
func (c *Conn) Close() {
	c.way.Close()
	c.machine.Close()
}
