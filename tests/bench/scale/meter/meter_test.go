package meter

import (
	"context"
	"math"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"testing"
	"time"
)

// burn uses CPU time of this process, about as much as asked for.
func burn(t *testing.T, pid int, want time.Duration) {
	t.Helper()
	begin, err := processTime(pid)
	if err != nil {
		t.Fatal(err)
	}
	for used := begin; used-begin < want; used, _ = processTime(pid) {
		for i := range 100000 {
			runtime.KeepAlive(i)
		}
	}
}

func TestCPUIsWhatAProcessUses(t *testing.T) {
	pid := os.Getpid()
	before, err := ReadCPU(pid)
	if err != nil {
		t.Fatal(err)
	}
	burn(t, pid, 200*time.Millisecond)
	after, err := ReadCPU(pid)
	if err != nil {
		t.Fatal(err)
	}
	usage := after.Since(before)
	if usage.Total < 200*time.Millisecond || usage.Total > 2*time.Second {
		t.Errorf("200 ms were used, %s are told", usage.Total)
	}
	var threads time.Duration
	for _, used := range usage.Threads {
		threads += used
	}
	if threads < usage.Total/2 || threads > usage.Total+100*time.Millisecond {
		t.Errorf("threads used %s of %s", threads, usage.Total)
	}
	if usage.Wall <= 0 || usage.Cores(usage.Total) <= 0 {
		t.Errorf("%s of %s", usage.Total, usage.Wall)
	}
}

func TestNoProcess(t *testing.T) {
	command := exec.Command("true")
	if err := command.Run(); err != nil {
		t.Skip(err)
	}
	pid := command.Process.Pid
	if _, err := ReadCPU(pid); err == nil {
		t.Error("CPU time of a process that is gone")
	}
	if _, err := ReadMemory(pid); err == nil {
		t.Error("memory of a process that is gone")
	}
	if points := Watch(context.Background(), pid, time.Millisecond); len(points) != 0 {
		t.Error("a process that is gone was watched")
	}
}

func TestUsageByName(t *testing.T) {
	before := CPU{Total: 10 * time.Second, Threads: map[string]time.Duration{
		"ingest": time.Second, "nng:poll:epoll": time.Second, "serve-0": 2 * time.Second, "gone": 9}}
	after := CPU{Total: 20 * time.Second, At: before.At.Add(10 * time.Second),
		Threads: map[string]time.Duration{"ingest": 2 * time.Second, "nng:poll:epoll": 4 * time.Second,
			"nng:task": time.Second, "serve-0": time.Second},
		Count: map[string]int{"ingest": 1, "nng:poll:epoll": 1, "nng:task": 1, "serve-0": 1}}
	usage := after.Since(before)
	if got := usage.Of("ingest", "nng:"); got != 5*time.Second {
		t.Errorf("ingest: %s", got)
	}
	if got := usage.Of("serve-"); got != 0 {
		t.Errorf("a thread used %s", got)
	}
	if usage.Has("gone") || !usage.Has("serve-") {
		t.Error(usage.Count)
	}
	if usage.Cores(usage.Total) != 1 {
		t.Error(usage.Cores(usage.Total))
	}
	if PerEach(time.Second, 1000) != 1000 || PerEach(1, 0) != 0 || PerSecond(500, time.Second/2) != 1000 {
		t.Error("figures for each")
	}
}

func TestAccount(t *testing.T) {
	if got, err := parseAccount("12 34 5\n"); err != nil || got != (account{12, 34, 5}) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, bad := range []string{"", "12", "12 34", "a b c"} {
		if _, err := parseAccount(bad); err == nil {
			t.Errorf("%q is an account", bad)
		}
	}
}

// More threads than CPUs, all with something to do, wait.
func TestWhoHasNoCPUWaits(t *testing.T) {
	before, err := ReadCPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if before.Waited == nil {
		t.Skip("the kernel does not tell how long threads wait for a CPU")
	}
	var all sync.WaitGroup
	threads := 4 * runtime.NumCPU()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
	for range threads {
		all.Go(func() {
			runtime.LockOSThread() // and not unlocked: the thread ends with it
			for begin := time.Now(); time.Since(begin) < 300*time.Millisecond; {
			}
		})
	}
	time.Sleep(200 * time.Millisecond)
	after, err := ReadCPU(os.Getpid())
	all.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if share := after.Since(before).WaitShare(""); !(share > 0.1 && share <= 1.1) {
		t.Errorf("they waited %f of the time", share)
	}
}

func TestWaitShare(t *testing.T) {
	begin := time.Now()
	before := CPU{At: begin, Waited: map[string]time.Duration{"serve-0": time.Second, "nng": 1}}
	after := CPU{At: begin.Add(10 * time.Second), Waited: map[string]time.Duration{"serve-0": 2 * time.Second,
		"serve-1": 3 * time.Second, "nng": 10 * time.Second}, Count: map[string]int{"serve-0": 1, "serve-1": 1, "nng": 8}}
	usage := after.Since(before)
	if got := usage.WaitShare("serve-"); got != 0.2 {
		t.Errorf("they waited %f of the time", got)
	}
	if got := usage.WaitShare("gone"); !math.IsNaN(got) {
		t.Errorf("nobody waited %f of the time", got)
	}
	before.Waited = nil
	if got := after.Since(before).WaitShare("serve-"); !math.IsNaN(got) {
		t.Errorf("the kernel did not tell of %f", got)
	}
}

