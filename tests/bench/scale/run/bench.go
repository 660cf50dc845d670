// Package run starts a large cluster around the real aggregator, measures it, holds its answers
// against the world, and compares the figures with what must be reached. README.md says what stands
// where.
package run

import (
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
	Quick   bool     // 300 nodes, and a few seconds of everything: for CI
	Soak    time.Duration
	Beside  []string // the command that measures beside metrics-server; none: that is left out
	Logf    func(format string, arguments ...any)
}

// Bench is a run.
type Bench struct {
	options Options
	results *report.Results
	stage   *Stage // that stands, for the next measure that wants one of its size
	flags   string // that its aggregator was started with
	kept    kept
}

// kept is what one measure leaves for another.
type kept struct {
	kube  *kubeSpan // of the API server while the HPA asked
	most  float64   // requests of the HPA a second that can be answered
	small float64   // by CPU second, with 300 nodes
}

// measure is one of them: it returns figures, and what they were made of.
type measure struct {
	name, about string
	run         func(*Bench, context.Context) ([]report.Row, any, error)
	extra       bool // only by its name
}

// In this order the large stage is made once.
var measures = []measure{
	{"small", "requests of the HPA and lists with 300 nodes", (*Bench).small, false},
	{"grow", "what ingest costs with more and more nodes", (*Bench).grow, false},
	{"ask", "requests of the HPA, lists, and the age of what is served", (*Bench).ask, false},
	{"kube", "what kube-apiserver is asked", (*Bench).kube, false},
	{"bother", "other clients' latency beside a thousand bad ones", (*Bench).bother, false},
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
	return &Bench{options: options, results: results}, nil
}

func (b *Bench) logf(format string, arguments ...any) { b.options.Logf(format, arguments...) }

func (b *Bench) wanted(m *measure) bool {
	if len(b.options.Only) > 0 {
		return slices.Contains(b.options.Only, m.name)
	}
	return !m.extra
}

// Run makes the measures, one after the other. One that fails is noted, and the next is made; only
// the context's end ends it early. save is called after each.
func (b *Bench) Run(ctx context.Context, save func(*report.Results) error) (*report.Results, error) {
	defer b.endStage()
	for _, measure := range measures {
		if !b.wanted(&measure) {
			continue
		}
		b.logf("== %s: %s", measure.name, measure.about)
		begin := time.Now()
		rows, series, err := measure.run(b, ctx)
		b.results.Add(measure.name, rows, series)
		for _, row := range rows {
			b.logf("%s: %s (goal: %s, reached: %s) %s", row.What, row.Measured, row.Goal, row.Reached, row.Note)
		}
		if ctx.Err() != nil {
			return b.results, ctx.Err()
		}
		if err != nil {
			b.logf("%s failed: %v", measure.name, err)
			b.results.Fail(measure.name, err)
			b.endStage() // whatever is wrong with it
		}
		b.logf("== %s took %s", measure.name, time.Since(begin).Round(time.Second))
		if err := save(b.results); err != nil {
			return b.results, err
		}
	}
	return b.results, nil
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
