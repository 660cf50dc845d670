package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tacho.test/bench/scale/beside"
	"tacho.test/bench/scale/report"
	"tacho.test/process"
)

// beside has a program of its own, which enters namespaces.
func (b *Bench) beside(ctx context.Context) ([]report.Row, any, error) {
	if len(b.options.Beside) == 0 {
		return []report.Row{report.Missing("side by side with metrics-server", "≥ 20 ×", "left out")}, nil, nil
	}
	b.endStage() // it needs the machine for itself
	folder := filepath.Join(b.options.Scratch, "beside")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, nil, err
	}
	file := filepath.Join(folder, "results.json")
	arguments := append(slices.Clone(b.options.Beside[1:]), "--folder="+filepath.Join(folder, "work"), "--results="+file)
	p, err := process.Start(process.Launch{Name: "beside", Log: filepath.Join(folder, "beside.log"),
		Program: b.options.Beside[0], Arguments: arguments})
	if err != nil {
		return nil, nil, err
	}
	limited, cancel := context.WithTimeout(ctx, 20*time.Minute)
	defer cancel()
	if err := p.Wait(limited); err != nil {
		return nil, nil, err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, err
	}
	results := &beside.Results{}
	if err := json.Unmarshal(text, results); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", file, err)
	}
	if len(results.Ratios) == 0 {
		return nil, results, errors.New("there is nothing to compare")
	}
	return besideRows(results), results, nil
}

// besideRows: the goals are the HPA's requests over HTTP/1.1 and whole lists of pods, each in the
// form in which both answer.
func besideRows(results *beside.Results) (rows []report.Row) {
	for _, name := range slices.Sorted(maps.Keys(results.Ratios)) {
		what := "beside metrics-server, times better: " + name
		ratio := results.Ratios[name]
		row := report.Figure(what, ratio, "×")
		if name == "HPA" || strings.HasPrefix(name, "pods, ") {
			row = report.AtLeast(what, ratio, goalTimes, "×")
		}
		ours, theirs := results.Servers[beside.Tacho].Asked[name], results.Servers[beside.MetricsServer].Asked[name]
		if ours != nil && theirs != nil {
			row = row.With("%.1f to %.1f requests by CPU second", ours.PerCPUSecond, theirs.PerCPUSecond)
		}
		rows = append(rows, row)
	}
	return rows
}
