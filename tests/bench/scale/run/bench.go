// Package run starts a large cluster around the real aggregator, measures it, holds its answers
// against the world, and compares the figures with what must be reached. README.md says what stands
// where.
package run

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"tacho.test/bench/scale/report"
)

// Options of a run.
type Options struct {
	Build   string   // folder of the programs, as make has them
	Scratch string   // for logs and certificates
	Only    []string // measures; none: all but the soak
	Nodes   int      // of the large cluster; 0: 5000
	Quick   bool     // 300 nodes, and a few seconds of everything
	Soak    time.Duration
	Beside  []string // the command that measures beside metrics-server; none: that is left out
	Logf    func(format string, arguments ...any)
}

// Bench is a run.
type Bench struct {
	options  Options
	measures []measure
	results  *report.Results
	stage    *Stage // that stands, for the next measure that wants one of its size
	flags    string // that its aggregator was started with
	kept     kept
}

// kept is what one measure leaves for another.
type kept struct {
	kube  *kubeSpan // of the API server while the HPA asked
	most  float64   // requests of the HPA a second that can be answered
	small float64   // by CPU second, with metrics-server's number of nodes
	pods  int       // of those
}

// measure is one of them: it returns figures, and what they were made of.
type measure struct {
	name, about string
	run         func(*Bench, context.Context) ([]report.Row, any, error)
	extra       bool // only by its name
}

// In this order the large stage and that of metrics-server's size are made once.
var measures = []measure{
	{"small", "requests of the HPA and lists with metrics-server's number of nodes", (*Bench).small, false},
	{"bother", "other clients' latency beside a thousand bad ones", (*Bench).bother, false},
	{"grow", "what ingest costs with more and more nodes", (*Bench).grow, false},
	{"ask", "requests of the HPA, lists, and the age of what is served", (*Bench).ask, false},
	{"kube", "what kube-apiserver is asked", (*Bench).kube, false},
	{"restart", "the aggregator is killed, and all agents come back", (*Bench).restart, false},
	{"cores", "requests of the HPA with more serving threads", (*Bench).cores, false},
	{"beside", "side by side with metrics-server", (*Bench).beside, false},
	{"soak", "memory over a long time with churn", (*Bench).soak, true},
}

// Names of the measures, each with what it is.
func Names() string {
	var lines []string
	for _, measure := range measures {
		lines = append(lines, fmt.Sprintf("  %-8s %s", measure.name, measure.about))
	}
	return strings.Join(lines, "\n")
}

// New checks the options.
func New(options Options) (*Bench, error) {
	if options.Nodes == 0 {
		options.Nodes = 5000
		if options.Quick {
			options.Nodes = 300
		}
	}
	if options.Logf == nil {
		options.Logf = func(string, ...any) {}
	}
	for _, name := range options.Only {
		if !slices.ContainsFunc(measures, func(m measure) bool { return m.name == name }) {
			return nil, fmt.Errorf("there is no measure %q, but\n%s", name, Names())
		}
	}
	if err := os.MkdirAll(options.Scratch, 0o755); err != nil {
		return nil, err
	}
	results := report.New()
	results.Quick = options.Quick
	return &Bench{options: options, measures: measures, results: results}, nil
}

// Files is how many files a process of ours may need to have open: each agent is one of the fleet's
// and of the aggregator's, and so are clients.
func (b *Bench) Files() uint64 {
	const others = 1000
	most := b.options.Nodes
	for _, point := range b.growPoints() {
		most = max(most, point.nodes)
	}
	return uint64(most + 2*badClients + others)
}

func (b *Bench) logf(format string, arguments ...any) { b.options.Logf(format, arguments...) }

func (b *Bench) wanted(m *measure) bool {
	if len(b.options.Only) > 0 {
		return slices.Contains(b.options.Only, m.name)
	}
	if b.options.Quick && m.name == "beside" {
		return len(b.options.Beside) > 0
	}
	return !m.extra
}

// Run makes the measures, one after the other. One that fails is noted, and the next is made; only
// the context's end ends it early. save is called after each.
func (b *Bench) Run(ctx context.Context, save func(*report.Results) error) (*report.Results, error) {
	defer b.endStage()
	for _, measure := range b.measures {
		if !b.wanted(&measure) {
			continue
		}
		b.logf("== %s: %s", measure.name, measure.about)
		begin := time.Now()
		b.makeOne(ctx, &measure)
		if ctx.Err() != nil {
			return b.results, ctx.Err()
		}
		b.logf("== %s took %s", measure.name, time.Since(begin).Round(time.Second))
		if err := save(b.results); err != nil {
			return b.results, err
		}
	}
	return b.results, nil
}

// makeOne makes a measure. Its figures are worth nothing when it was interrupted, or when a part of what was
// measured is no more.
func (b *Bench) makeOne(ctx context.Context, m *measure) {
	rows, series, err := m.run(b, ctx)
	if err == nil {
		err = cmp.Or(ctx.Err(), b.stage.ended())
	}
	b.results.Add(m.name, rows, series, err)
	if err != nil {
		b.logf("%s failed: %v", m.name, err)
		b.endStage() // whatever is wrong with it
		return
	}
	for _, row := range rows {
		b.logf("%s: %s (goal: %s, reached: %s) %s", row.What, row.Measured, row.Goal, row.Reached, row.Note)
	}
}

// stageOf so many nodes with the usual agents: the one that stands, if it is such.
func (b *Bench) stageOf(ctx context.Context, nodes int, flags ...string) (*Stage, error) {
	wanted := strings.Join(flags, " ")
	if b.stage != nil && b.stage.Nodes == nodes && b.stage.Pace == usual && b.flags == wanted {
		return b.stage, nil
	}
	return b.newStageOf(ctx, nodes, usual, flags...)
}

func (b *Bench) newStageOf(ctx context.Context, nodes int, pace Pace, flags ...string) (*Stage, error) {
	b.endStage()
	stage, err := b.newStage(ctx, nodes, pace, flags...)
	if err != nil {
		return nil, fmt.Errorf("a stage of %d nodes: %w", nodes, err)
	}
	b.stage, b.flags = stage, strings.Join(flags, " ")
	return stage, nil
}

func (b *Bench) endStage() {
	b.stage.End()
	b.stage = nil
}

// seconds of a measurement: fewer in a quick run.
func (b *Bench) seconds(full, quick int) int {
	if b.options.Quick {
		return quick
	}
	return full
}
