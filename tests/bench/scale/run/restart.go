package run

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"tacho.test/bench/scale/check"
	"tacho.test/bench/scale/kubedouble"
	"tacho.test/bench/scale/meter"
	"tacho.test/bench/scale/report"
)

const goalRestartSeconds = 10

// Restart is what happened after the aggregator was killed with all agents connected. Times are
// seconds since it was started anew.
type Restart struct {
	Nodes     int           `json:"nodes"`
	Listens   float64       `json:"listens_s"`
	Connected float64       `json:"all_connected_s"`
	Complete  float64       `json:"complete_s"` // every node and pod is served, and right
	Second    float64       `json:"most_connections_of_a_second"`
	Reviews   int64         `json:"token_reviews"`
	AtATime   int64         `json:"token_reviews_at_a_time"`
	CPU       float64       `json:"cpu_seconds"` // until it was complete
	ByThread  cpuByThread   `json:"cpu_by_thread"`
	Agents    float64       `json:"agents_cpu_seconds"`
	Bench     float64       `json:"bench_cpu_seconds"` // kube-apiserver's double, and the check
	MostRSS   int64         `json:"most_rss"`
	Check     *check.Report `json:"check"`
	Points    []meter.Point `json:"points"`
	Joined    [][3]float64  `json:"joined"` // seconds, connections, nodes
}

// cpuByThread is seconds of CPU by the thread's name.
type cpuByThread map[string]float64

// others is the CPU time of who else works while agents come back.
type others struct{ fleet, bench meter.CPU }

func (s *Stage) others() (o others, err error) {
	if o.fleet, err = meter.ReadCPU(s.Fleet.PID); err == nil {
		o.bench, err = meter.ReadCPU(os.Getpid())
	}
	return o, err
}

func (b *Bench) restart(ctx context.Context) ([]report.Row, any, error) {
	s, err := b.stageOf(ctx, b.options.Nodes)
	if err != nil {
		return nil, nil, err
	}
	// the double's garbage would take a tenth of the time in which agents come back
	defer debug.SetGCPercent(debug.SetGCPercent(1000))
	s.Double.ForgetCounts()
	s.Aggregator.Kill()
	result := &Restart{Nodes: s.Nodes}
	before, err := s.others()
	if err != nil {
		return nil, nil, err
	}
	begin := time.Now()
	if err := s.Aggregator.Again(ctx); err != nil {
		return nil, nil, err
	}
	result.Listens = time.Since(begin).Seconds()
	watching, cancel := context.WithCancel(ctx)
	points := make(chan []meter.Point, 1)
	go func() { points <- meter.Watch(watching, s.Aggregator.PID, 100*time.Millisecond) }()
	err = result.follow(ctx, s, begin, before)
	cancel()
	result.Points = <-points
	if err != nil {
		return nil, result, err
	}
	reviews := s.Double.Counts()[kubedouble.TokenReviews]
	result.Reviews, result.AtATime = reviews.Requests, reviews.Peak
	return result.rows(), result, nil
}

// follow waits until all is served again.
func (r *Restart) follow(ctx context.Context, s *Stage, begin time.Time, before others) error {
	const limit = 2 * time.Minute
	for time.Since(begin) < limit {
		series, err := s.Aggregator.Series(ctx) // refused until it knows whom to believe
		now := time.Since(begin).Seconds()
		opened := series.Get("tacho_aggregator_connections_opened_total")
		r.Joined = append(r.Joined, [3]float64{now, opened, series.Get("tacho_aggregator_nodes")})
		if r.Connected == 0 && int(opened) >= s.Nodes {
			r.Connected = now
		}
		if err == nil && s.missing(series) == nil {
			if done, err := r.whole(ctx, s, begin, before); done || err != nil {
				return err
			}
		}
		if !s.Aggregator.Alive() {
			return s.Aggregator.HowEnded()
		}
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
	return fmt.Errorf("after %s not all is served: %w", limit, s.complete(ctx))
}

// whole asks for all figures, which may come a little after their names: first for those of nodes,
// which come in the same message as those of their pods and are checked in no time.
func (r *Restart) whole(ctx context.Context, s *Stage, begin time.Time, before others) (bool, error) {
	if nodes, err := s.Check(ctx, true); err != nil || !nodes.Right() {
		return false, err
	}
	cpu, err := meter.ReadCPU(s.Aggregator.PID)
	if err != nil {
		return false, err
	}
	now, err := s.others()
	if err != nil {
		return false, err
	}
	at := time.Since(begin).Seconds()
	if r.Check, err = s.Check(ctx, false); err != nil || !r.Check.Right() {
		return false, err
	}
	memory, err := meter.ReadMemory(s.Aggregator.PID)
	r.Complete, r.CPU, r.MostRSS = at, cpu.Total.Seconds(), memory.MostRSS
	r.ByThread = cpuByThread{}
	for name, used := range cpu.Threads {
		r.ByThread[name] = used.Seconds()
	}
	r.Agents = now.fleet.Since(before.fleet).Total.Seconds()
	r.Bench = now.bench.Since(before.bench).Total.Seconds()
	r.Second = mostOfASecond(r.Joined)
	return true, err
}

// mostOfASecond is the greatest growth of the second column within a second of the first.
func mostOfASecond(points [][3]float64) (most float64) {
	from := 0
	for _, point := range points {
		for point[0]-points[from][0] > 1 {
			from++
		}
		most = max(most, point[1]-points[from][1])
	}
	return most
}

func (r *Restart) rows() []report.Row {
	nodes := report.Text(float64(r.Nodes), "agents")
	rate := 0.0
	if r.Connected > 0 {
		rate = float64(r.Nodes) / (r.Connected - r.Listens)
	}
	return []report.Row{
		report.AtMost("aggregator killed, "+nodes+" back: complete", r.Complete, goalRestartSeconds, "s").
			With("listens after %.2f s, all connected after %.1f s, all pods right after %.1f s", r.Listens,
				r.Connected, r.Complete),
		report.Figure("handshakes a second, "+nodes+" at once", rate, "").
			With("%.0f in the best second", r.Second),
		report.AtMost("memory meanwhile, at most", mib(r.MostRSS), goalMemoryMiB, "MiB"),
		report.Figure("CPU until complete", r.CPU, "s").
			With("%.2f of a core; the agents %.1f s, what measures and the double %.1f s", r.CPU/r.Complete,
				r.Agents, r.Bench),
		report.AtMost("token reviews at a time", float64(r.AtATime), kubedouble.HTTP2Streams, "").
			With("%d in all; kube-apiserver takes %d streams of a connection", r.Reviews, kubedouble.HTTP2Streams),
	}
}
