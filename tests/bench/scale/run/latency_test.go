package run

import (
	"encoding/json"
	"testing"
	"time"

	"tacho.test/bench/scale/meter"
)

func TestLatency(t *testing.T) {
	series := func(half, one, all float64) meter.Series {
		bucket := durationName + `_bucket{kind="short",le="`
		return meter.Series{bucket + `0.0005"}`: half, bucket + `0.001"}`: one, bucket + `+Inf"}`: all,
			durationName + `_bucket{kind="stream",le="+Inf"}`: 1000}
	}
	usage := func(name string, waited time.Duration) meter.Usage {
		return meter.Usage{Wall: time.Second, Waited: map[string]time.Duration{name: waited, "ingest": time.Second},
			Threads: map[string]time.Duration{name: 1}, Count: map[string]int{name: 2, "ingest": 2}}
	}
	load := &HPARun{Span: Span{usage("serve-0", 240*time.Millisecond), series(1, 1, 1), series(51, 101, 101)},
		Clients: meter.Usage{Wall: time.Second, Waited: map[string]time.Duration{"asker": 200 * time.Millisecond},
			Count: map[string]int{"asker": 1}}}
	if got, want := latencyOf(load).String(), "server's own p50 0.5 ms, p99 0.99 ms; serving threads waited for a CPU "+
		"12.0 % of the time, the clients 20.0 %; the host took unknown of the CPUs"; got != want {
		t.Errorf("%q", got)
	}
	// without the metric, and where the kernel does not tell
	load = &HPARun{Span: Span{meter.Usage{Wall: time.Second}, meter.Series{}, meter.Series{}}}
	if got, want := latencyOf(load).String(), "server's own p50 unknown, p99 unknown; serving threads waited for a CPU "+
		"unknown of the time, the clients unknown; the host took unknown of the CPUs"; got != want {
		t.Errorf("%q", got)
	}
	if _, err := json.Marshal(&HPAResult{Latency: latencyOf(load)}); err != nil {
		t.Error(err)
	}
}
