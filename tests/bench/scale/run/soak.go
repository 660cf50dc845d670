package run

import (
	"context"
	"fmt"
	"time"

	"tacho.test/bench/scale/check"
	"tacho.test/bench/scale/meter"
	"tacho.test/bench/scale/report"
)

const goalGrowthPerHour = 1.0 // percent

// Soak is a long time with churn.
type Soak struct {
	Nodes   int                `json:"nodes"`
	Minutes float64            `json:"minutes"`
	Points  []meter.Point      `json:"points"`
	Ages    check.Ages         `json:"ages"`
	Memory  meter.Memory       `json:"memory"`
	Checks  []*check.Report    `json:"checks"`
	Span    map[string]float64 `json:"threads_percent"`
}

func (b *Bench) soak(ctx context.Context) ([]report.Row, any, error) {
	s, err := b.newStageOf(ctx, b.options.Nodes, usual)
	if err != nil {
		return nil, nil, err
	}
	result := &Soak{Nodes: s.Nodes, Minutes: b.options.Soak.Minutes()}
	stopChurn := s.Churn(ctx, churnPods)
	sampler := &check.Sampler{}
	stopAges := s.sampleAges(ctx, sampler)
	watching, cancel := context.WithTimeout(ctx, b.options.Soak)
	defer cancel()
	points := make(chan []meter.Point, 1)
	period := min(10*time.Second, b.options.Soak/20)
	go func() { points <- meter.Watch(watching, s.Aggregator.PID, period) }()
	before, err := s.Aggregator.Look(ctx)
	if err == nil {
		err = result.checkNow(watching, s)
	}
	stopAges()
	stopChurn()
	cancel()
	result.Points, result.Ages = <-points, sampler.Take()
	if err != nil {
		return nil, result, err
	}
	after, err := s.Aggregator.Look(ctx)
	if err == nil {
		span := after.Since(before)
		result.Span = span.Table()
		result.Memory, err = meter.ReadMemory(s.Aggregator.PID)
	}
	return result.rows(), result, err
}

// checkNow checks all pods ten times until the context ends.
func (r *Soak) checkNow(ctx context.Context, s *Stage) error {
	deadline, _ := ctx.Deadline()
	pause := time.Until(deadline) / 10
	for sleep(ctx, pause) == nil {
		checked, err := s.Check(context.WithoutCancel(ctx), false)
		if err != nil {
			return err
		}
		rss, err := s.rss()
		if err != nil {
			return err
		}
		s.bench.logf("%s; %.0f MiB", checked, mib(rss))
		r.Checks = append(r.Checks, checked)
	}
	return nil
}

func (r *Soak) rows() []report.Row {
	const what, enough = "its growth in an hour, by the second half", 30
	percent := meter.SlopePerHour(r.Points, r.Minutes*30) * 100
	growth := report.AtMost(what, percent, goalGrowthPerHour, "%")
	if r.Minutes < enough {
		growth = report.Missing(what, growth.Goal, fmt.Sprintf("%.1f %%, by too short a time to say so", percent))
	}
	rows := []report.Row{
		report.AtMost("memory at most, "+report.Text(float64(r.Nodes), "nodes")+" with 100 pods a second coming and going",
			mib(r.Memory.MostRSS), goalMemoryMiB, "MiB").With("over %.0f minutes; %.0f MiB at the end", r.Minutes,
			mib(r.Memory.RSS)),
		growth,
		report.AtMost("age of a served sample, p99, all the time", r.Ages.AgeMS.P99/1000, goalAgeSeconds, "s").
			With("%d of %d answers not right", r.Ages.Failed, r.Ages.Asked),
	}
	for _, checked := range r.Checks {
		if !checked.Right() || checked == r.Checks[len(r.Checks)-1] {
			rows = append(rows, checkRow("all pods, during the soak", checked))
		}
	}
	return rows
}
