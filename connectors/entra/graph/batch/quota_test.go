package batch_test

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/entra/graph/batch"
)

// metered is a service with the documented quota of writes: refused requests count, too.
type metered struct {
	bind  int  // links of a bound request that cost one write
	mute  bool // does not tell how full the quota is
	never bool // has no quota

	mu   sync.Mutex
	used float64
	at   time.Time

	spent, refused float64 // by requests that were carried out, and by others
}

const (
	limit   = 3000
	rate    = limit / 150.0
	latency = 50 * time.Millisecond
)

func (*metered) Root() string { return "https://graph.example/v1.0/" }

func (m *metered) Send(ctx context.Context, r graph.Request) (graph.Answer, error) {
	answers, err := m.Batch(ctx, []graph.Request{r})
	return answers[0], err
}

func (m *metered) Batch(_ context.Context, requests []graph.Request) (answers []graph.Answer, _ error) {
	time.Sleep(latency)
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range requests {
		answers = append(answers, m.charge(float64(m.cost(r))))
	}
	return answers, nil
}

func (m *metered) cost(r graph.Request) int {
	return max(1, (strings.Count(string(r.Shown()), "directoryObjects")+m.bind-1)/m.bind)
}

func (m *metered) charge(cost float64) graph.Answer {
	m.used = max(0, m.used-time.Since(m.at).Seconds()*rate) + cost
	m.at = time.Now()
	header := http.Header{}
	if m.never {
		m.spent += cost
		return graph.Answer{Status: http.StatusNoContent, Header: header}
	}
	if share := m.used / limit; share >= 0.8 && !m.mute {
		header.Set("x-ms-throttle-limit-percentage", strconv.FormatFloat(min(share, 1.8), 'f', 2, 64))
	}
	if m.used <= limit {
		m.spent += cost
		return graph.Answer{Status: http.StatusNoContent, Header: header}
	}
	m.refused += cost
	m.used = min(m.used, limit*1.2)
	header.Set("Retry-After", strconv.Itoa(int(math.Ceil((m.used-limit+1)/rate))))
	header.Set("x-ms-throttle-information", "WriteLimitExceeded")
	return graph.Answer{Status: http.StatusTooManyRequests, Header: header}
}

func creates(n int) (all []graph.Request) {
	for range n {
		all = append(all, graph.Post("users", []byte("{}")))
	}
	return all
}

func binds(n int) (all []graph.Request) {
	for i := range n {
		group := graph.Object{Set: "groups", ID: fmt.Sprintf("%08d-0000-0000-0000-000000000000", i)}
		all = append(all, graph.Bind("https://graph.example/v1.0/", group, "members", make([]string, 20)))
	}
	return all
}

// timeOf is how long requests take, many side by side, on the clock of the bubble.
func timeOf(t *testing.T, m *metered, requests []graph.Request) time.Duration {
	t.Helper()
	b := batch.New(m, batch.Options{Jitter: func() float64 { return 0.5 }})
	ctx, cancel := context.WithCancel(t.Context())
	var running, all sync.WaitGroup
	running.Go(func() { b.Run(ctx) })
	began := time.Now()
	jobs := make(chan graph.Request)
	for range 400 {
		all.Go(func() {
			for r := range jobs {
				if a, err := b.Do(ctx, r, nil); err != nil || !a.OK() {
					t.Errorf("%+v, %v", a, err)
				}
			}
		})
	}
	for _, r := range requests {
		jobs <- r
	}
	close(jobs)
	all.Wait()
	wall := time.Since(began)
	cancel()
	running.Wait()
	return wall
}

// However the quota stands when a program starts and whatever requests cost, they go out hardly
// slower than it allows. Which answer is heard first is left to chance, and so are some refusals.
func TestQuotaOfWrites(t *testing.T) {
	mixed := creates(2000)
	for i, bind := range binds(500) {
		mixed = append(mixed[:i*5], append([]graph.Request{bind}, mixed[i*5:]...)...)
	}
	for name, tc := range map[string]struct {
		requests []graph.Request
		service  *metered
		most     float64 // of the least that the quota allows
		refused  float64 // writes at most
	}{
		"creates":                    {creates(5000), &metered{bind: 3}, 1.2, 600},
		"binds":                      {binds(900), &metered{bind: 3}, 1.2, 600},
		"a mix":                      {mixed, &metered{bind: 3}, 1.2, 600},
		"creates, used up before":    {creates(2000), &metered{used: limit, bind: 3}, 1.3, 400},
		"binds, used up before":      {binds(300), &metered{used: limit, bind: 3}, 1.5, 800},
		"a mix, nearly used up":      {mixed, &metered{used: 0.85 * limit, bind: 3}, 1.3, 600},
		"binds, partly used up":      {binds(480), &metered{used: 480, bind: 3}, 1.7, 800},
		"binds that cost thrice":     {binds(480), &metered{bind: 1}, 2, 6000},
		"dear binds, used up before": {binds(300), &metered{used: limit, bind: 1}, 2, 4000},
		"creates, no levels told":    {creates(5000), &metered{bind: 3, mute: true}, 1.2, 600},
		"binds, no levels told":      {binds(900), &metered{bind: 3, mute: true}, 1.3, 2000},
		"binds that cost little":     {binds(5000), &metered{bind: 20}, 1.8, 400},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, before := tc.service, tc.service.used
				m.at = time.Now()
				wall := timeOf(t, m, tc.requests)
				least := (m.spent + before - limit) / rate
				ratio := wall.Seconds() / least
				t.Logf("%.0f writes in %s, %.2f of the least; %.0f refused", m.spent, wall.Round(time.Second), ratio, m.refused)
				if ratio > tc.most || m.refused > tc.refused {
					t.Errorf("%.2f of the least, %.0f writes were refused", ratio, m.refused)
				}
			})
		})
	}
}

// Where there is no quota nothing waits for one, whatever we count.
func TestWithoutAQuota(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if wall := timeOf(t, &metered{never: true, bind: 3}, binds(2000)); wall > 5*time.Second {
			t.Errorf("2,000 binds took %s", wall)
		}
	})
}
