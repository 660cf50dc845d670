// Package quantile tells how values are spread.
package quantile

import (
	"math"
	"slices"
)

// Spread of some values, in their own unit; all 0 when there are none.
type Spread struct {
	Count int     `json:"count"`
	P50   float64 `json:"p50"`
	P90   float64 `json:"p90"`
	P99   float64 `json:"p99"`
	P999  float64 `json:"p999"`
	Max   float64 `json:"max"`
}

// Of sorts the values.
func Of(values []float64) Spread {
	slices.Sort(values)
	spread := Spread{Count: len(values)}
	if len(values) > 0 {
		spread.P50, spread.P90, spread.P99 = at(values, 0.5), at(values, 0.9), at(values, 0.99)
		spread.P999, spread.Max = at(values, 0.999), values[len(values)-1]
	}
	return spread
}

// at is the least of the sorted values that this share of them does not exceed.
func at(values []float64, share float64) float64 {
	rank := int(math.Ceil(share*float64(len(values)))) - 1
	return values[min(max(rank, 0), len(values)-1)]
}

// Bucket of a histogram: how many values lie above the bound before, up to this one.
type Bucket struct {
	UpTo  float64 `json:"up_to"`
	Count int     `json:"count"`
}

// Histogram of values in equal steps from 0; the last bucket has what lies beyond `steps` of them.
func Histogram(values []float64, step float64, steps int) []Bucket {
	buckets := make([]Bucket, steps+1)
	for i := range buckets {
		buckets[i].UpTo = step * float64(i+1)
	}
	for _, value := range values {
		index := int(math.Ceil(value/step)) - 1
		buckets[min(max(index, 0), steps)].Count++
	}
	return buckets
}
