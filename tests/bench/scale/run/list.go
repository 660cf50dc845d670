package run

import (
	"context"
	"time"

	"tacho.test/bench/scale/meter"
	"tacho.test/bench/scale/quantile"
	"tacho.test/bench/scale/report"
)

// ListResult is how whole lists are answered, one after the other.
type ListResult struct {
	Accept       string          `json:"accept"`
	Count        int             `json:"count"`
	Bytes        int             `json:"bytes"` // of one
	FirstByteMS  quantile.Spread `json:"first_byte_ms"`
	TookMS       quantile.Spread `json:"took_ms"`
	MBPerCPU     float64         `json:"mb_per_cpu_second"` // of the serving threads
	ListsPerCPU  float64         `json:"lists_per_cpu_second"`
	ServingCores float64         `json:"serving_cores"`
}

func (s *Stage) measureList(ctx context.Context, accept string, count int) (*ListResult, error) {
	result := &ListResult{Accept: accept, Count: count}
	var first, took []float64
	before, err := s.Aggregator.Look(ctx)
	if err != nil {
		return nil, err
	}
	for range count {
		limited, cancel := context.WithTimeout(ctx, time.Minute)
		answer, err := s.Aggregator.Client.Get(limited, allPods, accept)
		cancel()
		if err != nil {
			return nil, err
		}
		first = append(first, answer.First.Sub(answer.Begin).Seconds()*1000)
		took = append(took, answer.Took().Seconds()*1000)
		result.Bytes = len(answer.Body)
	}
	after, err := s.Aggregator.Look(ctx)
	if err != nil {
		return nil, err
	}
	span := after.Since(before)
	result.FirstByteMS, result.TookMS = quantile.Of(first), quantile.Of(took)
	result.ListsPerCPU = meter.PerSecond(float64(count), span.Serving())
	result.MBPerCPU = result.ListsPerCPU * float64(result.Bytes) / 1e6
	result.ServingCores = span.Cores(span.Serving())
	s.bench.logf("lists of %d pods as %s: %d MB, first byte %.1f ms, %.0f ms, %.1f a CPU second", s.Pods, accept,
		result.Bytes>>20, result.FirstByteMS.P50, result.TookMS.P50, result.ListsPerCPU)
	return result, nil
}

func (r *ListResult) rows(form string, pods int) []report.Row {
	what := "list of " + report.Text(float64(pods), "pods") + ", " + form
	return []report.Row{
		report.AtMost(what+", first byte, worst", r.FirstByteMS.Max, goalFirstByteMS, "ms").
			With("of %d lists; median %.1f ms", r.Count, r.FirstByteMS.P50),
		report.Figure(what+", by CPU second", r.MBPerCPU, "MB").
			With("%.1f lists of %.1f MB", r.ListsPerCPU, float64(r.Bytes)/1e6),
	}
}
