package run

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"tacho.test/bench/scale/check"
	"tacho.test/bench/scale/meter"
	"tacho.test/bench/scale/report"
)

// What must be reached with 5,000 nodes.
const (
	goalIngestCores = 0.5
	goalMemoryMiB   = 350
	goalFlat        = 1.2 // of one size's cost to another's
	largeNodes      = 5000
)

// Size is what one size of the cluster costs.
type Size struct {
	Nodes       int                `json:"nodes"`
	Pods        int                `json:"pods"`
	IntervalMS  int64              `json:"interval_ms"`
	Metrics     string             `json:"metrics"`
	ConnectMS   int64              `json:"connect_ms"`
	Cores       float64            `json:"cores"`        // the whole process
	IngestCores float64            `json:"ingest_cores"` // receiving and storing alone, with TLS
	PerMessage  float64            `json:"us_per_message"`
	Messages    float64            `json:"messages_per_second"`
	MessageSize float64            `json:"bytes_per_message"`
	Memory      meter.Memory       `json:"memory"`
	Threads     map[string]float64 `json:"threads_percent"`
	Fleet       Did                `json:"fleet"`
	Check       *check.Report      `json:"check"`
	NodesCheck  *check.Report      `json:"nodes_check"`
}

// growPoint is a size that is measured.
type growPoint struct {
	nodes int
	pace  Pace
}

// growPoints are in an order that leaves the stage of the large cluster for others. A quick run has a
// small one, of agents that send every 2 s: what a machine that is too small for the largest makes
// (growTo) shall work when it comes to that.
func (b *Bench) growPoints() []growPoint {
	large := growPoint{b.options.Nodes, usual}
	if b.options.Quick {
		return []growPoint{{max(1, large.nodes/3), usual.slower()}, large}
	}
	points := []growPoint{{large.nodes, Pace{usual.Interval, "cpu-memory"}}}
	for _, nodes := range []int{100, 1000} {
		if nodes < large.nodes {
			points = append(points, growPoint{nodes, usual})
		}
	}
	return append(points, growPoint{2 * large.nodes, usual}, large)
}

func (b *Bench) grow(ctx context.Context) ([]report.Row, any, error) {
	var sizes []*Size
	var rows []report.Row
	for _, point := range b.growPoints() {
		size, err := b.growTo(point, func(point growPoint) (*Size, error) { return b.measureSize(ctx, point) })
		if err != nil {
			return nil, sizes, err
		}
		sizes = append(sizes, size)
		rows = append(rows, checkRow("all pods, "+size.name(), size.Check), checkRow("all nodes, "+size.name(),
			size.NodesCheck))
	}
	slices.SortStableFunc(sizes, func(a, b *Size) int { return a.Nodes - b.Nodes })
	return append(growRows(sizes), rows...), sizes, nil
}

// growTo measures a size, and again with slower agents when they do not fit on this machine: theirs is
// most of the work.
func (b *Bench) growTo(point growPoint, measure func(growPoint) (*Size, error)) (*Size, error) {
	size, err := measure(point)
	if err != nil || size.kept() {
		return size, err
	}
	point.pace = point.pace.slower()
	b.logf("%d agents did not keep their pace beside the aggregator: they send every %s", point.nodes,
		point.pace.Interval)
	return measure(point)
}

func (s *Size) name() string {
	name := report.Text(float64(s.Nodes), "nodes")
	if s.Metrics != usual.Metrics {
		name += ", CPU and memory alone"
	}
	return name
}

// kept tells whether the fleet kept its pace, so that what was measured is what was meant.
func (s *Size) kept() bool {
	wanted := float64(s.Nodes) * 1000 / float64(s.IntervalMS)
	lost := float64(s.Fleet.Skipped + s.Fleet.Dropped)
	return s.Messages > 0.97*wanted && lost < 0.02*float64(max(1, s.Fleet.Sent))
}

