package run

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"time"

	"tacho.test/bench/scale/world"
	"tacho.test/process"
)

// Fleet is the agents of a world, in one process that follows the world's changes.
type Fleet struct {
	*process.Process
	cancel func() // of the subscription
	lines  chan string

	mutex    sync.Mutex
	news     FleetNews
	complete bool
	took     time.Duration // until all were connected, the last time
	changed  chan struct{} // closed and made anew with each piece of news
}

// Pace is what agents send, and how often.
type Pace struct {
	Interval time.Duration
	Metrics  string // "all", or "cpu-memory"
}

// usual is what the chart has agents do.
var usual = Pace{time.Second, "all"}

func (p Pace) slower() Pace { return Pace{2 * p.Interval, p.Metrics} }

// FleetNews is what the fleet says of itself each second.
type FleetNews struct {
	TimeMS      int64   `json:"t_ms"`
	Agents      int     `json:"agents"`
	Connected   int     `json:"connected"`
	Connects    int64   `json:"connects"`
	Sent        int64   `json:"sent"`
	Dropped     int64   `json:"dropped"` // samples that NNG did not take in time
	Late        int64   `json:"late"`    // that were made more than 100 ms after their time
	Skipped     int64   `json:"skipped"` // that were not made at all
	WorstLateMS float64 `json:"worst_late_ms"`
	CPUSeconds  float64 `json:"cpu_s"`
}

type fleetLine struct {
	FleetNews
	Event string  `json:"event"`
	MS    float64 `json:"ms"` // of all-connected: since run, or since the first was lost
}

// startFleet tells a fleet of the world and lets it run. It returns before all are connected.
func (b *Bench) startFleet(folder string, of *world.World, port int, pace Pace) (*Fleet, error) {
	f := &Fleet{lines: make(chan string, 1<<20), changed: make(chan struct{})}
	var err error
	f.Process, err = process.Start(process.Launch{Name: "fleet", Log: filepath.Join(folder, "fleet.log"),
		Program: filepath.Join(b.options.Build, "tests/bench/scale/fleet"),
		Arguments: []string{fmt.Sprintf("--url=tls+tcp://127.0.0.1:%d", port),
			"--ca=" + filepath.Join(folder, "certs", "ca.crt"), "--server-name=" + serverName,
			fmt.Sprintf("--interval-ms=%d", pace.Interval.Milliseconds()), "--metrics=" + pace.Metrics,
			"--log-level=error"},
		Stdin: true, Lines: f.take})
	if err != nil {
		return nil, err
	}
	// a fleet that reads slowly shall not hold up the world, which is locked meanwhile
	all, cancel := of.Subscribe(func(event world.Event) {
		if line := of.FleetLine(event); line != "" {
			f.lines <- line
		}
	})
	f.cancel = cancel
	if err = of.FleetLines(f.Stdin, all); err == nil {
		_, err = io.WriteString(f.Stdin, "run\n")
	}
	if err != nil {
		f.End()
		return nil, fmt.Errorf("telling the fleet: %w\n%s", err, f.Tail(10))
	}
	go f.tell()
	return f, nil
}

// tell hands on the world's changes; after the fleet's end it only takes them.
func (f *Fleet) tell() {
	out := bufio.NewWriter(f.Stdin)
	for line := range f.lines {
		_, err := out.WriteString(line)
		if err == nil && len(f.lines) == 0 {
			_ = out.Flush()
		}
	}
}

func (f *Fleet) take(text []byte) {
	var line fleetLine
	if json.Unmarshal(text, &line) != nil {
		return
	}
	f.mutex.Lock()
	defer f.mutex.Unlock()
	switch line.Event {
	case "all-connected":
		f.complete, f.took = true, time.Duration(line.MS*float64(time.Millisecond))
	case "lost":
		f.complete = false
	default:
		f.news = line.FleetNews
	}
	close(f.changed)
	f.changed = make(chan struct{})
}

// News is the newest.
func (f *Fleet) News() FleetNews {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return f.news
}

// WaitConnected waits until all agents are connected, and tells how long they took.
func (f *Fleet) WaitConnected(ctx context.Context, limit time.Duration) (time.Duration, error) {
	deadline := time.After(limit)
	for {
		f.mutex.Lock()
		complete, took, changed, news := f.complete, f.took, f.changed, f.news
		f.mutex.Unlock()
		if complete {
			return took, nil
		}
		select {
		case <-changed:
		case <-f.Ended():
			return 0, f.HowEnded()
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-deadline:
			return 0, fmt.Errorf("after %s only %d of %d agents are connected", limit, news.Connected, news.Agents)
		}
	}
}

// End ends it.
func (f *Fleet) End() {
	if f == nil {
		return
	}
	if f.cancel != nil {
		f.cancel() // no line is sent afterwards
		close(f.lines)
	}
	f.Kill()
}

// Did is what a fleet did between two pieces of news.
type Did struct {
	Seconds float64 `json:"seconds"`
	Sent    int64   `json:"sent"`
	Dropped int64   `json:"dropped"`
	Late    int64   `json:"late"`
	Skipped int64   `json:"skipped"`
	CPU     float64 `json:"cpu"` // of one core
}

// Since is the difference.
func (n FleetNews) Since(before FleetNews) Did {
	did := Did{Seconds: float64(n.TimeMS-before.TimeMS) / 1000, Sent: n.Sent - before.Sent,
		Dropped: n.Dropped - before.Dropped, Late: n.Late - before.Late, Skipped: n.Skipped - before.Skipped}
	if did.Seconds > 0 {
		did.CPU = (n.CPUSeconds - before.CPUSeconds) / did.Seconds
	}
	return did
}
