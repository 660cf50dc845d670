package meter

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// Histogram is one of a program's own: by each bucket's end how many were up to it, in the order of
// the ends. The last one is infinite.
type Histogram []HistogramBucket

// HistogramBucket counts all that are not beyond its end, those of the buckets before included.
type HistogramBucket struct{ UpTo, Count float64 }

// Histogram of that name, of the series that have this label and value; "" for those without. Nil
// when there is none.
func (s Series) Histogram(name, label, value string) Histogram {
	var histogram Histogram
	for key, count := range s {
		rest, ok := strings.CutPrefix(key, name+"_bucket{")
		if !ok || label != "" && !strings.Contains(rest, label+"="+strconv.Quote(value)) {
			continue
		}
		_, rest, _ = strings.Cut(rest, `le="`)
		text, _, _ := strings.Cut(rest, `"`)
		if upTo, err := strconv.ParseFloat(text, 64); err == nil {
			histogram = append(histogram, HistogramBucket{upTo, count})
		}
	}
	slices.SortFunc(histogram, func(a, b HistogramBucket) int {
		if a.UpTo < b.UpTo {
			return -1
		}
		return 1
	})
	return histogram
}

// Since is what was added since an earlier reading of the same.
func (h Histogram) Since(before Histogram) Histogram {
	added := slices.Clone(h)
	for i := range added {
		if i < len(before) {
			added[i].Count -= before[i].Count
		}
	}
	return added
}

// Count is how many there are.
func (h Histogram) Count() float64 {
	if len(h) == 0 {
		return 0
	}
	return h[len(h)-1].Count
}

// Quantile as Prometheus' histogram_quantile() has it: evenly spread within a bucket, which is as
// true as the buckets are narrow; of what lies beyond the last end that end. NaN when there is nothing.
func (h Histogram) Quantile(share float64) float64 {
	total := h.Count()
	if total <= 0 {
		return math.NaN()
	}
	rank := share * total
	var before HistogramBucket
	for _, bucket := range h {
		if math.IsInf(bucket.UpTo, 1) {
			break
		}
		if bucket.Count >= rank {
			return before.UpTo + (bucket.UpTo-before.UpTo)*ratio(rank-before.Count, bucket.Count-before.Count)
		}
		before = bucket
	}
	return before.UpTo
}
