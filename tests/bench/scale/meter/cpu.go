// Package meter tells what a process costs: CPU time by thread, memory, and what it says itself.
package meter

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
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
	Waited  map[string]time.Duration // how long these could have run and had no CPU; nil: the kernel does not tell
	Count   map[string]int           // how many of that name
}

// ReadCPU reads it as it is now.
func ReadCPU(pid int) (CPU, error) {
	cpu := CPU{At: time.Now(), Threads: map[string]time.Duration{}, Waited: map[string]time.Duration{},
		Count: map[string]int{}}
	total, err := processTime(pid)
	if err != nil {
		return cpu, err
	}
	cpu.Total = total
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
	if err != nil {
		return cpu, err
	}
	var slices int64
	for _, task := range tasks {
		name, account, err := readTask(task)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) {
			continue // has just ended
		}
		if err != nil {
			return cpu, err
		}
		cpu.Threads[name] += account.used
		cpu.Waited[name] += account.waited
		cpu.Count[name]++
		slices += account.slices
	}
	if slices == 0 { // without sched_info it is "0 0 0"
		cpu.Waited = nil
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

// account is a thread's /proc/PID/task/TID/schedstat: on a CPU, waiting on a run queue, how often it
// got a CPU (Documentation/scheduler/sched-stats.rst).
type account struct {
	used, waited time.Duration
	slices       int64
}

func readTask(folder string) (name string, _ account, err error) {
	comm, err := os.ReadFile(filepath.Join(folder, "comm"))
	if err != nil {
		return "", account{}, err
	}
	text, err := os.ReadFile(filepath.Join(folder, "schedstat"))
	if err != nil {
		return "", account{}, err
	}
	read, err := parseAccount(string(text))
	if err != nil {
		return "", account{}, fmt.Errorf("%s/schedstat: %w", folder, err)
	}
	return strings.TrimSuffix(string(comm), "\n"), read, nil
}

func parseAccount(text string) (read account, err error) {
	_, err = fmt.Sscan(text, (*int64)(&read.used), (*int64)(&read.waited), &read.slices)
	return read, err
}

// Since is what was used between two readings.
func (c CPU) Since(before CPU) Usage {
	usage := Usage{Wall: c.At.Sub(before.At), Total: c.Total - before.Total,
		Threads: map[string]time.Duration{}, Count: c.Count}
	for name, used := range c.Threads {
		// less than before when one of that name has ended: its share is in Total alone
		usage.Threads[name] = max(0, used-before.Threads[name])
	}
	if c.Waited == nil || before.Waited == nil {
		return usage
	}
	usage.Waited = map[string]time.Duration{}
	for name, waited := range c.Waited {
		usage.Waited[name] = max(0, waited-before.Waited[name])
	}
	return usage
}

// Usage is CPU time used in a span of wall time.
type Usage struct {
	Wall, Total time.Duration
	Threads     map[string]time.Duration
	Waited      map[string]time.Duration // on run queues; nil: the kernel does not tell
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

// WaitShare is for how much of the span a thread waited for a CPU, on average over those whose names
// have this beginning. NaN when the kernel does not tell, or there is none.
func (u Usage) WaitShare(beginning string) float64 {
	var waited time.Duration
	count := 0
	for name, of := range u.Waited {
		if strings.HasPrefix(name, beginning) {
			waited += of
			count += u.Count[name]
		}
	}
	if count == 0 || u.Wall <= 0 {
		return math.NaN()
	}
	return float64(waited) / (float64(u.Wall) * float64(count))
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
