package run

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"tacho.test/bench/scale/beside"
	"tacho.test/bench/scale/check"
	"tacho.test/bench/scale/kubedouble"
	"tacho.test/bench/scale/meter"
	"tacho.test/bench/scale/quantile"
	"tacho.test/bench/scale/report"
)

func TestPortsInTheLog(t *testing.T) {
	for _, line := range []string{"I listening for agents on tls+tcp://0.0.0.0:0: port 39903",
		"I listening for agents on tls+tcp://0.0.0.0:39903"} {
		if agentsPort.MatchString(line) {
			t.Errorf("%q may go on", line)
		}
		line += "\n"
		if found := agentsPort.FindStringSubmatch(line); found == nil || found[1] != "39903" {
			t.Errorf("%q: %q", line, found)
		}
	}
	if found := apiPort.FindStringSubmatch("tacho-aggregator 0.1.0 serves https://127.0.0.1:37465\nI"); found == nil ||
		found[1] != "37465" {
		t.Errorf("%q", found)
	}
}

func TestFleetNews(t *testing.T) {
	f := &Fleet{Process: sleeps(t), changed: make(chan struct{})}
	say := func(line string) { f.take([]byte(line)) }
	say(`{"t_ms":1000,"agents":3,"connected":2,"sent":10,"cpu_s":1}`)
	say(`not JSON`)
	if _, err := f.WaitConnected(context.Background(), time.Millisecond); err == nil ||
		!strings.Contains(err.Error(), "2 of 3") {
		t.Errorf("%v", err)
	}
	before := f.News()
	say(`{"event":"all-connected","t_ms":1500,"ms":1234}`)
	if took, err := f.WaitConnected(context.Background(), time.Second); err != nil || took != 1234*time.Millisecond {
		t.Errorf("%s, %v", took, err)
	}
	say(`{"t_ms":3000,"agents":3,"connected":3,"sent":16,"late":1,"cpu_s":1.5}`)
	if did := f.News().Since(before); did != (Did{Seconds: 2, Sent: 6, Late: 1, CPU: 0.25}) {
		t.Errorf("%+v", did)
	}
	say(`{"event":"lost","t_ms":1,"connected":2}`)
	if _, err := f.WaitConnected(context.Background(), time.Millisecond); err == nil {
		t.Error("they are still connected")
	}
}

func TestAskersReport(t *testing.T) {
	asked := &Asked{}
	good := `{"requests":100,"status":{"200":100},"errors":{},"rate":10,"seconds":10,"latency_us":{"p50":1,"p99":2},
		"histogram":[[1.5,60],[2,40]],"cpu_s":0.5}`
	if err := readReport([]byte(good), asked, asked); err != nil || asked.Requests != 100 || asked.LatencyUS.P99 != 2 ||
		asked.Histogram[0] != [2]float64{1.5, 60} {
		t.Errorf("%v: %+v", err, asked)
	}
	for _, bad := range []string{"", "{", "{}", `{"requests":0,"status":{},"errors":{}}`, `{"requests":2,"status":{"200":1,"500":1}}`,
		`{"requests":2,"status":{"200":2},"errors":{"timeout":1}}`} {
		asked := &Asked{}
		if err := readReport([]byte(bad), asked, asked); err == nil {
			t.Errorf("%q is fine", bad)
		}
	}
}

func size(nodes int, perMessage float64) *Size {
	return &Size{Nodes: nodes, PerMessage: perMessage, Metrics: "all", IntervalMS: 1000, Messages: float64(nodes)}
}

func TestFlat(t *testing.T) {
	for _, test := range []struct {
		name  string
		sizes []*Size
		want  report.Reached
	}{
		{"flat", []*Size{size(100, 100), size(1000, 90), size(5000, 95)}, report.Yes},
		{"cheaper and cheaper", []*Size{size(100, 200), size(1000, 100), size(5000, 50)}, report.Yes},
		{"grows at the end", []*Size{size(100, 200), size(1000, 100), size(5000, 125)}, report.No},
		{"the other metrics don't count", []*Size{size(100, 100), {Nodes: 200, PerMessage: 1, Metrics: "cpu-memory"},
			size(1000, 100)}, report.Yes},
		{"one alone", []*Size{size(100, 100)}, report.Unproven},
		{"nothing came", []*Size{size(100, 100), {Nodes: 200, Metrics: "all", IntervalMS: 1000}}, report.Unproven},
	} {
		if row := flatRow(test.sizes); row.Reached != test.want {
			t.Errorf("%s: %+v", test.name, row)
		}
	}
}

func TestPaceWasKept(t *testing.T) {
	for _, test := range []struct {
		name     string
		messages float64
		fleet    Did
		want     bool
	}{
		{"all came", 1000, Did{Sent: 20000}, true},
		{"a few were late", 980, Did{Sent: 20000, Late: 5000, Skipped: 100}, true},
		{"too few came", 900, Did{Sent: 20000}, false},
		{"many were not made", 1000, Did{Sent: 20000, Skipped: 1000}, false},
	} {
		one := size(1000, 1)
		one.Messages, one.Fleet = test.messages, test.fleet
		if one.kept() != test.want {
			t.Errorf("%s: %t", test.name, !test.want)
		}
	}
}

