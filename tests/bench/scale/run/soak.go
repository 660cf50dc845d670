package run

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"tacho.test/bench/scale/check"
	"tacho.test/bench/scale/meter"
	"tacho.test/bench/scale/report"
)

const (
	goalGrowthPerHour = 1.0 // percent
	soakLooks         = 10
)

// Soak is a long time with churn.
type Soak struct {
	Nodes   int                `json:"nodes"`
	Minutes float64            `json:"minutes"`
	Points  []meter.Point      `json:"points"`
	Ages    check.Ages         `json:"ages"`
	Memory  meter.Memory       `json:"memory"`
	Looks   []SoakLook         `json:"looks"`
	Checks  []*check.Report    `json:"checks"`
	Span    map[string]float64 `json:"threads_percent"`
}

// SoakLook is the aggregator's memory at one time, and what it says itself that it holds.
type SoakLook struct {
	Seconds float64            `json:"s"` // since the soak's begin
	RSS     int64              `json:"rss"`
	Parts   map[string]float64 `json:"parts"` // bytes, by name and labels
}

func (b *Bench) soak(ctx context.Context) ([]report.Row, any, error) {
	s, err := b.newStageOf(ctx, b.options.Nodes, usual)
	if err != nil {
		return nil, nil, err
	}
	result := &Soak{Nodes: s.Nodes, Minutes: b.options.Soak.Minutes()}
	if err := result.measure(ctx, s, b.options.Soak); err != nil {
		return nil, result, err
	}
	return result.rows(), result, nil
}

// measure fails unless all of it could be looked at until the end.
func (r *Soak) measure(ctx context.Context, s *Stage, long time.Duration) error {
	before, err := s.Aggregator.Look(ctx)
	if err != nil {
		return err
	}
	if err := r.pass(ctx, s, long); err != nil {
		return err
	}
	after, err := s.Aggregator.Look(ctx)
	if err != nil {
		return err
	}
	span := after.Since(before)
	r.Span = span.Table()
	r.Memory, err = meter.ReadMemory(s.Aggregator.PID)
	return err
}

// pass lets the time pass, with churn, while memory and ages are sampled.
func (r *Soak) pass(ctx context.Context, s *Stage, long time.Duration) error {
	defer s.Churn(ctx, churnPods)()
	sampler := &check.Sampler{}
	stopAges, err := s.sampleAges(ctx, sampler)
	if err != nil {
		return err
	}
	watching, cancel := context.WithTimeout(ctx, long)
	points := make(chan []meter.Point, 1)
	period := min(10*time.Second, long/20)
	go func() { points <- meter.Watch(watching, s.Aggregator.PID, period) }()
	err = r.look(watching, s, long/soakLooks)
	stopAges()
	cancel()
	r.Points, r.Ages = <-points, sampler.Take()
	return cmp.Or(err, ctx.Err(), s.ended())
}

// look looks at memory and all pods from time to time until the context ends.
func (r *Soak) look(ctx context.Context, s *Stage, pause time.Duration) error {
	begin := time.Now()
	for sleep(ctx, pause) == nil {
		whole := context.WithoutCancel(ctx)
		checked, err := s.Check(whole, false)
		if err != nil {
			return err
		}
		series, err := s.Aggregator.Series(whole)
		if err != nil {
			return err
		}
		rss, err := s.rss()
		if err != nil {
			return err
		}
		s.bench.logf("%s; %.0f MiB", checked, mib(rss))
		r.Checks = append(r.Checks, checked)
		r.Looks = append(r.Looks, SoakLook{time.Since(begin).Seconds(), rss, series.Bytes()})
	}
	return nil
}

func (r *Soak) rows() []report.Row {
	nodes := report.Text(float64(r.Nodes), "nodes")
	rows := []report.Row{
		report.AtMost("memory at most, "+nodes+" with 100 pods a second coming and going", mib(r.Memory.MostRSS),
			goalMemoryMiB, "MiB").With("over %.0f minutes; %.0f MiB at the end", r.Minutes, mib(r.Memory.RSS)),
		r.growthRow(),
	}
	rows = append(rows, ageRows(nodes+", all the time of the soak", &r.Ages)...)
	for _, checked := range r.Checks {
		if !checked.Right() || checked == r.Checks[len(r.Checks)-1] {
			rows = append(rows, checkRow("all pods, during the soak", checked))
		}
	}
	return rows
}

func (r *Soak) growthRow() report.Row {
	const what, enough, least = "its growth in an hour, by the second half", 30, 10
	percent := meter.SlopePerHour(r.Points, r.Minutes*30) * 100
	growth := report.AtMost(what, percent, goalGrowthPerHour, "%")
	switch {
	case len(r.Points) < least:
		return report.Missing(what, growth.Goal, fmt.Sprintf("memory was looked at %d times", len(r.Points)))
	case r.Minutes < enough:
		return report.Missing(what, growth.Goal, fmt.Sprintf("%.1f %%, by too short a time to say so", percent))
	}
	return growth
}
