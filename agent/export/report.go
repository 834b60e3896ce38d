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
	Why        string // everything was exported though nobody asked for it and this is not the first run; else empty
	Started    time.Time
	Finished   time.Time
	Published  bool
	Discarded  string // run that was held before and is replaced by this one
	Manifest   string // path
	Entities   []publish.Entity
	Counts     []store.Count
	Files      []publish.File

	Requests      uint64
	ResourceUnits uint64
	Throttled     time.Duration // waited because the system asked for it
	Spooled       uint64        // bytes of temporary files

	Restarts []store.Restart // entities that were listed again
	Warnings []sdk.Warning
}
