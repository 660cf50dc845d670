package run

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tacho.test/bench/scale/check"
	"tacho.test/bench/scale/meter"
	"tacho.test/bench/scale/quantile"
	"tacho.test/bench/scale/report"
	"tacho.test/bench/scale/world"
	"tacho.test/process"
)

func sleeps(t *testing.T) *process.Process {
	t.Helper()
	p, err := process.Start(process.Launch{Name: "sleep", Log: filepath.Join(t.TempDir(), "log"), Program: "sleep",
		Arguments: []string{"600"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return p
}

// standIn is a stage whose programs only sleep; the aggregator's answers are made here.
func standIn(t *testing.T, b *Bench, serve http.HandlerFunc) *Stage {
	t.Helper()
	server := httptest.NewTLSServer(serve)
	t.Cleanup(server.Close)
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	client := check.NewClient(server.URL, &tls.Config{RootCAs: pool}, nil)
	t.Cleanup(client.Close)
	of, err := world.New(world.Options{Nodes: 70, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	return &Stage{Nodes: 70, Pace: usual, World: of, Tracker: check.Track(of), bench: b,
		Aggregator: &Aggregator{Process: sleeps(t), Client: client, Admin: client}, Fleet: &Fleet{Process: sleeps(t)}}
}

func newBench(t *testing.T, measures ...measure) *Bench {
	t.Helper()
	b, err := New(Options{Scratch: t.TempDir(), Nodes: 70, Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	b.measures = measures
	return b
}

// Nothing but what the aggregator says of itself.
func onlyMetrics(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/metrics" {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	_, _ = io.WriteString(w, "tacho_aggregator_nodes 70\n")
}

func TestSoakThatIsInterrupted(t *testing.T) {
	for _, test := range []struct {
		name string
		end  func(s *Stage, cancel func())
		long time.Duration
		want string
	}{
		{"by its context", func(_ *Stage, cancel func()) { cancel() }, time.Hour, "context canceled"},
		{"by the aggregator's end", func(s *Stage, _ func()) { s.Aggregator.Kill() }, time.Second, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t)
			s := standIn(t, b, onlyMetrics)
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			time.AfterFunc(20*time.Millisecond, func() { test.end(s, cancel) })
			result := &Soak{}
			if err := result.measure(ctx, s, test.long); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v", err)
			}
		})
	}
}

// A soak that was cut short has nothing to be proud of, whatever the way to its rows.
func TestSoakThatSawNothing(t *testing.T) {
	points := make([]meter.Point, 100)
	for i := range points {
		points[i] = meter.Point{Seconds: float64(i * 36), RSS: 200 << 20}
	}
	whole := &Soak{Nodes: 5000, Minutes: 60, Points: points, Memory: meter.Memory{RSS: 1, MostRSS: 2},
		Ages: check.Ages{Asked: 100, AgeMS: quantile.Spread{Count: 2000, P99: 1000}}}
	for _, row := range whole.rows() {
		if row.Reached != report.Yes {
			t.Errorf("%+v", row)
		}
	}
	for _, soak := range []*Soak{{Minutes: 60}, {Minutes: 60, Points: points[:2]}} {
		for _, row := range soak.rows()[1:] { // the first has its memory read, or there are no rows
			if row.Reached == report.Yes {
				t.Errorf("%+v", row)
			}
		}
	}
}

func TestMeasuresThatAreNotMade(t *testing.T) {
	reached := []report.Row{report.AtMost("memory", 0, 350, "MiB")}
	run := func(ctx context.Context, b *Bench) *report.Results {
		results, err := b.Run(ctx, func(*report.Results) error { return nil })
		if (err != nil) != (ctx.Err() != nil) {
			t.Errorf("%v", err)
		}
		return results
	}
	measureOf := func(run func(b *Bench) error) measure {
		return measure{"soak", "", func(b *Bench, _ context.Context) ([]report.Row, any, error) {
			return reached, nil, run(b)
		}, false}
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, test := range []struct {
		name string
		run  func(b *Bench) error
		want int // rows
	}{
		{"made", func(b *Bench) error { return nil }, 1},
		{"failed", func(b *Bench) error { return errors.New("no") }, 0},
		{"made on a stage that stands", func(b *Bench) error { b.stage = standIn(t, b, onlyMetrics); return nil }, 1},
		{"the aggregator died", func(b *Bench) error {
			b.stage = standIn(t, b, onlyMetrics)
			b.stage.Aggregator.Kill()
			return nil
		}, 0},
		{"the fleet died", func(b *Bench) error {
			b.stage = standIn(t, b, onlyMetrics)
			b.stage.Fleet.Kill()
			return nil
		}, 0},
		{"interrupted", func(b *Bench) error { cancel(); return nil }, 0},
	} {
		results := run(ctx, newBench(t, measureOf(test.run)))
		if len(results.Rows) != test.want || results.Failed() != (test.want == 0) {
			t.Errorf("%s: %+v", test.name, results)
		}
	}
}
