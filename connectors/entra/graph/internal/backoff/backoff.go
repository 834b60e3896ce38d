// Package backoff has the pauses between tries where the service does not say how long.
package backoff

import "time"

// Pause doubles the first pause with each failure before this one, up to longest. Jitter, in [0,1),
// spreads it from half to one and a half, so that requests that failed together do not come
// back together.
func Pause(first, longest time.Duration, failures int, jitter float64) time.Duration {
	pause := first << min(failures, 16)
	return min(time.Duration(float64(pause)*(0.5+jitter)), longest)
}
