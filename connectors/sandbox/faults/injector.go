package faults

import (
	"context"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Injector decides which request meets which fault. It may be used by many
// goroutines.
type Injector struct {
	seed  uint64
	now   func() time.Time
	write ErrorWriter

	mu       sync.Mutex
	settings Settings
	queue    []*Once
	serial   uint64
	given    map[string]int
}

// ErrorWriter writes an error response in the form of the service that fails.
type ErrorWriter func(w http.ResponseWriter, r *http.Request, status int, code, message string)

// New makes an injector. The settings must be valid.
func New(seed uint64, settings Settings, now func() time.Time, write ErrorWriter) *Injector {
	return &Injector{seed: seed, now: now, write: write, settings: settings, given: map[string]int{}}
}

// Set replaces the settings and forgets the faults that wait for a request.
func (i *Injector) Set(s Settings) error {
	if err := s.Validate(); err != nil {
		return err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.settings, i.queue = s, nil
	return nil
}

// Settings returns what is set.
func (i *Injector) Settings() Settings {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.settings
}

// Add lets the next requests that fit meet a fault.
func (i *Injector) Add(o Once) error {
	if err := o.Validate(); err != nil {
		return err
	}
	if o.Times == 0 {
		o.Times = 1
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.queue = append(i.queue, &o)
	return nil
}

// Given counts the faults given since the last reset, by name.
func (i *Injector) Given() map[string]int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return maps.Clone(i.given)
}

// ResetCounts sets the counts of Given to nothing.
func (i *Injector) ResetCounts() {
	i.mu.Lock()
	defer i.mu.Unlock()
	clear(i.given)
}

// Missing says whether a permission is treated as not consented to.
func (i *Injector) Missing(permission string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Contains(i.settings.MissingPermissions, permission)
}

// Expire says whether the token of this request, of this age, is to be too old,
// and in which form; an empty form leaves that open.
func (i *Injector) Expire(path string, deltaToken bool, age time.Duration) (form string, ok bool) {
	want := ExpirePage
	if deltaToken {
		want = ExpireDelta
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	o := i.take(path, func(fault string) bool { return fault == want })
	life := time.Duration(i.settings.DeltaTokenLife)
	switch {
	case o != nil:
		form = o.Form
	case deltaToken && life > 0 && age > life:
		form = i.settings.DeltaTokenForm
	default:
		return "", false
	}
	i.given[want]++
	return form, true
}

// take finds the first waiting fault that fits and uses it up. It is called
// with the lock held.
func (i *Injector) take(path string, fits func(fault string) bool) *Once {
	for n, o := range i.queue {
		if !fits(o.Fault) || !within(path, o.Path) || o.Entity != "" && !below(path, o.Entity) {
			continue
		}
		if o.Skip > 0 {
			o.Skip--
			continue
		}
		switch {
		case o.Times > 1:
			o.Times--
		case o.Times == 1:
			i.queue = slices.Delete(i.queue, n, n+1)
		}
		return o
	}
	return nil
}

// within says whether a path contains a part, in either case of letters.
func within(path, part string) bool {
	return strings.Contains(strings.ToLower(path), strings.ToLower(part))
}

// below says whether a path leads through a collection.
func below(path, collection string) bool {
	for segment := range strings.SplitSeq(path, "/") {
		if strings.EqualFold(segment, collection) {
			return true
		}
	}
	return false
}

// choice is the fault of one request, empty for none.
type choice struct {
	fault      string
	retryAfter string
	slowBody   time.Duration
}

// choose is the fault of the next request and the latency of its answer. Over a
// sick connection nothing but StickyUnavailable comes.
func (i *Injector) choose(path string, sick bool) (choice, time.Duration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	s := &i.settings
	i.serial++
	c := choice{slowBody: time.Duration(s.SlowBody)}
	if c.slowBody == 0 {
		c.slowBody = 200 * time.Millisecond
	}
	h := scatter(i.seed ^ i.serial*0x9e3779b97f4a7c15)
	if sick {
		c.fault = StickyUnavailable
	} else if o := i.take(path, func(fault string) bool { return fault != ExpirePage && fault != ExpireDelta }); o != nil {
		c.fault, c.retryAfter = o.Fault, o.RetryAfter
	} else if within(path, s.Path) {
		c.fault = drawn(s.Rates, h)
	}
	i.give(&c, h)
	return c, time.Duration(s.Latency)
}

// chooseInner is choose for a request in a batch.
func (i *Injector) chooseInner(path string) choice {
	i.mu.Lock()
	defer i.mu.Unlock()
	var c choice
	if len(i.settings.BatchRates) == 0 || !within(path, i.settings.Path) {
		return c
	}
	i.serial++
	h := scatter(i.seed ^ i.serial*0x9e3779b97f4a7c15)
	c.fault = drawn(i.settings.BatchRates, h)
	i.give(&c, h)
	return c
}

// drawn is the fault that h draws by rates, empty for none.
func drawn(rates map[string]float64, h uint64) string {
	draw := float64(h>>11) / (1 << 53)
	for _, name := range sortedNames(rates) {
		if draw < rates[name] {
			return name
		}
		draw -= rates[name]
	}
	return ""
}

// give completes a choice and counts it. It is called with the lock held.
func (i *Injector) give(c *choice, h uint64) {
	if c.retryAfter == "" {
		c.retryAfter = "0.02"
		if n := uint64(len(i.settings.RetryAfter)); n > 0 {
			c.retryAfter = i.settings.RetryAfter[scatter(h)%n]
		}
	}
	if c.fault != "" {
		i.given[c.fault]++
	}
}

func scatter(z uint64) uint64 {
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}

// connection is what the injector remembers of a client's connection.
type connection struct {
	net.Conn
	sick atomic.Bool
}

type connectionKey struct{}

// WithConn is the ConnContext of the server that the injector works in.
func WithConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connectionKey{}, &connection{Conn: c})
}

func connectionOf(r *http.Request) *connection {
	c, _ := r.Context().Value(connectionKey{}).(*connection)
	return c
}
