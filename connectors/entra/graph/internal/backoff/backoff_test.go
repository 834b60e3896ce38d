package backoff_test

import (
	"testing"
	"time"

	"github.com/usher-iga/usher/connectors/entra/graph/internal/backoff"
)

func TestPause(t *testing.T) {
	for _, tc := range []struct {
		failures int
		jitter   float64
		want     time.Duration
	}{
		{0, 0.5, time.Second}, {1, 0.5, 2 * time.Second}, {5, 0.5, 30 * time.Second}, {1 << 30, 0.5, 30 * time.Second},
		{0, 0, 500 * time.Millisecond}, {1, 0, time.Second}, {2, 0.75, 5 * time.Second}, {4, 0.75, 20 * time.Second},
	} {
		if got := backoff.Pause(time.Second, 30*time.Second, tc.failures, tc.jitter); got.Round(time.Second) != tc.want.Round(time.Second) {
			t.Errorf("%d failures, jitter %v: %s, want %s", tc.failures, tc.jitter, got, tc.want)
		}
	}
}
