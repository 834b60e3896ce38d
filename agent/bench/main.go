// Command bench measures `usher export` against a program that only fetches and
// discards the same pages, in the same run and against the same simulated tenant,
// and prints the ratios, what exports of changes take, and `usher fulfill` against one
// request an order. It fails if a figure misses its bound; the bounds are meant for
// scale 1.
//
//	make bench                       # everything, about five minutes
//	make bench BENCH=-orders         # orders alone
//	make bench BENCH="-scale 0.1"    # a tenth of the size
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/usher-iga/usher/agent/trial"
)

// The sizes at scale 1.
const (
	users       = 200_000
	groups      = 20_000
	memberships = 2_000_000

	latency = 50 * time.Millisecond
)

// The bounds.
const (
	mostFetches  = 3    // wall time of an export, in those of a bare download
	mostChains   = 1.05 // wall time, in pages of the longest chain times latency
	mostMemory   = 96   // MiB of agent and connector
	mostGrowth   = 1.10 // memory at five times the tenant, in that at one,
	bytesPerMore = 24   // and so many bytes for each object more
)

// columns are the 15 attributes of the export.
func columns() []string {
	return []string{
		"id", "accountEnabled", "city", "companyName", "createdDateTime", "department", "displayName", "employeeId",
		"givenName", "jobTitle", "mail", "proxyAddresses", "surname", "userPrincipalName", "userType",
	}
}

func main() {
	scale := flag.Float64("scale", 1, "size of the tenant, 1 for 200,000 users and 2,000,000 memberships")
	rounds := flag.Int("rounds", 3, "measurements of each kind; the fastest counts")
	onlyOrders := flag.Bool("orders", false, "measure part 5 alone: orders")
	onlyChanges := flag.Bool("changes", false, "measure part 4 alone: exports of changes")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *scale, *rounds, *onlyChanges, *onlyOrders)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, scale float64, rounds int, onlyChanges, onlyOrders bool) error {
	programs, err := trial.FindPrograms("bin")
	if err != nil {
		return err
	}
	b := &bounds{}
	switch {
	case onlyChanges:
		return errors.Join(changes(ctx, programs, b, scale), b.err())
	case onlyOrders:
		return errors.Join(orders(ctx, programs, b, scale), b.err())
	}
	base, err := throughput(ctx, programs, b, scale, rounds)
	if err != nil {
		return err
	}
	if err := slowNetwork(ctx, programs, b, scale); err != nil {
		return err
	}
	if err := fiveTimes(ctx, programs, b, scale, base); err != nil {
		return err
	}
	if err := changes(ctx, programs, b, scale); err != nil {
		return err
	}
	if err := orders(ctx, programs, b, scale); err != nil {
		return err
	}
	return b.err()
}

// tenant returns the flags of a sandbox without quota and compression: the work
// that is measured is the export's, not gzip's.
func tenant(users, groups, memberships float64, more ...string) []string {
	number := func(f float64) string { return strconv.Itoa(max(1, int(f))) }
	return append([]string{
		"--users", number(users), "--groups", number(groups), "--memberships", number(memberships),
		"--quota", "0", "--gzip=false",
	}, more...)
}

// throughput compares the export of the whole tenant with a bare download.
func throughput(ctx context.Context, programs trial.Programs, b *bounds, scale float64, rounds int) (exported, error) {
	fmt.Printf("1. %.0f users x %d attributes, %.0f groups, %.0f memberships, no latency\n",
		users*scale, len(columns()), groups*scale, memberships*scale)
	s, err := start(ctx, programs, tenant(users*scale, groups*scale, memberships*scale))
	if err != nil {
		return exported{}, err
	}
	defer s.stop()
	var best exported
	var floor fetched
	for i := range rounds {
		f, err := s.fetch(ctx)
		if err != nil {
			return exported{}, err
		}
		e, err := s.complete(ctx)
		if err != nil {
			return exported{}, err
		}
		fmt.Printf("   round %d: fetch only %5.2f s, export %5.2f s\n", i+1, f.wall.Seconds(), e.wall.Seconds())
		if i == 0 || f.wall < floor.wall {
			floor = f
		}
		if i == 0 || e.wall < best.wall {
			best = e
		}
	}
	tell("pages", "%d, %.1f MB, longest chain %d", floor.pages, float64(floor.bytes)/1e6, floor.longest)
	b.atMost("export / fetch", best.wall.Seconds()/floor.wall.Seconds(), mostFetches, "", "(goal 2)")
	tell("speed", "%s, %.1f s of CPU", best.speed(), best.cpu.Seconds())
	b.memory(best.took, mostMemory)
	fmt.Println()
	return best, nil
}

// slowNetwork shows that at a real network's latency nothing is added to the longest
// chain of pages. The tenant is smaller, because latency makes the run long.
func slowNetwork(ctx context.Context, programs trial.Programs, b *bounds, scale float64) error {
	fmt.Printf("2. a tenth of the tenant of 1, %v latency\n", latency)
	s, err := start(ctx, programs, tenant(users*scale/10, groups*scale/10, memberships*scale/10, "--latency", latency.String()))
	if err != nil {
		return err
	}
	defer s.stop()
	f, err := s.fetch(ctx)
	if err != nil {
		return err
	}
	e, err := s.complete(ctx)
	if err != nil {
		return err
	}
	chain := time.Duration(f.longest) * latency
	tell("longest chain", "%d pages x %v = %.2f s", f.longest, latency, chain.Seconds())
	tell("fetch only", "%.2f s", f.wall.Seconds())
	tell("export", "%.2f s in all, %.2f s of it from the start to the last page", e.wall.Seconds(), e.reading.Seconds())
	b.atMost("export / chain", e.wall.Seconds()/chain.Seconds(), mostChains, "", fmt.Sprintf("(%.3f to the last page)", e.reading.Seconds()/chain.Seconds()))
	fmt.Println()
	return nil
}

// fiveTimes shows that memory does not grow with the tenant.
func fiveTimes(ctx context.Context, programs trial.Programs, b *bounds, scale float64, base exported) error {
	fmt.Printf("3. five times the tenant of 1\n")
	s, err := start(ctx, programs, tenant(5*users*scale, 5*groups*scale, 5*memberships*scale))
	if err != nil {
		return err
	}
	defer s.stop()
	e, err := s.complete(ctx)
	if err != nil {
		return err
	}
	tell("export", "%.2f s, %s", e.wall.Seconds(), e.speed())
	more := float64(e.objects-base.objects) * bytesPerMore / (1 << 20)
	tell("bound of memory", "%.1f MiB x %.2f + %d bytes for each of %d objects more", base.memory(), mostGrowth, bytesPerMore, e.objects-base.objects)
	b.memory(e.took, base.memory()*mostGrowth+more)
	return nil
}
