package quantile

import "testing"

func TestSpread(t *testing.T) {
	thousand := make([]float64, 1000)
	for i := range thousand {
		thousand[i] = float64(1000 - i)
	}
	for _, test := range []struct {
		name   string
		values []float64
		want   Spread
	}{
		{"none", nil, Spread{}},
		{"one", []float64{7}, Spread{1, 7, 7, 7, 7, 7}},
		{"two", []float64{2, 1}, Spread{2, 1, 2, 2, 2, 2}},
		{"a thousand", thousand, Spread{1000, 500, 900, 990, 999, 1000}},
	} {
		if got := Of(test.values); got != test.want {
			t.Errorf("%s: %+v", test.name, got)
		}
	}
}

func TestHistogram(t *testing.T) {
	got := Histogram([]float64{-1, 0, 10, 10.1, 20, 29, 31, 1e9}, 10, 3)
	for i, want := range []int{3, 2, 1, 2} {
		if got[i].Count != want || got[i].UpTo != float64(i+1)*10 {
			t.Errorf("bucket %d: %+v", i, got[i])
		}
	}
}
