package store_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/usher-iga/usher/agent/store"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// step is one way to change a store that holds a run: what it does and what the model
// says afterwards.
type step struct {
	do    func(s *store.Store) error
	after func(m model) model
}

func steps() map[string]step {
	n := news{
		replaced: map[string]content{"b/c": {"n": "1"}},
		changed:  map[string]content{"a": {"000-key": "x", "h": "-", "z": "1"}},
		cookies:  map[string]string{"user": "3"},
	}
	large := n
	large.changed = map[string]content{"a": {}}
	for i := range 2000 {
		large.changed["a"][fmt.Sprintf("%04d", i)] = "large"
	}
	ctx := context.Background()
	prepared := func(n news, end func(c *store.Commit) error) func(s *store.Store) error {
		return func(s *store.Store) error {
			c, err := s.Begin("next")
			if err != nil {
				return err
			}
			return errors.Join(n.prepare(c), end(c), c.Discard())
		}
	}
	finish := func(c *store.Commit) error { return c.Finish(ctx) }
	hold := func(c *store.Commit) error { return c.Hold(ctx) }
	same := func(m model) model { return m }
	heldRun := news{changed: map[string]content{"a": {"h": ""}}}
	return map[string]step{
		"finish":  {prepared(n, finish), n.applied},
		"merge":   {prepared(large, finish), large.applied},
		"hold":    {prepared(n, hold), same},
		"release": {func(s *store.Store) error { return s.Release(ctx, "held") }, heldRun.applied},
		"discard": {func(s *store.Store) error { return s.Discard("held") }, same},
		"compact": {func(s *store.Store) error { return s.Compact(ctx) }, same},
	}
}

// Cut off at any step, a store is what it was before or what it should become. A
// crash is a copy of the disk as it is at that step.
func TestCutOff(t *testing.T) {
	for name, st := range steps() {
		t.Run(name, func(t *testing.T) {
			folder, before := full(t)
			after := st.after(before)
			var copies []string
			o := options(folder)
			o.Cut = func(name string) error {
				copied := filepath.Join(t.TempDir(), strings.ReplaceAll(name, "/", "-"))
				copies = append(copies, copied)
				return os.CopyFS(copied, os.DirFS(folder))
			}
			s := open(t, o)
			if err := st.do(s); err != nil {
				t.Fatal(err)
			}
			after.is(t, s)
			shut(t, s)
			for _, copied := range copies {
				s := open(t, options(copied))
				m := before
				committed := strings.HasPrefix(filepath.Base(copied), "delete")
				if committed {
					m = after
				}
				m.is(t, s)
				tidy(t, s, copied)
				if err := st.do(s); err != nil && (!committed || !fault.Is(err, fault.NotFound)) {
					t.Errorf("again after %s: %v", filepath.Base(copied), err)
				}
				shut(t, s)
			}
			if len(copies) < 2 && name != "discard" {
				t.Errorf("cut off at %v only", copies)
			}
		})
	}
}

// A store that is cut off while it is made is made anew.
func TestCutOffAtFirst(t *testing.T) {
	folder := t.TempDir()
	for cut := 1; ; cut++ {
		o, n := options(folder), 0
		o.Cut = func(string) error {
			if n++; n == cut {
				return errCut
			}
			return nil
		}
		s, err := store.Open(context.Background(), o)
		if err == nil {
			shut(t, s)
			if cut != 3 {
				t.Errorf("%d steps", cut-1)
			}
			return
		}
		if !errors.Is(err, errCut) {
			t.Fatal(err)
		}
	}
}

// crashFolder is where the process works that TestKilled kills.
const crashFolder = "USHER_TEST_STORE"

// nth is the n-th commit of that process; each leaves a model that the number tells.
func nth(n int) news {
	if n%10 == 0 {
		return news{replaced: map[string]content{"a": {fmt.Sprint(n): ""}}, cookies: map[string]string{"user": fmt.Sprint(n)}}
	}
	return news{changed: map[string]content{"a": {fmt.Sprint(n): ""}, "b/c": {fmt.Sprint(n % 7): fmt.Sprint(n)}}, cookies: map[string]string{"user": fmt.Sprint(n)}}
}

// A process that is killed at a random moment leaves all commits that it had finished
// and nothing of the next one, or the next one whole.
func TestKilled(t *testing.T) {
	if folder := os.Getenv(crashFolder); folder != "" {
		commitForEver(t, folder)
	}
	folder := t.TempDir()
	m := model{sets: map[string]content{}, cookies: map[string]string{}}
	random := rand.New(rand.NewPCG(1, 2))
	for range 5 {
		last := killed(t, folder, random.IntN(40))
		s := open(t, options(folder))
		generation := int(known(t, s).Generation())
		if generation != last && generation != last+1 {
			t.Fatalf("generation %d after %d commits", generation, last)
		}
		for int(m.generation) < generation {
			m = nth(int(m.generation) + 1).applied(m)
		}
		m.is(t, s)
		tidy(t, s, folder)
		shut(t, s)
	}
}

// killed starts a process that commits, kills it after so many commits, and returns
// the last one that it told of.
func killed(t *testing.T, folder string, commits int) (last int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilled$")
	cmd.Env = append(os.Environ(), crashFolder+"="+folder)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for n := 0; lines.Scan(); n++ {
		if number, err := strconv.Atoi(lines.Text()); err == nil {
			last = number
		} else {
			t.Errorf("the process says %s", lines.Text())
		}
		if n == commits {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait() // it was killed
	return last
}

func commitForEver(t *testing.T, folder string) {
	t.Helper()
	o := options(folder)
	o.MaxOverlay = 12
	s := open(t, o)
	for n := int(known(t, s).Generation()) + 1; ; n++ {
		commit(t, s, fmt.Sprint(n), nth(n).prepare)
		fmt.Println(n)
	}
}
