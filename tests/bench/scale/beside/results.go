package beside

import (
	"tacho.test/bench/scale/world"
)

// Results of a run.
type Results struct {
	Nodes      int                `json:"nodes"`
	Pods       int                `json:"pods"`
	Containers int                `json:"containers"`
	Servers    map[string]*Server `json:"servers"`
	// Ratios are tacho's work per CPU second over metrics-server's, by the names of requests and
	// "collecting"; of memory, metrics-server's over tacho's. More is better for tacho.
	Ratios map[string]float64 `json:"ratios"`
}

// Server is what one of the two did.
type Server struct {
	Collecting   *Collecting       `json:"collecting"`
	MemoryIdle   *Memory           `json:"memory_idle"`   // after collecting alone
	MemoryLoaded *Memory           `json:"memory_loaded"` // after all requests
	Asked        map[string]*Asked `json:"asked"`
}

// Collecting is the cost of having figures, without anybody who asks.
type Collecting struct {
	Seconds      float64 `json:"seconds"`
	CPUSeconds   float64 `json:"cpu_seconds"`
	NodeSamples  uint64  `json:"node_samples"`   // scrapes of a node, or samples of one
	PerCPUSecond float64 `json:"per_cpu_second"` // of those
	Cores        float64 `json:"cores"`          // CPU seconds a second, at the server's own resolution
}

// Asked is what answering cost.
type Asked struct {
	Requests          uint64    `json:"requests"`
	Bytes             uint64    `json:"bytes"` // of bodies as they were sent
	Seconds           float64   `json:"seconds"`
	CPUSeconds        float64   `json:"cpu_seconds"`         // all that the server used meanwhile
	AnswersCPUSeconds float64   `json:"answers_cpu_seconds"` // without collecting
	PerCPUSecond      float64   `json:"per_cpu_second"`      // requests by that
	Rounds            []float64 `json:"rounds"`              // the same of each round: how noisy it was
	LatencyMs         *Latency  `json:"latency_ms,omitempty"`
}

// Latency in milliseconds, under as much load as the server takes: of the last round.
type Latency struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// Memory in KiB.
type Memory struct {
	ResidentKiB  uint64 `json:"resident_kib"`
	AnonymousKiB uint64 `json:"anonymous_kib"` // the part that is no file's
	PeakKiB      uint64 `json:"peak_kib"`
}

func newResults(all world.Snapshot) *Results {
	results := &Results{Nodes: len(all.Nodes), Pods: len(all.Pods), Servers: map[string]*Server{}}
	for _, pod := range all.Pods {
		results.Containers += pod.Containers
	}
	return results
}

func (r *Results) server(name string) *Server {
	if r.Servers[name] == nil {
		r.Servers[name] = &Server{Asked: map[string]*Asked{}}
	}
	return r.Servers[name]
}

// add puts another round to what is known. idle is what collecting takes, in cores.
func (s *Server) add(name string, round *Asked, idle float64) {
	sum := s.Asked[name]
	if sum == nil {
		sum = &Asked{}
		s.Asked[name] = sum
	}
	sum.Requests += round.Requests
	sum.Bytes += round.Bytes
	sum.Seconds += round.Seconds
	sum.CPUSeconds += round.CPUSeconds
	sum.LatencyMs = round.LatencyMs
	sum.AnswersCPUSeconds = sum.CPUSeconds - idle*sum.Seconds
	sum.PerCPUSecond = perSecond(sum.Requests, sum.AnswersCPUSeconds)
	sum.Rounds = append(sum.Rounds, perSecond(round.Requests, round.CPUSeconds-idle*round.Seconds))
}

func perSecond(count uint64, seconds float64) float64 {
	if seconds <= 0 {
		return 0
	}
	return float64(count) / seconds
}

// finish computes the ratios.
func (r *Results) finish() {
	ours, theirs := r.Servers[Tacho], r.Servers[MetricsServer]
	if ours == nil || theirs == nil {
		return
	}
	r.Ratios = map[string]float64{
		"collecting":    ours.Collecting.PerCPUSecond / theirs.Collecting.PerCPUSecond,
		"memory idle":   float64(theirs.MemoryIdle.ResidentKiB) / float64(ours.MemoryIdle.ResidentKiB),
		"memory loaded": float64(theirs.MemoryLoaded.ResidentKiB) / float64(ours.MemoryLoaded.ResidentKiB),
		"memory peak":   float64(theirs.MemoryLoaded.PeakKiB) / float64(ours.MemoryLoaded.PeakKiB),
	}
	for name, asked := range ours.Asked {
		if theirs.Asked[name] != nil {
			r.Ratios[name] = asked.PerCPUSecond / theirs.Asked[name].PerCPUSecond
		}
	}
}
