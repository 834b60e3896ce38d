package main

import (
	"fmt"
	"strings"
)

// bounds prints what was measured and remembers which figures are too high.
type bounds struct{ missed []string }

// atMost prints a figure that must not exceed a bound; unit stands behind both.
// note may say more about it.
func (b *bounds) atMost(name string, figure, bound float64, unit, note string) {
	verdict := "PASS"
	if figure > bound {
		verdict = "MISS"
		b.missed = append(b.missed, name)
	}
	tell(name, "%.2f%s, at most %.2f%s: %s %s", figure, unit, bound, unit, verdict, note)
}

// memory prints the memory of an export, in MiB, and its bound.
func (b *bounds) memory(e exported, bound float64) {
	if e.memory() == 0 {
		tell("resident memory", "not measured on this system")
		return
	}
	b.atMost("resident memory", e.memory(), bound, " MiB", fmt.Sprintf("(agent %.1f, connector %.1f)", mib(e.agentRSS), mib(e.connectorRSS)))
}

// err tells which bounds were missed, if any.
func (b *bounds) err() error {
	if len(b.missed) == 0 {
		return nil
	}
	return fmt.Errorf("too high: %s", strings.Join(b.missed, ", "))
}

// tell prints a line about a figure.
func tell(name, format string, args ...any) {
	fmt.Printf("   %-16s %s\n", name, strings.TrimRight(fmt.Sprintf(format, args...), " "))
}
