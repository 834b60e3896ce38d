// Package faults makes a server fail on request: refusals, lost connections,
// bodies cut short, answers that never come. Which request fails follows from
// a seed and the request's number.
package faults

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"
	"time"
)

// The faults that a request can meet.
const (
	Throttle          = "throttle"          // 429
	Unavailable       = "unavailable"       // 503
	StickyUnavailable = "stickyUnavailable" // 503 to all that comes over this connection
	GatewayTimeout    = "gatewayTimeout"    // 504
	Reset             = "reset"             // the connection is reset before an answer
	Truncate          = "truncate"          // the body ends before its Content-Length
	TruncateChunked   = "truncateChunked"   // the body ends inside a chunk
	Slow              = "slow"              // the body comes in pieces
	LostAnswer        = "lostAnswer"        // the request is done, and its answer lost with the connection
	Hang              = "hang"              // no answer until the client gives up
	ExpirePage        = "expirePage"        // the $skiptoken is too old; only on request
	ExpireDelta       = "expireDelta"       // the $deltatoken is too old; only on request
)

// usual are the faults that a plain fault rate spreads over.
var usual = []string{Throttle, Unavailable, StickyUnavailable, GatewayTimeout, Reset, Truncate, TruncateChunked}

// forms are the ways to say that a token is too old; empty is the usual one.
var forms = []string{"", "gone", "syncStateNotFound", "resyncRequired", "deltaLink", "expiredPageToken"}

// random are all faults that can have a rate.
func random() []string { return append(slices.Clone(usual), LostAnswer, Slow, Hang) }

// Settings says what goes wrong.
type Settings struct {
	// Rates is the share of requests, from 0 to 1, that meets each fault.
	Rates map[string]float64 `json:"rates,omitempty"`
	// BatchRates is the same for each request in a $batch, of throttle and unavailable.
	BatchRates map[string]float64 `json:"batchRates,omitempty"`
	// Path confines the rates to requests whose path contains it.
	Path string `json:"path,omitempty"`
	// RetryAfter are the values that the header takes in turn: seconds such as
	// "1" or "0.05", "date" for a HTTP date one second ahead, "none" for no
	// header. None given is "0.02".
	RetryAfter []string `json:"retryAfter,omitempty"`
	// Latency is the time that every answer takes, such as "50ms".
	Latency Duration `json:"latency,omitempty"`
	// SlowBody is how long a body takes that is slow; 0 is 200 ms.
	SlowBody Duration `json:"slowBody,omitempty"`
	// MissingPermissions are treated as not consented to.
	MissingPermissions []string `json:"missingPermissions,omitempty"`

	// Replays is how many changes that a client has been told already come
	// again in each round of a delta query.
	Replays int `json:"replays,omitempty"`
	// Duplicates is the share of changed objects, from 0 to 1, that come twice
	// in a round, in an older state on an earlier page.
	Duplicates float64 `json:"duplicates,omitempty"`
	// Minimal is the share of changed objects, from 0 to 1, that come with what has
	// changed alone, which is all that the documentation promises.
	Minimal float64 `json:"minimal,omitempty"`
	// ReplicationDelay is how long reads do not see a change.
	ReplicationDelay Duration `json:"replicationDelay,omitempty"`
	// ReplicationCalls is for how many further delta requests they do not.
	ReplicationCalls int `json:"replicationCalls,omitempty"`
	// DeltaTokenLife is how long a $deltatoken is good; 0 is the documented time.
	DeltaTokenLife Duration `json:"deltaTokenLife,omitempty"`
	// DeltaTokenForm is the words in which it is too old then, as in Once.
	DeltaTokenForm string `json:"deltaTokenForm,omitempty"`
	// PurgeTellsLinks makes the links to an object that is purged come as
	// removed; else they are gone without a word.
	PurgeTellsLinks bool `json:"purgeTellsLinks,omitempty"`
}

