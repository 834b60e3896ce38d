// Package retryafter reads the Retry-After header in all forms that Graph and what
// stands before it send.
package retryafter

import (
	"net/http"
	"strconv"
	"time"
)

// longest keeps absurd values from overflowing; nobody waits so long in earnest.
const longest = 24 * time.Hour

// Parse returns how long an answer asks to wait, counted from now: seconds, also
// with decimals, or an HTTP date. Without a usable header, and for a time that has
// passed, it is 0: the caller then chooses.
func Parse(header http.Header, now time.Time) time.Duration {
	text := header.Get("Retry-After")
	if text == "" {
		return 0
	}
	if seconds, err := strconv.ParseFloat(text, 64); err == nil {
		if !(seconds > 0) { // also NaN
			return 0
		}
		return time.Duration(min(seconds, longest.Seconds()) * float64(time.Second))
	}
	if at, err := http.ParseTime(text); err == nil {
		return min(max(at.Sub(now), 0), longest)
	}
	return 0
}
