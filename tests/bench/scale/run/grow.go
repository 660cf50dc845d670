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

// growSizes are in an order that leaves the stage of the large cluster for others.
func (b *Bench) growSizes() []int {
	sizes := []int{}
	for _, size := range []int{100, 1000} {
		if size < b.options.Nodes {
			sizes = append(sizes, size)
		}
	}
	if !b.options.Quick {
		sizes = append(sizes, 2*b.options.Nodes)
	}
	return append(sizes, b.options.Nodes)
}

func (b *Bench) grow(ctx context.Context) ([]report.Row, any, error) {
	var sizes []*Size
	var rows []report.Row
	add := func(nodes int, pace Pace) error {
		size, err := b.growTo(ctx, nodes, pace)
		if err == nil {
			sizes = append(sizes, size)
			rows = append(rows, checkRow("all pods, "+size.name(), size.Check), checkRow("all nodes, "+size.name(),
				size.NodesCheck))
		}
		return err
	}
	if !b.options.Quick {
		if err := add(b.options.Nodes, Pace{usual.Interval, "cpu-memory"}); err != nil {
			return rows, sizes, err
		}
	}
	for _, nodes := range b.growSizes() {
		if err := add(nodes, usual); err != nil {
			return rows, sizes, err
		}
	}
	slices.SortStableFunc(sizes, func(a, b *Size) int { return a.Nodes - b.Nodes })
	return append(growRows(sizes), rows...), sizes, nil
}

func (b *Bench) growTo(ctx context.Context, nodes int, pace Pace) (*Size, error) {
	size, err := b.measureSize(ctx, nodes, pace)
	if err != nil || size.kept() {
		return size, err
	}
	b.logf("%d agents at 1 Hz do not fit on this machine beside the aggregator: every 2 s", nodes)
	pace.Interval *= 2
	return b.measureSize(ctx, nodes, pace)
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

func (b *Bench) measureSize(ctx context.Context, nodes int, pace Pace) (*Size, error) {
	s, err := b.newStageOf(ctx, nodes, pace)
	if err != nil {
		return nil, err
	}
	size := &Size{Nodes: nodes, Pods: s.Pods, IntervalMS: pace.Interval.Milliseconds(),
		Metrics: pace.Metrics, ConnectMS: s.Connected.Milliseconds()}
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
	b.logf("%d nodes: %.3f cores, %.1f µs a message, %d MiB, fleet %.2f cores; %s", nodes, size.Cores,
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
		name := size.name() + " × 30 pods × 2 containers"
		note := fmt.Sprintf("%.1f µs a message of %.0f bytes; ingest's and NNG's threads %.3f core; all connected in %.1f s",
			size.PerMessage, size.MessageSize, size.IngestCores, float64(size.ConnectMS)/1000)
		if size.IntervalMS != 1000 {
			note += fmt.Sprintf("; agents send every %d ms here, else they do not fit on this machine", size.IntervalMS)
		}
		cpu := report.Figure("CPU, "+name, size.Cores, "core")
		memory := report.Figure("memory, "+name, mib(size.Memory.RSS), "MiB")
		if size.Nodes == largeNodes {
			cpu = report.AtMost("ingest, "+name+" at 1 Hz over TLS", size.Cores, goalIngestCores, "core")
			memory = report.AtMost("memory, "+name, mib(size.Memory.RSS), goalMemoryMiB, "MiB")
		}
		rows = append(rows, cpu.With("%s", note),
			memory.With("%.0f KiB a node", float64(size.Memory.RSS)/1024/float64(size.Nodes)))
	}
	return append(rows, flatRow(sizes))
}

// flatRow looks for a size whose message costs more than a smaller one's. That they cost less is no
// harm: with few agents each message wakes threads up that sleep, and what the kernel does for that is
// most of the cost.
func flatRow(sizes []*Size) report.Row {
	const what = "cost per node, a larger cluster to a smaller one"
	least, worst := math.Inf(1), 0.0
	var texts []string
	for _, size := range sizes {
		if size.Metrics != usual.Metrics {
			continue
		}
		texts = append(texts, fmt.Sprintf("%.1f µs at %s", size.PerMessage, report.Text(float64(size.Nodes), "")))
		worst = max(worst, size.PerMessage/least)
		least = min(least, size.PerMessage)
	}
	return report.AtMost(what, worst, goalFlat, "×").
		With("CPU time of the process by message: %s", strings.Join(texts, ", "))
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