// Once is a fault for the next requests that fit.
type Once struct {
	Fault string `json:"fault"`
	// Path fits requests whose path contains it; empty fits all.
	Path string `json:"path,omitempty"`
	// Entity fits requests below the collection of this name, such as users;
	// empty fits all.
	Entity string `json:"entity,omitempty"`
	// Skip lets so many fitting requests pass first.
	Skip int `json:"skip,omitempty"`
	// Times is how many requests meet the fault; 0 is 1, negative is all until
	// the settings are replaced.
	Times int `json:"times,omitempty"`
	// Form is the words in which a token is too old, see the README.
	Form string `json:"form,omitempty"`
	// RetryAfter is like one of Settings.
	RetryAfter string `json:"retryAfter,omitempty"`
}

// Spread returns the rates for a plain fault rate.
func Spread(rate float64) map[string]float64 {
	rates := map[string]float64{}
	if rate > 0 {
		for _, fault := range usual {
			rates[fault] = rate / float64(len(usual))
		}
	}
	return rates
}

// Validate returns an error that names the first value that cannot be.
func (s *Settings) Validate() error {
	if err := checkRates(s.Rates, random()); err != nil {
		return err
	}
	if err := checkRates(s.BatchRates, []string{Throttle, Unavailable}); err != nil {
		return fmt.Errorf("in a batch: %w", err)
	}
	for _, form := range s.RetryAfter {
		if err := checkRetryAfter(form); err != nil {
			return err
		}
	}
	if s.Duplicates < 0 || s.Duplicates > 1 {
		return fmt.Errorf("the share of duplicates is %v; it must lie between 0 and 1", s.Duplicates)
	}
	if s.Minimal < 0 || s.Minimal > 1 {
		return fmt.Errorf("the share of minimal changes is %v; it must lie between 0 and 1", s.Minimal)
	}
	if s.Replays < 0 || s.ReplicationCalls < 0 || s.ReplicationDelay < 0 || s.DeltaTokenLife < 0 {
		return errors.New("replays, replicationCalls, replicationDelay and deltaTokenLife cannot be negative")
	}
	return checkForm(s.DeltaTokenForm)
}

func checkForm(form string) error {
	if !slices.Contains(forms, form) {
		return fmt.Errorf("there is no form %q of a token that is too old; there are %s", form, strings.Join(forms[1:], ", "))
	}
	return nil
}

func checkRetryAfter(form string) error {
	if form == "" || form == "date" || form == "none" {
		return nil
	}
	var seconds float64
	if _, err := fmt.Sscanf(form, "%g", &seconds); err != nil || seconds < 0 {
		return fmt.Errorf("the value %q for Retry-After is neither seconds nor date nor none", form)
	}
	return nil
}

func checkRates(rates map[string]float64, known []string) error {
	sum := 0.0
	for _, fault := range sortedNames(rates) {
		rate := rates[fault]
		if !slices.Contains(known, fault) {
			return fmt.Errorf("there is no random fault %q; there are %s", fault, strings.Join(known, ", "))
		}
		if rate < 0 || rate > 1 {
			return fmt.Errorf("the rate of %s is %v; it must lie between 0 and 1", fault, rate)
		}
		sum += rate
	}
	if sum > 1.000001 {
		return fmt.Errorf("the rates add up to %v, more than 1", sum)
	}
	return nil
}

// Validate returns an error that names the first value that cannot be.
func (o *Once) Validate() error {
	if known := append(random(), ExpirePage, ExpireDelta); !slices.Contains(known, o.Fault) {
		return fmt.Errorf("there is no fault %q; there are %s", o.Fault, strings.Join(known, ", "))
	}
	if err := checkForm(o.Form); err != nil {
		return err
	}
	return checkRetryAfter(o.RetryAfter)
}

// Decode reads JSON and refuses keys that it does not know.
func Decode(r io.Reader, into any) error {
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("the body is no such JSON: %w", err)
	}
	return nil
}

// Duration is a time.Duration that stands in JSON as a text such as "50ms".
type Duration time.Duration

// MarshalText writes the duration as time.Duration does.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads what time.ParseDuration reads.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = Duration(parsed)
	return err
}

func sortedNames(rates map[string]float64) []string {
	names := make([]string, 0, len(rates))
	for name := range rates {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
