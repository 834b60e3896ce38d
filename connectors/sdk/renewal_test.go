package sdk_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"google.golang.org/grpc"

	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// renewer is an exporter that does nothing but to ask for renewals.
type renewer struct {
	mirror
	export func(context.Context, sdk.Connection) error
}

func (r *renewer) Export(ctx context.Context, req sdk.ExportRequest, _ sdk.Sink) error {
	return r.export(ctx, req.Connection)
}

// exportBy runs export behind the boundary, with an agent that renews by renew.
func exportBy(t *testing.T, renew func(context.Context) (sdk.Connection, error), export func(context.Context, sdk.Connection) error) error {
	t.Helper()
	client := dial(t, func(s grpc.ServiceRegistrar) { sdk.Register(s, &renewer{export: export}) })
	return client.Export(t.Context(), sdk.ExportRequest{Connection: sdk.Connection{ID: "c", Renew: renew}}, null{})
}

// Credentials are resolved anew as often as the connector asks, also from several
// goroutines; a renewed connection can be renewed again.
func TestRenew(t *testing.T) {
	var asked int // no lock: the agent is asked by one goroutine
	renew := func(context.Context) (sdk.Connection, error) {
		asked++
		return sdk.Connection{ID: "c", Secrets: map[string]string{"Key": fmt.Sprint(asked)}}, nil
	}
	err := exportBy(t, renew, func(ctx context.Context, c sdk.Connection) error {
		var mu sync.Mutex
		var wg sync.WaitGroup
		seen := map[string]bool{}
		failed := make([]error, 4)
		for i := range failed {
			wg.Go(func() {
				renewed, err := c.Renew(ctx)
				if err == nil {
					renewed, err = renewed.Renew(ctx)
				}
				failed[i] = err
				mu.Lock()
				defer mu.Unlock()
				seen[renewed.Secrets["Key"]] = true
			})
		}
		wg.Wait()
		if len(seen) != len(failed) {
			return fmt.Errorf("got the secrets %v", seen)
		}
		return errors.Join(failed...)
	})
	if err != nil || asked != 8 {
		t.Errorf("asked %d times: %v", asked, err)
	}
}

// Why credentials could not be resolved reaches the connector whole.
func TestRenewFails(t *testing.T) {
	refused := func(context.Context) (sdk.Connection, error) {
		return sdk.Connection{}, fault.Errorf(fault.Unavailable, "the vault is down").WithHint("Wait")
	}
	err := exportBy(t, refused, func(ctx context.Context, c sdk.Connection) error {
		_, err := c.Renew(ctx)
		return err
	})
	if f := fault.Of(err); f == nil || f.Code != fault.Unavailable || f.Message != "the vault is down" || f.Hint != "Wait" {
		t.Errorf("got %v", err)
	}
}

// A connector that gives up waiting ends, though the agent answers late.
func TestRenewIsAbandoned(t *testing.T) {
	answer := make(chan struct{})
	slow := func(context.Context) (sdk.Connection, error) {
		<-answer
		return sdk.Connection{}, nil
	}
	err := exportBy(t, slow, func(ctx context.Context, c sdk.Connection) error {
		ctx, cancel := context.WithCancel(ctx)
		defer close(answer)
		cancel()
		if _, err := c.Renew(ctx); !errors.Is(err, context.Canceled) {
			return fmt.Errorf("got %w", err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// An agent that cannot renew gives back what it has.
func TestRenewWithoutSource(t *testing.T) {
	err := exportBy(t, nil, func(ctx context.Context, c sdk.Connection) error {
		renewed, err := c.Renew(ctx)
		if renewed.ID != "c" {
			return fmt.Errorf("got %+v", renewed)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
