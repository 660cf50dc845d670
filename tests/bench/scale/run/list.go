package run

import (
	"context"
	"fmt"
	"time"

	"tacho.test/bench/scale/meter"
	"tacho.test/bench/scale/quantile"
	"tacho.test/bench/scale/report"
)

// ListResult is how whole lists are answered, one after the other.
type ListResult struct {
	Accept       string          `json:"accept"`
	Count        int             `json:"count"`
	Bytes        float64         `json:"bytes"` // of one
	FirstByteMS  quantile.Spread `json:"first_byte_ms"`
	TookMS       quantile.Spread `json:"took_ms"`
	MBPerCPU     float64         `json:"mb_per_cpu_second"` // of the serving threads
	ListsPerCPU  float64         `json:"lists_per_cpu_second"`
	ServingCores float64         `json:"serving_cores"`
}

// askedLists is what `asker list` reports.
type askedLists struct {
	Asked
	Bytes       []float64 `json:"bytes"`
	FirstByteMS []float64 `json:"first_byte_ms"`
	TotalMS     []float64 `json:"total_ms"`
}

// measureList has one client ask for all pods again and again, by a keep-alive connection.
func (s *Stage) measureList(ctx context.Context, accept string, count int) (*ListResult, error) {
	before, err := s.Aggregator.Look(ctx)
	if err != nil {
		return nil, err
	}
	var report []byte
	p, err := s.startAsker("list", s.Aggregator.APIPort, lastLine(&report), "--path="+allPods, "--accept="+accept,
		fmt.Sprintf("--count=%d", count))
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	if err := p.Wait(limited); err != nil {
		return nil, err
	}
	after, err := s.Aggregator.Look(ctx)
	if err != nil {
		return nil, err
	}
	asked := &askedLists{}
	if err := readReport(report, asked, &asked.Asked); err != nil {
		return nil, err
	}
	if len(asked.TotalMS) != count {
		return nil, fmt.Errorf("%d of %d lists were answered", len(asked.TotalMS), count)
	}
	result := asked.result(after.Since(before))
	result.Accept = accept
	s.bench.logf("lists of %d pods as %s: %.1f MB, first byte %.1f ms, %.0f ms, %.1f a CPU second", s.Pods, accept,
		result.Bytes/1e6, result.FirstByteMS.P50, result.TookMS.P50, result.ListsPerCPU)
	return result, nil
}

func (a *askedLists) result(span Span) *ListResult {
	result := &ListResult{Count: len(a.TotalMS), Bytes: quantile.Of(a.Bytes).P50, FirstByteMS: quantile.Of(a.FirstByteMS),
		TookMS: quantile.Of(a.TotalMS), ServingCores: span.Cores(span.Serving())}
	result.ListsPerCPU = meter.PerSecond(float64(result.Count), span.Serving())
	result.MBPerCPU = result.ListsPerCPU * result.Bytes / 1e6
	return result
}

func (r *ListResult) rows(form string, pods int) []report.Row {
	what := "list of " + report.Text(float64(pods), "pods") + ", " + form
	return []report.Row{
		report.AtMost(what+", first byte, worst", r.FirstByteMS.Max, goalFirstByteMS, "ms").
			With("of %d lists; median %.1f ms", r.Count, r.FirstByteMS.P50),
		report.Figure(what+", by CPU second", r.MBPerCPU, "MB").
			With("%.1f lists of %.1f MB", r.ListsPerCPU, r.Bytes/1e6),
	}
}
