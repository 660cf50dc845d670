package run

import (
	"fmt"
	"math"

	"tacho.test/bench/scale/report"
)

const durationName = "tacho_aggregator_http_request_duration_seconds"

// Latency is what explains that which the clients saw: how long the server had the requests, by its own
// histogram, and for how much of the time who serves and who asks could have run and had no CPU. What
// could not be looked at is nil.
type Latency struct {
	Answers       float64  `json:"answers"` // in one piece: all that were given meanwhile
	P50US         *float64 `json:"p50_us"`
	P99US         *float64 `json:"p99_us"`
	ServingWaited *float64 `json:"serving_waited_percent"`
	ClientsWaited *float64 `json:"clients_waited_percent"`
	Stolen        *float64 `json:"stolen_percent"` // by the host, of the machine's CPU time
}

func latencyOf(load *HPARun) *Latency {
	took := load.Span.Histogram(durationName, "kind", "short")
	return &Latency{Answers: took.Count(), P50US: known(1e6 * took.Quantile(0.5)), P99US: known(1e6 * took.Quantile(0.99)),
		ServingWaited: known(100 * load.Span.WaitShare(load.Span.servingThreads())),
		ClientsWaited: known(100 * load.Clients.WaitShare("")), Stolen: load.Stolen}
}

func known(value float64) *float64 {
	if math.IsNaN(value) {
		return nil
	}
	return &value
}

// String is for the notes of rows.
func (l *Latency) String() string {
	return fmt.Sprintf("server's own p50 %s, p99 %s; serving threads waited for a CPU %s of the time, the clients %s; "+
		"the host took %s of the CPUs", inMS(l.P50US), inMS(l.P99US), inPercent(l.ServingWaited),
		inPercent(l.ClientsWaited), inPercent(l.Stolen))
}

func inMS(us *float64) string {
	if us == nil {
		return unknown
	}
	return report.Text(*us/1000, "ms")
}

func inPercent(share *float64) string {
	if share == nil {
		return unknown
	}
	return fmt.Sprintf("%.1f %%", *share)
}

const unknown = string(report.Unproven)
