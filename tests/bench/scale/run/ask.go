package run

import (
	"context"
	"time"

	"tacho.test/bench/scale/check"
	"tacho.test/bench/scale/meter"
	"tacho.test/bench/scale/report"
	"tacho.test/bench/scale/world"
)

// What must be reached. Metrics-server's figures are those of the issue; `beside` measures them anew.
const (
	metricsServerHPA    = 1340.0 // requests a CPU second
	metricsServerLists  = 9.0    // of 9,000 pods, in protobuf
	metricsServerJSON   = 8.0
	goalTimes           = 20.0
	goalP99MS           = 1.0
	goalSlower          = 1.3
	goalFirstByteMS     = 20.0
	goalAgeSeconds      = 1.2
	goalWaitSeconds     = "0.001"
	churnPods           = 100.0 // a second
	hpaConnections      = 16
	samplesPerSecond    = 50
	targetsOfANamespace = 1000
)

// hpaKind is where the HPA's 10 pods are.
type hpaKind string

// The kinds.
const (
	hpaSmall hpaKind = world.HPANamespace // 10 of 1,000 pods
	hpaBig   hpaKind = world.BigNamespace // 10 of a namespace of 20,000, in the large world
)

func (b *Bench) hpaLoad(s *Stage, kind hpaKind) Load {
	return Load{Targets: s.World.Targets(string(kind), targetsOfANamespace), Connections: hpaConnections,
		Seconds: b.seconds(12, 4), Items: world.TenPods}
}

// HPAResult is one load of the HPA's clients.
type HPAResult struct {
	Asked
	PerCPUSecond float64            `json:"per_cpu_second"` // of the serving threads
	ServingCores float64            `json:"serving_cores"`
	IngestCores  float64            `json:"ingest_cores"`
	Threads      map[string]float64 `json:"threads_percent"`
	Latency      *Latency           `json:"latency"`
}

func (s *Stage) measureHPA(ctx context.Context, load Load) (*HPAResult, error) {
	run, err := s.HPA(ctx, load)
	if err != nil {
		return nil, err
	}
	asked, span := &run.Asked, &run.Span
	result := &HPAResult{Asked: *asked, PerCPUSecond: meter.PerSecond(span.Requests(), span.Serving()),
		ServingCores: span.Cores(span.Serving()), IngestCores: span.Cores(span.Ingest()), Threads: span.Table(),
		Latency: latencyOf(run)}
	s.bench.logf("HPA: %.0f requests a second, %.0f a CPU second, p50 %.0f µs, p99 %.0f µs; serving %.2f, ingest %.2f cores; %s",
		asked.Rate, result.PerCPUSecond, asked.LatencyUS.P50, asked.LatencyUS.P99, result.ServingCores,
		result.IngestCores, result.Latency)
	return result, nil
}

// Answers is what one size of the cluster was asked.
type Answers struct {
	Nodes    int         `json:"nodes"`
	Pods     int         `json:"pods"`
	Small    *HPAResult  `json:"hpa_of_1000"`
	Big      *HPAResult  `json:"hpa_of_20000,omitempty"`
	Half     *HPAResult  `json:"hpa_at_half"`
	List     *ListResult `json:"list_of_all"`
	JSONList *ListResult `json:"json_list_of_all"`
}

// askAll measures a stage's answers.
func (b *Bench) askAll(ctx context.Context, s *Stage, big bool) (_ *Answers, err error) {
	answers := &Answers{Nodes: s.Nodes, Pods: s.Pods}
	small := b.hpaLoad(s, hpaSmall)
	if answers.Small, err = s.measureHPA(ctx, small); err != nil {
		return answers, err
	}
	if big {
		if answers.Big, err = s.measureHPA(ctx, b.hpaLoad(s, hpaBig)); err != nil {
			return answers, err
		}
	}
	half := small
	half.Rate = answers.Small.Rate / 2
	if answers.Half, err = s.measureHPA(ctx, half); err != nil {
		return answers, err
	}
	if answers.List, err = s.measureList(ctx, check.Protobuf, b.seconds(10, 5)); err != nil {
		return answers, err
	}
	answers.JSONList, err = s.measureList(ctx, "application/json", b.seconds(5, 3))
	return answers, err
}

func (a *Answers) rows() []report.Row {
	nodes := report.Text(float64(a.Nodes), "nodes")
	rows := []report.Row{
		report.AtLeast("HPA's request, 10 of 1,000 pods, "+nodes+", by CPU second", a.Small.PerCPUSecond,
			goalTimes*metricsServerHPA, "requests").
			With("the goal is 20 times the 1,340 of metrics-server that were seen before; %.0f a second of time, "+
				"the clients on the same cores", a.Small.Rate),
		report.AtMost("HPA's request, p99 at half load while ingest runs, "+nodes, a.Half.LatencyUS.P99/1000, goalP99MS,
			"ms").With("%.0f requests a second; p50 %.2f ms, p999 %.2f ms; %s", a.Half.Rate, a.Half.LatencyUS.P50/1000,
			a.Half.LatencyUS.P999/1000, a.Half.Latency),
	}
	return append(rows, a.List.rows("protobuf", a.Pods)...)
}

