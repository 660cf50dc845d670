package meter

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Memory of a process, in bytes.
type Memory struct {
	RSS     int64 `json:"rss"`      // what is resident
	PSS     int64 `json:"pss"`      // the same, shared pages by their share
	Private int64 `json:"private"`  // what nobody else has
	MostRSS int64 `json:"most_rss"` // the greatest RSS so far, or since ResetMost
}

// ReadMemory reads it as it is now. It costs the process a hold of its memory map: not for loops.
func ReadMemory(pid int) (Memory, error) {
	rollup, err := readSizes(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return Memory{}, err
	}
	status, err := readSizes(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return Memory{}, err
	}
	return Memory{RSS: rollup["Rss"], PSS: rollup["Pss"],
		Private: rollup["Private_Clean"] + rollup["Private_Dirty"], MostRSS: status["VmHWM"]}, nil
}

// ReadRSS is the cheap one: resident bytes by /proc/PID/statm.
func ReadRSS(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0, fmt.Errorf("/proc/%d/statm: %q", pid, text)
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}

// ResetMost lets the greatest RSS begin anew.
func ResetMost(pid int) error {
	// "5": Documentation/filesystems/proc.rst
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0)
}

// Lines of "Name:   123 kB"; others are left out.
func readSizes(file string) (map[string]int64, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	sizes := map[string]int64{}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) != 3 || fields[2] != "kB" {
			continue
		}
		if kib, err := strconv.ParseInt(fields[1], 10, 64); err == nil {
			sizes[strings.TrimSuffix(fields[0], ":")] = kib << 10
		}
	}
	return sizes, nil
}

// Point is one look at a process.
type Point struct {
	Seconds float64 `json:"s"`   // since the first
	RSS     int64   `json:"rss"` // bytes
	CPU     float64 `json:"cpu"` // of one core, since the point before
}

// Watch looks at a process every period until the context ends, or the process.
func Watch(ctx context.Context, pid int, period time.Duration) []Point {
	var points []Point
	begin := time.Now()
	before, _ := processTime(pid)
	last := begin
	ticker := time.NewTicker(period)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return points
		case <-ticker.C:
		}
		rss, err := ReadRSS(pid)
		used, timeErr := processTime(pid)
		if err != nil || timeErr != nil {
			return points
		}
		now := time.Now()
		points = append(points, Point{now.Sub(begin).Seconds(), rss,
			ratio(float64(used-before), float64(now.Sub(last)))})
		before, last = used, now
	}
}

// SlopePerHour is how much RSS grows in an hour, as a share of its mean: by least squares over the
// points from `from` seconds on. 0 when there are fewer than three.
func SlopePerHour(points []Point, from float64) float64 {
	var n, sumX, sumY, sumXX, sumXY float64
	for _, point := range points {
		if point.Seconds < from {
			continue
		}
		x, y := point.Seconds/3600, float64(point.RSS)
		n, sumX, sumY, sumXX, sumXY = n+1, sumX+x, sumY+y, sumXX+x*x, sumXY+x*y
	}
	spread := n*sumXX - sumX*sumX
	if n < 3 || spread == 0 || sumY == 0 {
		return 0
	}
	return (n*sumXY - sumX*sumY) / spread / (sumY / n)
}
