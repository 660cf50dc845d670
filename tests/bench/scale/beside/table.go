package beside

import (
	"fmt"
	"io"
	"strings"
)

// row of the table: what, what is counted, and how a server's figure is found.
type row struct {
	name   string // of the ratio, too
	unit   string
	figure func(*Server) string
}

// Table writes the results for people.
func (r *Results) Table(out io.Writer) {
	fmt.Fprintf(out, "%d nodes, %d pods, %d containers; of each server's own CPU time\n\n", r.Nodes, r.Pods, r.Containers)
	fmt.Fprintf(out, "%-24s %-32s %14s %14s %8s\n", "", "", MetricsServer, Tacho, "ratio")
	for _, row := range rows() {
		fmt.Fprintf(out, "%-24s %-32s %14s %14s %8s\n", row.name, row.unit,
			row.of(r.Servers[MetricsServer]), row.of(r.Servers[Tacho]), r.ratio(row.name))
	}
}

func (row *row) of(server *Server) string {
	if server == nil {
		return "–"
	}
	return row.figure(server)
}

func (r *Results) ratio(name string) string {
	if ratio, known := r.Ratios[name]; known {
		return fmt.Sprintf("%.1f", ratio)
	}
	return "–"
}

func rows() []row {
	rows := []row{
		{"collecting", "nodes per CPU second", func(s *Server) string { return number(s.Collecting.PerCPUSecond) }},
		{"cores for collecting", "every 15 s; every 1 s", func(s *Server) string {
			return fmt.Sprintf("%.4f", s.Collecting.Cores)
		}}}
	for _, q := range questions(nil) {
		unit := "requests per CPU second"
		if !strings.HasPrefix(q.name, "HPA") {
			unit = "lists per CPU second"
		}
		rows = append(rows, row{q.name, unit, func(s *Server) string {
			if s.Asked[q.name] == nil {
				return "–"
			}
			return number(s.Asked[q.name].PerCPUSecond)
		}})
	}
	mebibytes := func(kib uint64) string { return fmt.Sprintf("%.1f", float64(kib)/1024) }
	return append(rows,
		row{"memory idle", "MiB resident", func(s *Server) string { return mebibytes(s.MemoryIdle.ResidentKiB) }},
		row{"memory loaded", "MiB resident, after all of this", func(s *Server) string {
			return mebibytes(s.MemoryLoaded.ResidentKiB)
		}},
		row{"memory peak", "MiB resident", func(s *Server) string { return mebibytes(s.MemoryLoaded.PeakKiB) }})
}

func number(value float64) string {
	if value < 100 {
		return fmt.Sprintf("%.1f", value)
	}
	return fmt.Sprintf("%.0f", value)
}
