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

// memoryWatch notes the peaks of resident memory of a process and of its child, as
// Linux tells them. Elsewhere they are 0.
type memoryWatch struct {
	stop chan struct{}
	done sync.WaitGroup

	parent, child int64
}

func watchMemory(pid int) *memoryWatch {
	w := &memoryWatch{stop: make(chan struct{})}
	w.done.Go(func() {
		ticker := time.NewTicker(10 * time.Millisecond)
		defer ticker.Stop()
		for {
			w.parent = max(w.parent, peakRSS(pid))
			for _, child := range trial.Children(pid) {
				w.child = max(w.child, peakRSS(child))
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

func (w *memoryWatch) peaks() (parent, child int64) {
	close(w.stop)
	w.done.Wait()
	return w.parent, w.child
}

// peakRSS reads the high-water mark, in bytes.
func peakRSS(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(status) {
		if value, ok := bytes.CutPrefix(line, []byte("VmHWM:")); ok {
			kib, _ := strconv.ParseInt(strings.Fields(string(value))[0], 10, 64)
			return kib << 10
		}
	}
	return 0
}
