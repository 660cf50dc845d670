package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"tacho.test/bench/scale/meter"
	"tacho.test/process"
)

// Percentiles of a time in microseconds.
type Percentiles struct {
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
	Max  float64 `json:"max"`
}

// Asked is what `asker hpa` reports.
type Asked struct {
	Requests   int64            `json:"requests"`
	Status     map[string]int64 `json:"status"`
	Errors     map[string]int64 `json:"errors"`
	FirstError string           `json:"first_error,omitempty"`
	BodyBytes  int64            `json:"body_bytes"`
	Seconds    float64          `json:"seconds"`
	Rate       float64          `json:"rate"`
	LatencyUS  Percentiles      `json:"latency_us"`
	Histogram  [][2]float64     `json:"histogram"` // microseconds at most, how many
	OwnCPU     float64          `json:"cpu_s"`
}

// Failed is how many requests had another answer than they must have.
func (a *Asked) Failed() (failed int64) {
	for status, count := range a.Status {
		if status != "200" {
			failed += count
		}
	}
	for _, count := range a.Errors {
		failed += count
	}
	return failed
}

// Load is what the HPA's clients do.
type Load struct {
	Targets     []string
	Connections int
	Rate        float64 // requests a second; 0: each asks again at once
	Seconds     int
	Items       int // that each answer must have
}

const warmUp = 1 // seconds

func (s *Stage) askerFlags(mode string, port int) []string {
	certs := filepath.Join(s.folder, "certs")
	return []string{mode, fmt.Sprintf("--port=%d", port),
		"--ca=" + filepath.Join(certs, "ca.crt"), "--server-name=" + serverName,
		"--cert=" + filepath.Join(certs, "front-proxy.crt"), "--key=" + filepath.Join(certs, "front-proxy.key")}
}

func (s *Stage) startAsker(mode string, port int, lines func([]byte), flags ...string) (*process.Process, error) {
	name := "asker-" + mode
	return process.Start(process.Launch{Name: name, Log: filepath.Join(s.folder, name+".log"),
		Program:   filepath.Join(s.bench.options.Build, "tests/bench/scale/asker"),
		Arguments: append(s.askerFlags(mode, port), flags...), Lines: lines})
}

// lastLine keeps the last line of a program's output: its report.
func lastLine(to *[]byte) func([]byte) {
	return func(line []byte) { *to = append((*to)[:0], line...) }
}

// HPARun is what the clients say of a load, and what was seen meanwhile.
type HPARun struct {
	Asked   Asked
	Span    Span        // of the aggregator
	Clients meter.Usage // of asker
	Stolen  *float64    // of the machine's CPU time by its host, in percent; nil: not known
}

// HPA has clients ask, and looks at the aggregator and at them while they do: after they have warmed
// up, until just before they end.
func (s *Stage) HPA(ctx context.Context, load Load) (*HPARun, error) {
	if len(load.Targets) == 0 {
		return nil, errors.New("the world has nothing for the HPA to ask for")
	}
	targets := filepath.Join(s.folder, "targets")
	if err := os.WriteFile(targets, []byte(strings.Join(load.Targets, "\n")+"\n"), 0o644); err != nil {
		return nil, err
	}
	var report []byte
	p, err := s.startAsker("hpa", s.Aggregator.APIPort, lastLine(&report), "--targets="+targets,
		fmt.Sprintf("--connections=%d", load.Connections), fmt.Sprintf("--rate=%.0f", load.Rate),
		fmt.Sprintf("--warmup=%d", warmUp), fmt.Sprintf("--seconds=%d", load.Seconds),
		fmt.Sprintf("--items=%d", load.Items))
	if err != nil {
		return nil, err
	}
	defer p.Kill()
	if err := sleep(ctx, warmUp*time.Second+500*time.Millisecond); err != nil {
		return nil, err
	}
	run := &HPARun{}
	before, beforeErr := meter.ReadCPU(p.PID)
	machine, machineErr := meter.ReadMachine()
	if run.Span, err = s.Aggregator.Over(ctx, time.Duration(load.Seconds-1)*time.Second); err != nil {
		return nil, err
	}
	// if they have ended already their report says why
	if after, err := meter.ReadCPU(p.PID); err == nil && beforeErr == nil {
		run.Clients = after.Since(before)
	}
	if now, err := meter.ReadMachine(); err == nil && machineErr == nil {
		run.Stolen = known(100 * now.StolenSince(machine))
	}
	limited, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	if err := p.Wait(limited); err != nil {
		return nil, err
	}
	return run, readReport(report, &run.Asked, &run.Asked)
}

// readReport reads a report of asker; asked is the part of it that tells whether all went well.
func readReport(text []byte, to any, asked *Asked) error {
	if err := json.Unmarshal(text, to); err != nil {
		return fmt.Errorf("asker's report %q: %w", text, err)
	}
	if asked.Requests == 0 {
		return fmt.Errorf("no request was answered: %v %s", asked.Errors, asked.FirstError)
	}
	if failed := asked.Failed(); failed > 0 {
		return fmt.Errorf("%d of %d requests failed: %v %v %s", failed, asked.Requests, asked.Status, asked.Errors,
			asked.FirstError)
	}
	return nil
}
