package meter

import (
	"fmt"
	"math"
	"os"
	"strings"
)

// Machine is what a virtual machine's CPUs have had so far, in ticks, and what the host gave to others of
// what they wanted: proc(5), the first line of /proc/stat.
type Machine struct{ All, Stolen float64 }

// ReadMachine reads it as it is now.
func ReadMachine() (Machine, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return Machine{}, err
	}
	return parseMachine(string(text))
}

func parseMachine(stat string) (m Machine, err error) {
	var user, nice, system, idle, iowait, irq, softirq, steal float64
	line, _, _ := strings.Cut(stat, "\n")
	if _, err = fmt.Sscanf(line, "cpu %g %g %g %g %g %g %g %g", &user, &nice, &system, &idle, &iowait, &irq, &softirq,
		&steal); err != nil {
		return m, fmt.Errorf("/proc/stat: %q: %w", line, err)
	}
	return Machine{user + nice + system + idle + iowait + irq + softirq + steal, steal}, nil
}

// StolenSince is the share of the CPUs' time that others had since then; NaN when none has passed.
func (m Machine) StolenSince(before Machine) float64 {
	if m.All <= before.All {
		return math.NaN()
	}
	return (m.Stolen - before.Stolen) / (m.All - before.All)
}
