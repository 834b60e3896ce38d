// Package quota meters an application's use of the directory in resource units
// and in writes, as Microsoft Graph's limits for identity and access do.
package quota

import (
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Window is the time over which the limit of resource units counts.
const Window = 10 * time.Second

// WriteWindow is the time over which the limit of writes counts, and Writes the
// documented limit of one application in a tenant.
const (
	WriteWindow = 150 * time.Second
	Writes      = 3000
)

// ForUsers is the documented limit per Window of one application in a tenant
// with so many users.
func ForUsers(users int) int {
	switch {
	case users < 50:
		return 3500
	case users <= 500:
		return 5000
	}
	return 8000
}

// Meter is a token bucket per application. It may be used by many goroutines.
type Meter struct {
	tenantID string
	limit    float64
	window   time.Duration
	writes   bool
	now      func() time.Time

	mu   sync.Mutex
	used map[string]*use
}

type use struct {
	units float64 // that have not leaked out yet
	at    time.Time
}

// New makes a meter that allows limit units in each Window; 0 allows any.
func New(tenantID string, limit int, now func() time.Time) *Meter {
	return &Meter{tenantID: tenantID, limit: float64(limit), window: Window, now: now, used: map[string]*use{}}
}

// ForWrites makes a meter that allows limit writes in each WriteWindow; 0 allows
// any.
func ForWrites(tenantID string, limit int, now func() time.Time) *Meter {
	m := New(tenantID, limit, now)
	m.window, m.writes = WriteWindow, true
	return m
}

// Charge books a request's units or writes. It returns headers for the response,
// and whether the request must be refused.
func (m *Meter) Charge(appID string, units int) (header http.Header, throttled bool) {
	header = http.Header{}
	if !m.writes {
		header["X-Ms-Resource-Unit"] = []string{strconv.Itoa(units)}
	}
	if m.limit == 0 {
		return header, false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	u := m.used[appID]
	if u == nil {
		u = &use{at: now}
		m.used[appID] = u
	}
	rate := m.limit / m.window.Seconds()
	u.units = max(0, u.units-now.Sub(u.at).Seconds()*rate)
	u.at = now
	u.units += float64(units) // refused requests count too
	if share := u.units / m.limit; share > 0.8 {
		header["X-Ms-Throttle-Limit-Percentage"] = []string{strconv.FormatFloat(min(share, 1.8), 'f', 2, 64)}
	}
	if u.units <= m.limit {
		return header, false
	}
	u.units = min(u.units, m.limit*1.2)
	wait := math.Ceil((u.units - m.limit + 1) / rate)
	header["Retry-After"] = []string{strconv.Itoa(int(max(1, wait)))}
	scope, reason := "ReadWrite", "ResourceUnitLimitExceeded"
	if m.writes {
		scope, reason = "Write", "WriteLimitExceeded"
	}
	header["X-Ms-Throttle-Scope"] = []string{"Tenant_Application/" + scope + "/" + appID + "/" + m.tenantID}
	header["X-Ms-Throttle-Information"] = []string{reason}
	return header, true
}