// What agents that did not keep their pace cost is no figure of the cluster's.
func TestIngestGoal(t *testing.T) {
	slow, few, none := size(5000, 10), size(5000, 10), size(100, 0)
	slow.IntervalMS, slow.Messages, few.Messages, none.Messages = 2000, 2500, 4000, 0
	for name, test := range map[string]struct {
		size *Size
		want report.Reached
	}{
		"as it must be":             {size(5000, 10), report.Yes},
		"every 2 s":                 {slow, report.Unproven},
		"a fifth did not come":      {few, report.Unproven},
		"of another size":           {size(100, 10), report.Told},
		"of another size, and none": {none, report.Unproven},
	} {
		if rows := test.size.rows(); rows[0].Reached != test.want {
			t.Errorf("%s: %+v", name, rows[0])
		}
	}
}

func TestSlowerAgents(t *testing.T) {
	good, bad := size(100, 1), size(100, 1)
	bad.Messages = 50
	for _, test := range []struct {
		name  string
		sizes []*Size // one after the other; nil: it can't be measured
		want  *Size
		paces []time.Duration
	}{
		{"they keep their pace", []*Size{good}, good, []time.Duration{time.Second}},
		{"only every 2 s", []*Size{bad, good}, good, []time.Duration{time.Second, 2 * time.Second}},
		{"not even then", []*Size{bad, bad}, bad, []time.Duration{time.Second, 2 * time.Second}},
		{"it fails", []*Size{nil}, nil, []time.Duration{time.Second}},
		{"it fails then", []*Size{bad, nil}, nil, []time.Duration{time.Second, 2 * time.Second}},
	} {
		b := &Bench{options: Options{Logf: t.Logf}}
		var paces []time.Duration
		got, err := b.growTo(growPoint{100, usual}, func(point growPoint) (*Size, error) {
			one := test.sizes[len(paces)]
			paces = append(paces, point.pace.Interval)
			if one == nil {
				return nil, errors.New("no")
			}
			return one, nil
		})
		if got != test.want || (err == nil) != (test.want != nil) || !slices.Equal(paces, test.paces) {
			t.Errorf("%s: %+v, %v, %v", test.name, got, err, paces)
		}
	}
}

func TestAges(t *testing.T) {
	some := quantile.Spread{Count: 100, P99: 1100}
	for _, test := range []struct {
		name         string
		ages         check.Ages
		age, answers report.Reached
	}{
		{"all is well", check.Ages{Asked: 10, AgeMS: some}, report.Yes, report.Yes},
		{"old", check.Ages{Asked: 10, AgeMS: quantile.Spread{Count: 100, P99: 1300}}, report.No, report.Yes},
		{"one was wrong", check.Ages{Asked: 10, Failed: 1, Failures: []string{"9 pods"}, AgeMS: some}, report.Yes,
			report.No},
		{"all were wrong", check.Ages{Asked: 10, Failed: 10}, report.Unproven, report.No},
		{"nobody asked", check.Ages{}, report.Unproven, report.No},
	} {
		rows := ageRows("now", &test.ages)
		if rows[0].Reached != test.age || rows[1].Reached != test.answers || !rows[1].Always {
			t.Errorf("%s: %+v", test.name, rows)
		}
	}
}

func TestReviews(t *testing.T) {
	for _, test := range []struct {
		span kubeSpan
		want report.Reached
	}{
		{kubeSpan{Requests: 1000, Token: 1, Access: 1, Seconds: 10}, report.Yes},
		{kubeSpan{Requests: 1000, Token: 10, Access: 10, Seconds: 10}, report.No},
		{kubeSpan{Seconds: 10}, report.Unproven},
	} {
		if row := test.span.reviewsRow(); row.Reached != test.want {
			t.Errorf("%+v", row)
		}
	}
}

func TestMostOfASecond(t *testing.T) {
	points := [][3]float64{{0.1, 0, 0}, {0.5, 100, 0}, {1.0, 500, 0}, {1.4, 900, 0}, {3, 1000, 0}}
	if most := mostOfASecond(points); most != 800 {
		t.Errorf("%f", most)
	}
	if mostOfASecond(nil) != 0 {
		t.Error("nothing is something")
	}
}

func TestWatches(t *testing.T) {
	for _, test := range []struct {
		name        string
		list, watch kubedouble.Counts
		want        report.Reached
	}{
		{"a list, then a watch", kubedouble.Counts{Requests: 1}, kubedouble.Counts{Requests: 1, Peak: 1}, report.Yes},
		{"a watch with all objects, that went on", kubedouble.Counts{},
			kubedouble.Counts{Requests: 3, Initial: 1, Peak: 1}, report.Yes},
		{"listed again", kubedouble.Counts{Requests: 2}, kubedouble.Counts{Requests: 1, Peak: 1}, report.No},
		{"two watches", kubedouble.Counts{Requests: 1}, kubedouble.Counts{Requests: 2, Peak: 2}, report.No},
	} {
		if row := watchRow("pods", test.list, test.watch); row.Reached != test.want || !row.Always {
			t.Errorf("%s: %+v", test.name, row)
		}
	}
}

