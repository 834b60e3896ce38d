package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/usher-iga/usher/agent/trial"
)

// resident is how much memory of a process was resident at its peaks, in bytes.
type resident struct {
	all int64
	// own is without the pages of files that are mapped, which the system takes back when it
	// needs them. It is sampled.
	own int64
}

// memoryWatch notes the peaks of resident memory of a process and of its child, as
// Linux tells them. Elsewhere they are 0.
type memoryWatch struct {
	stop chan struct{}
	done sync.WaitGroup

	parent, child resident
}

func watchMemory(pid int) *memoryWatch {
	w := &memoryWatch{stop: make(chan struct{})}
	w.done.Go(func() {
		ticker := time.NewTicker(10 * time.Millisecond)
		defer ticker.Stop()
		for {
			w.parent.add(pid)
			for _, child := range trial.Children(pid) {
				w.child.add(child)
			}
			select {
			case <-w.stop:
				return
			case <-ticker.C:
			}
		}
	})
	return w
}

func (w *memoryWatch) peaks() (parent, child resident) {
	close(w.stop)
	w.done.Wait()
	return w.parent, w.child
}

// add looks at a process again.
func (r *resident) add(pid int) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return
	}
	for line := range bytes.Lines(status) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		peak := &r.own
		switch string(name) {
		case "VmHWM":
			peak = &r.all
		case "RssAnon":
		default:
			continue
		}
		kib, _ := strconv.ParseInt(strings.Fields(string(value))[0], 10, 64)
		*peak = max(*peak, kib<<10)
	}
}
