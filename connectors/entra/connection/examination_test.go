package connection

import (
	"context"
	"errors"
	"testing"

	"github.com/usher-iga/usher/connectors/sdk"
)

// What takes too long is a finding; what the caller ended is not.
func TestLimited(t *testing.T) {
	late := func(context.Context) (sdk.Finding, error) { return sdk.Finding{}, context.DeadlineExceeded }
	if found, err := limited(t.Context(), "tenant", late); err != nil || found.State != sdk.Failed || found.Subject != "tenant" || found.Hint == "" {
		t.Errorf("got %+v, %v", found, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := limited(ended, "tenant", late); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("of a caller that gave up: %v", err)
	}
	in := func(context.Context) (sdk.Finding, error) { return sdk.Finding{State: sdk.OK}, nil }
	if found, err := limited(t.Context(), "tenant", in); err != nil || found.State != sdk.OK {
		t.Errorf("in time: %+v, %v", found, err)
	}
}
