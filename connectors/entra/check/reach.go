package check

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/usher-iga/usher/connectors/entra/graph/dial"
	"github.com/usher-iga/usher/connectors/entra/graph/signin"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/transport"
)

// Bounds of the difference between our clock and a host's. Entra accepts signatures by a
// clock that is up to 5 minutes off.
const (
	skewWarned = time.Minute
	skewFailed = 5 * time.Minute
)

// Reach looks at the way to each host, side by side, and compares the clocks.
func Reach(ctx context.Context, conn *dial.Conn, a signin.Application) ([]sdk.Finding, error) {
	addresses := []string{conn.Endpoints.Authority, conn.Endpoints.BaseURL}
	if a.ManagedIdentity || hostOf(addresses[0]) == hostOf(addresses[1]) {
		addresses = addresses[1:] // the machine signs in, or one host does both
	}
	reached := make([]sdk.Finding, len(addresses))
	probes := make([]transport.Probe, len(addresses))
	group, ctx := errgroup.WithContext(ctx)
	for i, address := range addresses {
		group.Go(func() error {
			subject := "reach " + hostOf(address)
			var err error
			if probes[i], err = conn.Probe(ctx, address); err != nil {
				reached[i], err = Finding(subject, sdk.Failed, err)
				return err
			}
			reached[i] = ok(subject, "%s", describe(probes[i]))
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if compared, found := compareClocks(addresses, probes); found {
		return slices.Concat(reached, []sdk.Finding{compared}), nil
	}
	return reached, nil
}

func describe(p transport.Probe) string {
	way := "Reached at " + strings.Join(p.Addresses, ", ")
	if p.Proxy != "" {
		way = "Reached through the proxy " + p.Proxy
	}
	return fmt.Sprintf("%s by %s; its certificate, by %s, ends on %s", way, p.TLSVersion, p.Issuer, p.Expires.UTC().Format(time.DateOnly))
}

// compareClocks tells the largest difference, if any host has told its time.
func compareClocks(addresses []string, probes []transport.Probe) (sdk.Finding, bool) {
	largest := -1
	for i, p := range probes {
		if !p.Date.IsZero() && (largest < 0 || p.Skew.Abs() > probes[largest].Skew.Abs()) {
			largest = i
		}
	}
	if largest < 0 {
		return sdk.Finding{}, false
	}
	skew, host := probes[largest].Skew, hostOf(addresses[largest])
	found := ok(clockSubject, "This machine's clock agrees with that of %s", host)
	if skew != 0 {
		direction := "ahead of"
		if skew < 0 {
			direction = "behind"
		}
		found.Message = fmt.Sprintf("This machine's clock is %s %s that of %s", skew.Abs(), direction, host)
	}
	if skew.Abs() >= skewWarned {
		found.State, found.Hint = sdk.Warned, "Have this machine synchronize its clock; from 5 minutes on no certificate can sign in"
	}
	if skew.Abs() >= skewFailed {
		found.State = sdk.Failed
	}
	return found, true
}

// hostOf returns the host of an https address, with a port if it has one.
func hostOf(address string) string {
	host, _, _ := strings.Cut(strings.TrimPrefix(address, "https://"), "/")
	return host
}
