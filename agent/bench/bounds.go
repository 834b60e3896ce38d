package main

import (
	"fmt"
	"strings"
)

// bounds prints what was measured and remembers which figures missed their bounds.
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

// atLeast is atMost for a figure that must not fall short of a bound.
func (b *bounds) atLeast(name string, figure, bound float64, unit, note string) {
	verdict := "PASS"
	if figure < bound {
		verdict = "MISS"
		b.missed = append(b.missed, name)
	}
	tell(name, "%.2f%s, at least %.2f%s: %s %s", figure, unit, bound, unit, verdict, note)
}

// memory prints the memory of a command, in MiB, and its bound.
func (b *bounds) memory(t took, bound float64) {
	if t.memory() == 0 {
		tell("resident memory", "not measured on this system")
		return
	}
	b.atMost("resident memory", t.memory(), bound, " MiB", fmt.Sprintf("(agent %.1f, connector %.1f)", mib(t.agent.all), mib(t.connector.all)))
}

// growth prints how memory of its own has grown from one command to another one, and its bound.
func (b *bounds) growth(from, to took, bound float64) {
	if from.ownMemory() == 0 {
		tell("own memory", "not measured on this system")
		return
	}
	b.atMost("own memory", to.ownMemory()/from.ownMemory(), bound, " times", fmt.Sprintf("(%.1f MiB: agent %.1f, connector %.1f)", to.ownMemory(), mib(to.agent.own), mib(to.connector.own)))
}

// err tells which bounds were missed, if any.
func (b *bounds) err() error {
	if len(b.missed) == 0 {
		return nil
	}
	return fmt.Errorf("missed: %s", strings.Join(b.missed, ", "))
}

// tell prints a line about a figure.
func tell(name, format string, args ...any) {
	fmt.Printf("   %-16s %s\n", name, strings.TrimRight(fmt.Sprintf(format, args...), " "))
}
