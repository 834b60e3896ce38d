package export

import (
	"time"

	"github.com/usher-iga/usher/agent/export/publish"
	"github.com/usher-iga/usher/agent/store"
	"github.com/usher-iga/usher/connectors/sdk"
)

// Report tells what a run did. That of a failed run holds what was known when it
// failed.
type Report struct {
	Connection string
	Run        string
	Mode       publish.Mode
	Why        string // a complete run was made though something is known; empty: it was asked for, or nothing was known
	Started    time.Time
	Finished   time.Time
	Published  bool
	Manifest   string // path
	Entities   []publish.Entity
	Counts     []store.Count
	Files      []publish.File

	Requests      uint64
	ResourceUnits uint64
	Throttled     time.Duration // waited because the system asked for it
	Spooled       uint64        // bytes of temporary files

	Restarts []Restart
	Renewed  []store.Renewal
	Warnings []sdk.Warning

	// Cookies are what the connector returned, by collection. They are secrets.
	Cookies []string `json:"-"`
}

// Restart is a collection that began again.
type Restart struct {
	Entity string
	Reason string
}