func (b *Bench) measureSize(ctx context.Context, point growPoint) (*Size, error) {
	s, err := b.newStageOf(ctx, point.nodes, point.pace)
	if err != nil {
		return nil, err
	}
	size := &Size{Nodes: s.Nodes, Pods: s.Pods, IntervalMS: s.Pace.Interval.Milliseconds(),
		Metrics: s.Pace.Metrics, ConnectMS: s.Connected.Milliseconds()}
	if err := sleep(ctx, time.Duration(b.seconds(5, 2))*time.Second); err != nil {
		return nil, err
	}
	before := s.Fleet.News()
	span, err := s.Aggregator.Over(ctx, time.Duration(b.seconds(25, 6))*time.Second)
	if err != nil {
		return nil, err
	}
	size.Fleet = s.Fleet.News().Since(before)
	size.take(&span)
	if size.Memory, err = meter.ReadMemory(s.Aggregator.PID); err != nil {
		return nil, err
	}
	if size.Check, err = s.Check(ctx, false); err != nil {
		return nil, err
	}
	if size.NodesCheck, err = s.Check(ctx, true); err != nil {
		return nil, err
	}
	b.logf("%d nodes: %.3f cores, %.1f µs a message, %d MiB, fleet %.2f cores; %s", size.Nodes, size.Cores,
		size.PerMessage, size.Memory.RSS>>20, size.Fleet.CPU, size.Check)
	return size, nil
}

func (s *Size) take(span *Span) {
	messages := span.Messages()
	s.Cores, s.IngestCores = span.Cores(span.Total), span.Cores(span.Ingest())
	s.PerMessage = meter.PerEach(span.Total, messages)
	s.Messages = messages / span.Wall.Seconds()
	if messages > 0 {
		s.MessageSize = span.Counter("tacho_aggregator_received_bytes_total") / messages
	}
	s.Threads = span.Table()
}

func growRows(sizes []*Size) (rows []report.Row) {
	for _, size := range sizes {
		rows = append(rows, size.rows()...)
	}
	return append(rows, flatRow(sizes))
}

// rows: CPU is worth nothing where the agents did not send what they should.
func (s *Size) rows() []report.Row {
	name := s.name() + " × 30 pods × 2 containers"
	note := fmt.Sprintf("%.1f µs a message of %.0f bytes; ingest's and NNG's threads %.3f core; all connected in %.1f s",
		s.PerMessage, s.MessageSize, s.IngestCores, float64(s.ConnectMS)/1000)
	if s.IntervalMS != usual.Interval.Milliseconds() {
		note += fmt.Sprintf("; agents send every %d ms here", s.IntervalMS)
	}
	cpu := report.Figure("CPU, "+name, s.Cores, "core")
	memory := report.Figure("memory, "+name, mib(s.Memory.RSS), "MiB")
	if s.Nodes == largeNodes {
		cpu = report.AtMost("ingest, "+name+" at 1 Hz over TLS", s.Cores, goalIngestCores, "core")
		memory = report.AtMost("memory, "+name, mib(s.Memory.RSS), goalMemoryMiB, "MiB")
	}
	if !s.kept() || cpu.Goal != "" && s.IntervalMS != usual.Interval.Milliseconds() {
		cpu = report.Missing(cpu.What, cpu.Goal, fmt.Sprintf("%s with %.0f messages a second, more did not fit on this "+
			"machine", cpu.Measured, s.Messages))
	}
	return []report.Row{cpu.With("%s", note),
		memory.With("%.0f KiB a node", float64(s.Memory.RSS)/1024/float64(s.Nodes))}
}

// flatRow looks for a size whose message costs more than a smaller one's. That they cost less is no
// harm: with few agents each message wakes threads up that sleep, and what the kernel does for that is
// most of the cost.
func flatRow(sizes []*Size) report.Row {
	const what = "cost per node, a larger cluster to a smaller one"
	least, worst := math.Inf(1), 0.0
	var texts []string
	for _, size := range sizes {
		if size.Metrics != usual.Metrics || !size.kept() {
			continue
		}
		texts = append(texts, fmt.Sprintf("%.1f µs at %s", size.PerMessage, report.Text(float64(size.Nodes), "")))
		worst = max(worst, size.PerMessage/least)
		least = min(least, size.PerMessage)
	}
	row := report.AtMost(what, worst, goalFlat, "×")
	if len(texts) < 2 {
		row = report.Missing(what, row.Goal, "there are no two sizes at which agents kept their pace")
	}
	return row.With("CPU time of the process by message: %s", strings.Join(texts, ", "))
}

// checkRow judges an answer by what must be in it. Late figures are told: ages have a goal of their own.
func checkRow(what string, checked *check.Report) report.Row {
	row := report.MustAlways("answer's check, "+what, "none lost, too many or wrong",
		fmt.Sprintf("%d lost, %d too many, %d wrong of %s", checked.Lost, checked.Extra, checked.Wrong,
			report.Text(float64(checked.Items), "")), checked.Right())
	if checked.Late > 0 {
		row = row.With("%d of %d figures late", checked.Late, checked.Containers)
	}
	if len(checked.Examples) > 0 {
		row = row.With("%s", checked.Examples[0])
	}
	return row
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }
