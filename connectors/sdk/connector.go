// Package sdk is what a connector author imports.
//
// A connector is a program that speaks one system's protocol for the Usher agent:
// how to sign in, page, read changes, and what its errors mean. It holds no state
// between calls and can be killed at any time; files, credentials, cookies and
// schedules are the agent's. Its main function is one line:
//
//	func main() { sdk.Serve(myexport.New()) }
//
// The package conformance tests a connector against this contract.
package sdk

import (
	"context"
	"time"

	"github.com/usher-iga/usher/connectors/sdk/record"
)

// Connector is what every connector offers. Its methods may be called at any time
// and side by side.
type Connector interface {
	// Describe tells what the connector is and what it can do. It sends nothing
	// and never fails.
	Describe() Description

	// Check examines a connection and what an export would ask for, as far as
	// req.Extent says. What is wrong is a finding; an error means that the check
	// itself could not be made.
	Check(ctx context.Context, req CheckRequest) (CheckReport, error)
}

// Exporter is a Connector that can export.
type Exporter interface {
	Connector

	// Export reads every collection of req and gives what it finds to sink. It
	// returns nil only after the End of each of them. Before anything is sent to
	// the system it refuses, as [fault.Invalid], a setting that is wrong and an
	// entity, navigation or attribute that it cannot deliver.
	//
	// Errors are faults (see package fault). The agent may call it again with the
	// same request at any time. Errors of sink end the export and are returned as
	// they are.
	Export(ctx context.Context, req ExportRequest, sink Sink) error
}

// Description says what a connector is.
type Description struct {
	Name     string // as the program file is named, such as "entra-export"
	Version  string
	Title    string // for people
	Settings []Setting
	Entities []Entity
}

// Entity returns the entity of that name, or nil.
func (d Description) Entity(name string) *Entity {
	for i := range d.Entities {
		if d.Entities[i].Name == name {
			return &d.Entities[i]
		}
	}
	return nil
}

// Kind is the kind of a setting's value.
type Kind string

// The kinds of settings.
const (
	Text   Kind = "text"
	GUID   Kind = "guid"
	URL    Kind = "url"
	File   Kind = "file" // reaches the connector as an absolute path
	Bool   Kind = "bool" // "true" or "false"
	Choice Kind = "choice"
)

// Setting describes one key of a connection that the connector reads. The agent
// checks values against it and names the file and line of a wrong one.
type Setting struct {
	Name     string
	Kind     Kind
	Secret   bool
	Required bool
	Default  string
	Choices  []string // for Choice
	Help     string   // one line for the admin
}

// Entity is one kind of object that a connector can export, with the navigations
// that it can deliver.
type Entity struct {
	Name        string
	Navigations []string
}

// Connection is the resolved connection that a call works on.
type Connection struct {
	ID       string
	Settings map[string]string // by Setting.Name, secrets excluded
	Secrets  map[string]string // by Setting.Name; never log one
	Network  Network

	// Renew resolves the connection anew, for a connector whose system has refused
	// its credentials during an export: they may have been replaced since. What it returns
	// may be unchanged. Calls wait for each other; errors are faults. It is nil where
	// the caller tries again itself, as in a Check.
	Renew func(ctx context.Context) (Connection, error)

	// LastWrite is when an earlier call of Fulfill last wrote to the system, or may have; zero:
	// never. Where what was written is seen late, "it is not there" is no answer for some time from
	// then on. It is set for Fulfill alone.
	LastWrite time.Time
}

// Network is the way out of the company's network.
type Network struct {
	Proxy               string   // URL, may hold user and password; empty: direct
	NoProxy             []string // hosts and .suffixes reached directly
	TrustedCertificates []byte   // PEM, added to the system's roots
}

// Collection asks for all objects of one entity, and for links by navigations.
type Collection struct {
	Entity      string
	Navigations []string
	Cookie      string // of an earlier End; empty: everything
}

