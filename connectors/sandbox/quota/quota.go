// Package quota meters an application's use of the directory in resource
// units, as Microsoft Graph's limits for identity and access do.
package quota

import (
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Window is the time over which the limit counts.
const Window = 10 * time.Second

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
	return &Meter{tenantID: tenantID, limit: float64(limit), now: now, used: map[string]*use{}}
}

// Charge books a request's units. It returns headers for the response, and
// whether the request must be refused.
func (m *Meter) Charge(appID string, units int) (header http.Header, throttled bool) {
	header = http.Header{"X-Ms-Resource-Unit": {strconv.Itoa(units)}}
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
	rate := m.limit / Window.Seconds()
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
	header["X-Ms-Throttle-Scope"] = []string{"Tenant_Application/ReadWrite/" + appID + "/" + m.tenantID}
	header["X-Ms-Throttle-Information"] = []string{"ResourceUnitLimitExceeded"}
	return header, true
}
