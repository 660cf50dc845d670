package meter

import (
	"bufio"
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// Series is what a program says about itself: values by name with labels, as they stand in
// Prometheus' text format.
type Series map[string]float64

// ParseSeries reads text format 0.0.4.
func ParseSeries(text []byte) (Series, error) {
	series := Series{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		// labels may hold blanks, the value can't
		end := strings.LastIndexByte(line, ' ')
		if end < 0 {
			return nil, fmt.Errorf("no series: %q", line)
		}
		value, err := strconv.ParseFloat(line[end+1:], 64)
		if err != nil {
			return nil, fmt.Errorf("series %q: %w", line, err)
		}
		series[strings.TrimSpace(line[:end])] = value
	}
	return series, lines.Err()
}

// Sum of all series of a name, whatever their labels; and whether there is one.
func (s Series) Sum(name string) (sum float64, there bool) {
	for key, value := range s {
		if rest, ok := strings.CutPrefix(key, name); ok && (rest == "" || rest[0] == '{') {
			sum, there = sum+value, true
		}
	}
	return sum, there
}

// Get is Sum of a series that may be missing.
func (s Series) Get(name string) float64 {
	sum, _ := s.Sum(name)
	return sum
}

// Labelled is the sum of the series of a name that have this label and value.
func (s Series) Labelled(name, label, value string) (sum float64) {
	for key, v := range s {
		rest, ok := strings.CutPrefix(key, name)
		if ok && strings.HasPrefix(rest, "{") && strings.Contains(rest, label+"="+strconv.Quote(value)) {
			sum += v
		}
	}
	return sum
}

// Since is how much a counter grew.
func (s Series) Since(before Series, name string) float64 { return s.Get(name) - before.Get(name) }

// Bytes are the series that tell how much is held: gauges in bytes, by their names' end.
func (s Series) Bytes() map[string]float64 {
	held := map[string]float64{}
	for key, value := range s {
		name, _, _ := strings.Cut(key, "{")
		if strings.HasSuffix(name, "_bytes") {
			held[key] = value
		}
	}
	return held
}
