// Package meter tells what a process costs: CPU time by thread, memory, and what it says itself.
package meter

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// CPU is the CPU time that a process has used so far. It is the kernel's own account of it, so that
// others on the machine matter little.
type CPU struct {
	At      time.Time
	Total   time.Duration            // of all threads, those that have ended included
	Threads map[string]time.Duration // of those that run, added up by name
	Count   map[string]int           // how many of that name
}

// ReadCPU reads it as it is now.
func ReadCPU(pid int) (CPU, error) {
	cpu := CPU{At: time.Now(), Threads: map[string]time.Duration{}, Count: map[string]int{}}
	total, err := processTime(pid)
	if err != nil {
		return cpu, err
	}
	cpu.Total = total
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
	if err != nil {
		return cpu, err
	}
	for _, task := range tasks {
		name, used, err := readTask(task)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) {
			continue // has just ended
		}
		if err != nil {
			return cpu, err
		}
		cpu.Threads[name] += used
		cpu.Count[name]++
	}
	return cpu, nil
}

// The clock of a whole process by its number: clock_getcpuclockid(3).
func processTime(pid int) (time.Duration, error) {
	const schedulersClock = 2 // CPUCLOCK_SCHED of linux/posix-timers.h
	var now unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|schedulersClock), &now); err != nil {
		return 0, fmt.Errorf("CPU time of process %d: %w", pid, err)
	}
	return time.Duration(now.Nano()), nil
}

func readTask(folder string) (name string, used time.Duration, err error) {
	comm, err := os.ReadFile(filepath.Join(folder, "comm"))
	if err != nil {
		return "", 0, err
	}
	text, err := os.ReadFile(filepath.Join(folder, "schedstat"))
	if err != nil {
		return "", 0, err
	}
	// "on-CPU waited slices", Documentation/scheduler/sched-stats.rst
	first, _, _ := strings.Cut(string(text), " ")
	ns, err := strconv.ParseInt(first, 10, 64)
	if err != nil {
		return "", 0, fmt.Errorf("%s/schedstat: %w", folder, err)
	}
	return strings.TrimSuffix(string(comm), "\n"), time.Duration(ns), nil
}

// Since is what was used between two readings.
func (c CPU) Since(before CPU) Usage {
	usage := Usage{Wall: c.At.Sub(before.At), Total: c.Total - before.Total,
		Threads: map[string]time.Duration{}, Count: c.Count}
	for name, used := range c.Threads {
		// less than before when one of that name has ended: its share is in Total alone
		usage.Threads[name] = max(0, used-before.Threads[name])
	}
	return usage
}

// Usage is CPU time used in a span of wall time.
type Usage struct {
	Wall, Total time.Duration
	Threads     map[string]time.Duration
	Count       map[string]int
}

// Cores is a CPU time as a share of one core over the span.
func (u Usage) Cores(used time.Duration) float64 { return ratio(float64(used), float64(u.Wall)) }

// Of adds up the threads whose names have one of these beginnings.
func (u Usage) Of(beginnings ...string) time.Duration {
	var sum time.Duration
	for name, used := range u.Threads {
		for _, beginning := range beginnings {
			if strings.HasPrefix(name, beginning) {
				sum += used
				break
			}
		}
	}
	return sum
}

// Has tells whether there is a thread of a name with this beginning.
func (u Usage) Has(beginning string) bool {
	for name := range u.Count {
		if strings.HasPrefix(name, beginning) {
			return true
		}
	}
	return false
}

// PerEach is microseconds of CPU for each of n things; 0 for none.
func PerEach(used time.Duration, n float64) float64 { return ratio(float64(used)/1e3, n) }

// PerSecond is how many things one second of CPU did.
func PerSecond(n float64, used time.Duration) float64 { return ratio(n, used.Seconds()) }

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}