func TestHistogram(t *testing.T) {
	series := Series{`a_bucket{kind="x",le="0.1"}`: 50, `a_bucket{kind="x",le="+Inf"}`: 100,
		`a_bucket{kind="x",le="0.01"}`: 10, `a_bucket{kind="x",le="1"}`: 90, `a_bucket{kind="y",le="0.1"}`: 7,
		`a_count{kind="x"}`: 100, `ab_bucket{kind="x",le="0.1"}`: 7, `b_bucket{le="1"}`: 3, `b_bucket{le="+Inf"}`: 3}
	histogram := series.Histogram("a", "kind", "x")
	if len(histogram) != 4 || histogram.Count() != 100 {
		t.Fatalf("%v", histogram)
	}
	for share, want := range map[float64]float64{0.05: 0.005, 0.1: 0.01, 0.3: 0.055, 0.5: 0.1, 0.9: 1, 0.99: 1, 1: 1} {
		if got := histogram.Quantile(share); math.Abs(got-want) > 1e-9 {
			t.Errorf("%f: %f, not %f", share, got, want)
		}
	}
	added := histogram.Since(Histogram{{0.01, 10}, {0.1, 40}, {1, 40}, {math.Inf(1), 50}})
	if got := added.Quantile(0.5); added.Count() != 50 || math.Abs(got-0.4375) > 1e-9 {
		t.Errorf("%v: %f", added, got)
	}
	if plain := series.Histogram("b", "", ""); plain.Count() != 3 || plain.Quantile(0.5) != 0.5 {
		t.Errorf("%v", plain)
	}
	for _, none := range []Histogram{series.Histogram("c", "", ""), histogram.Since(histogram)} {
		if got := none.Quantile(0.5); none.Count() != 0 || !math.IsNaN(got) {
			t.Errorf("%v: %f", none, got)
		}
	}
}

func TestMemoryGrowsWithUse(t *testing.T) {
	pid := os.Getpid()
	before, err := ReadMemory(pid)
	if err != nil {
		t.Fatal(err)
	}
	const size = 64 << 20
	held := make([]byte, size)
	for i := 0; i < size; i += 4096 {
		held[i] = 1
	}
	after, err := ReadMemory(pid)
	if err != nil {
		t.Fatal(err)
	}
	rss, err := ReadRSS(pid)
	runtime.KeepAlive(held)
	if err != nil {
		t.Fatal(err)
	}
	for name, grown := range map[string]int64{"RSS": after.RSS - before.RSS, "PSS": after.PSS - before.PSS,
		"private": after.Private - before.Private, "statm": rss - before.RSS} {
		if grown < size*9/10 {
			t.Errorf("%s grew by %d", name, grown)
		}
	}
	if after.MostRSS < after.RSS-(4<<20) {
		t.Errorf("most %d, now %d", after.MostRSS, after.RSS)
	}
}

func TestWatch(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	points := Watch(ctx, os.Getpid(), 20*time.Millisecond)
	if len(points) < 3 {
		t.Fatalf("%d points", len(points))
	}
	for i, point := range points {
		if point.RSS <= 0 || i > 0 && point.Seconds <= points[i-1].Seconds {
			t.Errorf("%+v", point)
		}
	}
}

func TestSlope(t *testing.T) {
	line := func(perHour float64) (points []Point) {
		for s := range 100 {
			hours := float64(s) * 36 / 3600
			points = append(points, Point{Seconds: float64(s) * 36, RSS: int64(1e8 * (1 + perHour*hours))})
		}
		return points
	}
	for _, test := range []struct {
		name      string
		points    []Point
		from      float64
		want, off float64
	}{
		{"nothing", nil, 0, 0, 0},
		{"two points", line(1)[:2], 0, 0, 0},
		{"flat", line(0), 0, 0, 1e-9},
		{"5 % an hour", line(0.05), 0, 0.05, 0.002},
		{"shrinks", line(-0.05), 0, -0.05, 0.002},
		{"only the start grows", append(line(0.5)[:50], func() []Point {
			flat := line(0)[50:]
			return flat
		}()...), 1800, 0, 1e-9},
	} {
		if got := SlopePerHour(test.points, test.from); math.Abs(got-test.want) > test.off {
			t.Errorf("%s: %f", test.name, got)
		}
	}
}

func TestSeries(t *testing.T) {
	series, err := ParseSeries([]byte("# HELP a b\n# TYPE a counter\na 1\n\n" +
		"ab{x=\"1 2\",y=\"{\"} 2.5\nab{x=\"3\"} 4\nabc 8\nh_bucket{le=\"+Inf\"} 3\n"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]float64{"a": 1, "ab": 6.5, "abc": 8, "b": 0, "h_bucket": 3} {
		if got := series.Get(name); got != want {
			t.Errorf("%s: %f", name, got)
		}
	}
	if _, there := series.Sum("b"); there {
		t.Error("b is not there")
	}
	if got := series.Labelled("ab", "x", "3"); got != 4 {
		t.Errorf("ab{x=3}: %f", got)
	}
	if got := series.Since(Series{"a": 0.5}, "a"); got != 0.5 {
		t.Errorf("a grew by %f", got)
	}
	held := Series{"a_bytes": 1, `b_bytes{part="x"}`: 2, "c_bytes_total": 4, `d_bytes_bucket{le="1"}`: 8, "bytes": 16}.Bytes()
	if len(held) != 2 || held["a_bytes"] != 1 || held[`b_bytes{part="x"}`] != 2 {
		t.Errorf("%v", held)
	}
	for _, bad := range []string{"a", "a b", "a 1x"} {
		if _, err := ParseSeries([]byte(bad)); err == nil {
			t.Errorf("%q is no series", bad)
		}
	}
}
