package run

import (
	"fmt"

	"tacho.test/bench/scale/report"
)

// Waits is how often those who write the store waited for its lock, by how long at most: the
// aggregator's own histogram.
type Waits struct {
	Count  float64            `json:"count"`
	Longer float64            `json:"longer_than_1_ms"`
	UpTo   map[string]float64 `json:"up_to_seconds"`
}

const waitName = "tacho_aggregator_store_wait_seconds"

// waitsOf is nil when the aggregator does not tell.
func waitsOf(span Span) *Waits {
	if _, there := span.after.Sum(waitName + "_count"); !there {
		return nil
	}
	bucket := func(le string) float64 {
		return span.after.Labelled(waitName+"_bucket", "le", le) - span.before.Labelled(waitName+"_bucket", "le", le)
	}
	waits := &Waits{Count: span.Counter(waitName + "_count"), UpTo: map[string]float64{}}
	for _, le := range []string{"0.00001", "0.0001", "0.001", "0.01", "0.1", "+Inf"} {
		waits.UpTo[le] = bucket(le)
	}
	waits.Longer = waits.Count - bucket(goalWaitSeconds)
	return waits
}

func (w *Waits) row() report.Row {
	const what = "ingest held by answers for longer than 1 ms"
	if w == nil {
		return report.Missing(what, "never", "the aggregator has no "+waitName)
	}
	if w.Count == 0 {
		return report.Missing(what, "never", "nothing was written meanwhile")
	}
	return report.Must(what, "never", fmt.Sprintf("%.0f of %s times", w.Longer, report.Text(w.Count, "")), w.Longer == 0)
}