// Attribute asks for one value of each object: a property, or a path into one such
// as "employeeOrgData/costCenter".
type Attribute struct {
	Path     string
	Entities []string // only of these; empty: of all that have it
}

// ExportRequest asks for an export. Collections, and the navigations of a
// collection, and attributes are referred to by their positions.
type ExportRequest struct {
	Connection  Connection
	Collections []Collection
	Attributes  []Attribute
}

// Extent says how far a check goes.
type Extent string

// The extents of a check, each with what those before it do.
const (
	Offline     Extent = "offline"     // look at the settings only, send nothing
	Credentials Extent = "credentials" // sign in, and look at when credentials end
	Full        Extent = "full"        // reach, clock, tenant, permissions and a page of each collection
)

// CheckRequest asks for a check.
type CheckRequest struct {
	Connection  Connection
	Extent      Extent
	Collections []Collection
	Attributes  []Attribute
}

// CheckReport is what a check found.
type CheckReport struct {
	Findings []Finding
	// Permissions are what the system has to grant for what is asked for; without a
	// sign-in nobody knows whether they are granted.
	Permissions []Permission
	// ConsentURL is the page on which an admin of the system grants them; empty if
	// there is none.
	ConsentURL string
}

// Permission is one right that a feature needs.
type Permission struct {
	Name      string // the least one that suffices, such as "User.Read.All"
	ID        string // the system's id of it
	Purpose   string // what needs it, such as "export of user"
	Grant     Grant
	GrantedBy string   // the wider permission that grants it, if not itself
	Instead   []string // wider permissions that would do, too

	// Optional says that only some of what the connection may be used for needs it, such as
	// orders that may never come: without it the connection is sound.
	Optional bool
}

// Grant says whether a permission is granted.
type Grant string

// Whether a permission is granted.
const (
	Unknown Grant = ""
	Granted Grant = "granted"
	Missing Grant = "missing"
)

// FindingState says how bad a finding is.
type FindingState string

// The states of a finding.
const (
	OK     FindingState = "ok"
	Warned FindingState = "warning"
	Failed FindingState = "failed"
)

// Finding is one examined thing.
type Finding struct {
	State   FindingState
	Subject string // what was examined, such as "sign-in"
	Message string
	Hint    string // what to do next
	Setting string // the Setting.Name or the Attribute.Path it is about
	// Ends is when what the finding is about ends, such as a client secret; zero if
	// that is not known, or never.
	Ends time.Time
}

// Sink takes what an export finds. Its methods may be called from several
// goroutines; those of one Writer from one at a time.
type Sink interface {
	// Begin starts a collection. A further Begin for it voids all that was written
	// for it before, with the reason in the run's report; its earlier Writer must
	// not be used any more. complete says that a complete list follows, not the
	// changes since the cookie.
	Begin(collection int, complete bool, reason string) (Writer, error)

	// Progress is a sign of life. Send one with each page and before each wait: the
	// agent takes a longer silence for a hang.
	Progress(p Progress) error

	// Warn tells something in the report of the run without failing it.
	Warn(w Warning) error
}

// Writer takes the rows of one collection in the order in which they were found:
// where two contradict each other, the later one holds. Rows may be reused after
// the call. Every error ends the export: return it as it is.
type Writer interface {
	Object(o *record.Object) error
	Links(l *record.Links) error

	// End finishes the collection. The cookie, if any, brings next time what
	// changed from here on. Nothing may be written afterwards.
	End(cookie string) error
}

// Progress holds figures since the start of the call.
type Progress struct {
	Requests      uint64
	ResourceUnits uint64
	ThrottledMS   uint64   // time spent waiting because the system asked for it
	WaitingMS     uint64   // nothing will come for this long, for the reason given
	Reason        string   //
	Pages         []uint64 // by collection
}

// Warning is told in the report of a run.
type Warning struct {
	Message string
	Hint    string
}