func TestWaits(t *testing.T) {
	if waits := waitsOf(Span{before: meter.Series{}, after: meter.Series{}}); waits != nil ||
		waits.row().Reached != report.Unproven {
		t.Error("an aggregator without the metric")
	}
	series := func(count, short float64) meter.Series {
		return meter.Series{waitName + "_count": count, waitName + `_bucket{le="0.001"}`: short}
	}
	if waits := waitsOf(Span{before: series(10, 5), after: series(10, 5)}); waits.row().Reached != report.Unproven {
		t.Errorf("nothing was written: %+v", waits)
	}
	waits := waitsOf(Span{before: series(10, 5), after: series(110, 105)})
	if waits.Count != 100 || waits.Longer != 0 || waits.row().Reached != report.Yes {
		t.Errorf("%+v", waits)
	}
	waits = waitsOf(Span{before: series(10, 5), after: series(110, 104)})
	if waits.Longer != 1 || waits.row().Reached != report.No {
		t.Errorf("%+v", waits)
	}
}

func TestServingThreads(t *testing.T) {
	span := Span{Usage: meter.Usage{Wall: time.Second, Threads: map[string]time.Duration{mainThread: 5, "ingest": 7,
		"nng:task": 1}, Count: map[string]int{mainThread: 1}}}
	if span.Serving() != 5 || span.Ingest() != 8 {
		t.Errorf("%s, %s", span.Serving(), span.Ingest())
	}
	span.Threads["serve-0"], span.Count["serve-0"] = 3, 1
	if span.Serving() != 3 {
		t.Errorf("%s", span.Serving())
	}
}

func TestBesideRows(t *testing.T) {
	results := &beside.Results{Ratios: map[string]float64{"HPA": 19, "pods, JSON": 21, "collecting": 2},
		Servers: map[string]*beside.Server{beside.Tacho: {Asked: map[string]*beside.Asked{"HPA": {PerCPUSecond: 19}}},
			beside.MetricsServer: {Asked: map[string]*beside.Asked{"HPA": {PerCPUSecond: 1}}}}}
	rows := besideRows(results)
	if len(rows) != 3 || rows[0].Reached != report.No || rows[0].Note == "" || rows[1].Reached != report.Told ||
		rows[2].Reached != report.Yes {
		t.Errorf("%+v", rows)
	}
}

func TestOptions(t *testing.T) {
	if _, err := New(Options{Scratch: t.TempDir(), Only: []string{"grow", "shrink"}}); err == nil ||
		!strings.Contains(err.Error(), "shrink") {
		t.Errorf("%v", err)
	}
	for _, options := range []Options{{Quick: true}, {Quick: true, Beside: []string{"beside"}}, {}} {
		options.Scratch = t.TempDir()
		b, err := New(options)
		if err != nil || (b.options.Nodes == 300) != options.Quick {
			t.Errorf("%v", err)
		}
		for _, m := range measures {
			want := !m.extra && (m.name != "beside" || !options.Quick || options.Beside != nil)
			if b.wanted(&m) != want {
				t.Errorf("%+v: %s is wanted: %t", options, m.name, !want)
			}
		}
		if files := b.Files(); options.Quick && files > 4096 || !options.Quick && (files < 12000 || files > 20000) {
			t.Errorf("%+v: %d files", options, files)
		}
	}
	// what a measure returns must fit into the results
	if _, err := json.Marshal([]any{&Size{}, &Asking{}, &Restart{}, &Bothering{}, &Soak{}, &kubeSpan{}}); err != nil {
		t.Error(err)
	}
}

func TestBotherings(t *testing.T) {
	one := func(kind string, p99 float64) *Bothered {
		return &Bothered{Kind: kind, HPA: &HPAResult{Asked: Asked{LatencyUS: Percentiles{P99: p99}}}}
	}
	r := &Bothering{Clients: 1000, Alone: []*Bothered{one("", 1000), one("", 5000)}}
	if alone := r.alone(); alone != 1000 {
		t.Errorf("of two: %f", alone)
	}
	r.Alone = append(r.Alone, one("", 2000))
	r.Beside = []*Bothered{one("silent", 3000), one("drip", 9000), one("drip", 3900), one("idle", 5000), one("idle", 6000)}
	rows := r.rows()
	if len(rows) != 3 {
		t.Fatalf("%+v", rows)
	}
	for i, want := range []struct {
		value   float64
		reached bool
	}{{1.5, true}, {1.95, true}, {2.5, false}} {
		if rows[i].Value != want.value || (rows[i].Reached == report.Yes) != want.reached {
			t.Errorf("%+v", rows[i])
		}
	}
}
