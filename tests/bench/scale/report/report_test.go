package report

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestText(t *testing.T) {
	for _, test := range []struct {
		value float64
		unit  string
		want  string
	}{
		{0, "ms", "0 ms"}, {0.4123, "core", "0.412 core"}, {0.5, "core", "0.5 core"}, {1.2, "s", "1.2 s"},
		{1.234, "×", "1.23 ×"}, {20, "×", "20 ×"}, {34.56, "", "34.6"}, {345.6, "MiB", "346 MiB"},
		{1340, "", "1,340"}, {26812.3, "", "26,812"}, {1234567, "B", "1,234,567 B"}, {-1500, "", "-1,500"},
		{math.NaN(), "ms", "none ms"}, {math.Inf(1), "", "none"},
	} {
		if got := Text(test.value, test.unit); got != test.want {
			t.Errorf("%v: %q, not %q", test.value, got, test.want)
		}
	}
}

func TestJudgement(t *testing.T) {
	for _, test := range []struct {
		row  Row
		want Reached
	}{
		{AtMost("a", 0.5, 0.5, "core"), Yes},
		{AtMost("a", 0.51, 0.5, "core"), No},
		{AtMost("a", math.NaN(), 0.5, "core"), No},
		{AtMost("a", math.Inf(-1), 0.5, "core"), No},
		{AtLeast("a", math.Inf(1), 20, "×"), No},
		{AtLeast("a", 20, 20, "×"), Yes},
		{AtLeast("a", 19.9, 20, "×"), No},
		{Must("a", "flat", "flat", true), Yes},
		{Must("a", "flat", "grows", false), No},
		{Missing("a", "≤ 1 ms", "no metric"), Unproven},
		{Figure("a", 3, "s"), Told},
	} {
		if _, err := json.Marshal(test.row); err != nil || test.row.Reached != test.want {
			t.Errorf("%+v, %v", test.row, err)
		}
	}
}

func TestTable(t *testing.T) {
	results := New()
	results.Add("grow", []Row{AtMost("ingest", 0.4, 0.5, "core").With("while %d others ran", 3).With("twice"),
		Figure("µ of one", 2, "µs")}, map[string]int{"x": 1}, nil)
	results.Add("beside", []Row{AtLeast("that was not measured", 20, 20, "×")}, nil, errors.New("no metrics-server"))
	want := strings.Join([]string{
		"| what     | goal       | measured     | reached |",
		"|----------|------------|--------------|---------|",
		"| ingest   | ≤ 0.5 core | 0.4 core [1] | yes     |",
		"| µ of one |            | 2 µs         | -       |",
		"[1] while 3 others ran; twice",
		"failed: beside: no metrics-server", ""}, "\n")
	if got := results.Table(); got != want {
		t.Errorf("\n%s\nnot\n%s", got, want)
	}
	if results.Missed() != 0 {
		t.Error(results.Missed())
	}
}

func TestOutcomes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tally")
	results := New()
	count := func(missed, passed, failed, skipped int) {
		t.Helper()
		if results.Missed() != missed || results.Count(Passed) != passed || results.Count(Failed) != failed ||
			results.Count(Skipped) != skipped || results.Failed() != (failed > 0) {
			t.Errorf("%d missed, %+v", results.Missed(), results.Ended)
		}
		if err := results.Tally(file); err != nil {
			t.Error(err)
		}
	}
	count(0, 0, 0, 0)
	results.Add("beside", []Row{Missing("a", "≥ 20 ×", "left out")}, nil, nil)
	count(0, 0, 0, 1)
	results.Add("ask", []Row{AtMost("b", 2, 1, ""), MustAlways("c", "so", "so", true), Missing("d", "1", "")}, nil, nil)
	count(1, 1, 0, 1)
	results.Add("kube", []Row{MustAlways("c", "so", "not", false), Figure("f", 1, "")}, nil, nil)
	count(2, 1, 1, 1)
	results.Add("soak", []Row{AtMost("memory", 0, 350, "MiB")}, nil, errors.New("interrupted"))
	count(2, 1, 2, 1)
	if text, err := os.ReadFile(file); err != nil || string(text) != "0 0 0\n0 0 1\n1 0 1\n1 1 1\n1 2 1\n" {
		t.Errorf("%q, %v", text, err)
	}
	if results.Tally(filepath.Join(file, "x")) == nil {
		t.Error("it was written into a file that can't be")
	}
}

func TestFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "new", "results.json")
	results := New()
	results.Add("grow", []Row{Figure("a", 1, "s")}, []int{1, 2}, nil)
	if err := results.Write(file); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var read Results
	if err := json.Unmarshal(text, &read); err != nil || len(read.Rows) != 1 || read.Rows[0].Measure != "grow" ||
		read.Machine.Cores < 1 || read.Machine.Kernel == "" {
		t.Errorf("%v: %s", err, text)
	}
	results.Rows[0].Value = math.NaN() // JSON has none
	if err := results.Write(file); err == nil {
		t.Error("NaN was written")
	}
	if again, _ := os.ReadFile(file); string(again) != string(text) {
		t.Error("the file was spoilt")
	}
}
