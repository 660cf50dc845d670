package run

import (
	"context"
	"fmt"

	"tacho.test/bench/scale/report"
)

// ServingThreads is the HPA's throughput with so many of them.
type ServingThreads struct {
	Threads int        `json:"threads"`
	HPA     *HPAResult `json:"hpa"`
}

func (b *Bench) cores(ctx context.Context) ([]report.Row, any, error) {
	var results []*ServingThreads
	for _, threads := range []int{1, 2} {
		s, err := b.newStageOf(ctx, b.smallNodes(), usual, fmt.Sprintf("--serving-threads=%d", threads))
		if err != nil {
			return nil, results, err
		}
		load := b.hpaLoad(s, hpaSmall)
		load.Connections *= 2
		hpa, err := s.measureHPA(ctx, load)
		if err != nil {
			return nil, results, err
		}
		results = append(results, &ServingThreads{threads, hpa})
	}
	one, two := results[0].HPA, results[1].HPA
	return []report.Row{
		report.AtLeast("HPA's requests with 2 serving threads, to 1", two.Rate/one.Rate, 1, "×").
			With("%.0f and %.0f requests a second; the clients need the same two cores (%.2f of one for %.0f requests a "+
				"second), so that it can't double", two.Rate, one.Rate, one.OwnCPU/(one.Seconds+warmUp), one.Rate),
		report.Figure("the same, serving threads' CPU", two.ServingCores, "core").
			With("%.2f core with one; by CPU second %.0f requests, and %.0f with one", one.ServingCores, two.PerCPUSecond,
				one.PerCPUSecond),
	}, results, nil
}
