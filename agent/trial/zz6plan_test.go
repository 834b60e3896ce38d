package trial_test

import (
	"bytes"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/usher-iga/usher/agent/trial"
)

func TestZZ6plan(t *testing.T) {
	f := startFulfilling(t)
	for _, args := range [][]string{
		{"fulfill", trial.Connection, "/tmp/fix6plan/bad200.json"},
		{"fulfill", trial.Connection, "--plan", "/tmp/fix6plan/bad200.json"},
		{"fulfill", trial.Connection, "/tmp/fix6plan/bad200.json"},
	} {
		c := f.installation.Command(t.Context(), args...)
		var out bytes.Buffer
		c.Stdout, c.Stderr = &out, &out
		began := time.Now()
		err := c.Run()
		u := c.ProcessState.SysUsage().(*syscall.Rusage)
		j := glob(t, filepath.Join(f.installation.Root, "*", "Orders", "*", "*"))
		j = append(j, glob(t, filepath.Join(f.installation.Root, "Orders", "*", "*"))...)
		t.Logf("%v: %v in %v, agent's max RSS %d MB, of its children %d MB\n%s", args, err, time.Since(began), u.Maxrss/1024, 0, out.String())
		for _, p := range j {
			if i, err := os.Stat(p); err == nil {
				t.Log(p, i.Size())
			}
		}
	}
}