// Asking is what `ask` found.
type Asking struct {
	Large     *Answers      `json:"large"`
	AgeBefore check.Ages    `json:"age_before"`
	AgeDuring check.Ages    `json:"age_during"`
	Check     *check.Report `json:"check"`
	Waits     *Waits        `json:"waits"`
}

// metricsServerNodes is the size at which metrics-server was measured.
const metricsServerNodes = 300

// smallNodes is that, or fewer where the large cluster is smaller.
func (b *Bench) smallNodes() int { return min(metricsServerNodes, b.options.Nodes) }

// small is what can be held against metrics-server.
func (b *Bench) small(ctx context.Context) ([]report.Row, any, error) {
	s, err := b.stageOf(ctx, b.smallNodes())
	if err != nil {
		return nil, nil, err
	}
	answers, err := b.askAll(ctx, s, false)
	if err != nil {
		return nil, answers, err
	}
	checked, err := s.Check(ctx, false)
	if err != nil {
		return nil, answers, err
	}
	b.kept.small, b.kept.pods = answers.Small.PerCPUSecond, answers.Pods
	rows := answers.rows()
	if answers.Nodes == metricsServerNodes {
		rows = append(rows, report.AtLeast("lists of 9,000 pods, protobuf, by CPU second",
			answers.List.ListsPerCPU, goalTimes*metricsServerLists, "").
			With("the goal is 20 times the 9 of metrics-server that were seen before"),
			report.AtLeast("lists of 9,000 pods, JSON, by CPU second", answers.JSONList.ListsPerCPU,
				goalTimes*metricsServerJSON, "").With("metrics-server: 8"))
	}
	return append(rows, checkRow(report.Text(float64(s.Nodes), "nodes"), checked)), answers, nil
}

func (b *Bench) ask(ctx context.Context) (rows []report.Row, _ any, err error) {
	result := &Asking{}
	s, err := b.stageOf(ctx, b.options.Nodes)
	if err != nil {
		return nil, nil, err
	}
	if err = b.askLarge(ctx, s, result); err != nil {
		return nil, result, err
	}
	rows = append(rows, result.Large.rows()...)
	rows = append(rows, result.largeRows(s)...)
	worst := result.Large.Small.PerCPUSecond
	if result.Large.Big != nil {
		worst = min(worst, result.Large.Big.PerCPUSecond)
	}
	if b.kept.small > 0 && worst > 0 && b.kept.pods < s.Pods {
		rows = append(rows, report.AtMost("HPA's request among "+report.Text(float64(s.Pods), "pods")+
			", to the same among "+report.Text(float64(b.kept.pods), ""), b.kept.small/worst, goalSlower, "×"))
	}
	return rows, result, nil
}

// askLarge asks while pods come and go, and the ages of what is served are sampled.
func (b *Bench) askLarge(ctx context.Context, s *Stage, result *Asking) error {
	defer s.Churn(ctx, churnPods)()
	sampler := &check.Sampler{}
	stop, err := s.sampleAges(ctx, sampler)
	if err != nil {
		return err
	}
	defer stop()
	if err := sleep(ctx, time.Duration(b.seconds(20, 5))*time.Second); err != nil {
		return err
	}
	result.AgeBefore = sampler.Take()
	before, err := s.lookKube(ctx)
	if err != nil {
		return err
	}
	big := len(s.World.Targets(string(hpaBig), 1)) > 0
	if result.Large, err = b.askAll(ctx, s, big); err != nil {
		return err
	}
	after, err := s.lookKube(ctx)
	if err != nil {
		return err
	}
	result.AgeDuring = sampler.Take()
	b.kept.kube, b.kept.most = before.until(after), result.Large.Small.Rate
	result.Waits = waitsOf(after.look.Since(before.look))
	result.Check, err = s.Check(ctx, false)
	return err
}

func (r *Asking) largeRows(s *Stage) []report.Row {
	var rows []report.Row
	pods := report.Text(float64(s.Pods), "pods")
	if r.Large.Big != nil {
		rows = append(rows, report.AtMost("HPA's request, 10 of the largest namespace's pods among "+pods+
			", to 10 of 1,000", r.Large.Small.PerCPUSecond/r.Large.Big.PerCPUSecond, goalSlower, "×").
			With("%.0f and %.0f requests by CPU second", r.Large.Big.PerCPUSecond, r.Large.Small.PerCPUSecond))
	}
	nodes := report.Text(float64(s.Nodes), "nodes")
	rows = append(rows, ageRows(nodes+", while nobody else asks", &r.AgeBefore)...)
	rows = append(rows, ageRows(nodes+", while HPA and lists run", &r.AgeDuring)...)
	rows = append(rows, r.Waits.row())
	return append(rows, checkRow("all pods, while pods come and go", r.Check))
}
