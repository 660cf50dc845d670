package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Results is all that a run found.
type Results struct {
	Machine Machine        `json:"machine"`
	Began   time.Time      `json:"began"`
	Seconds float64        `json:"seconds"`
	Quick   bool           `json:"quick,omitempty"`
	Ended   []Ended        `json:"measures"`
	Rows    []Row          `json:"rows"`
	Series  map[string]any `json:"series"` // by measure: what the figures were made of
	Errors  []string       `json:"errors,omitempty"`
}

// Machine is where it ran.
type Machine struct {
	Cores    int    `json:"cores"`
	Memory   int64  `json:"memory_bytes"`
	Kernel   string `json:"kernel"`
	CPU      string `json:"cpu"`
	Revision string `json:"revision,omitempty"` // of the source
}

// New begins now, on this machine.
func New() *Results {
	machine := Machine{Cores: runtime.NumCPU(), CPU: cpuModel()}
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		machine.Kernel = unix.ByteSliceToString(name.Release[:])
	}
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) == nil {
		machine.Memory = int64(info.Totalram) * int64(info.Unit)
	}
	return &Results{Machine: machine, Began: time.Now().UTC().Truncate(time.Second), Series: map[string]any{}}
}

func cpuModel() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.SplitSeq(string(text), "\n") {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

// Add takes what a measure found, and what that was made of. One that could not be made has no rows:
// what was not measured reaches no goal.
func (r *Results) Add(measure string, rows []Row, series any, err error) {
	if err != nil {
		rows = nil
		r.Errors = append(r.Errors, measure+": "+err.Error())
	}
	for _, row := range rows {
		row.Measure = measure
		r.Rows = append(r.Rows, row)
	}
	if series != nil {
		r.Series[measure] = series
	}
	r.Ended = append(r.Ended, Ended{measure, outcomeOf(rows, err)})
}

// Missed is how many goals were not reached.
func (r *Results) Missed() (missed int) {
	for _, row := range r.Rows {
		if row.Reached == No {
			missed++
		}
	}
	return missed
}

// Failed tells whether a measure could not be made, or something is not as it must always be.
func (r *Results) Failed() bool { return r.Count(Failed) > 0 }

// Write puts it into a file, whole or not at all.
func (r *Results) Write(file string) error {
	r.Seconds = time.Since(r.Began).Round(time.Second).Seconds()
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return fmt.Errorf("results: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(file+".partial", append(text, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(file+".partial", file)
}

// Table is what people read: Markdown, notes below.
func (r *Results) Table() string {
	var out bytes.Buffer
	widths := []int{4, 4, 8, 7}
	lines := [][]string{{"what", "goal", "measured", "reached"}}
	var notes []string
	for _, row := range r.Rows {
		measured := row.Measured
		if row.Note != "" {
			notes = append(notes, row.Note)
			measured += fmt.Sprintf(" [%d]", len(notes))
		}
		lines = append(lines, []string{row.What, row.Goal, measured, string(row.Reached)})
	}
	for _, line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	for i, line := range lines {
		for column, cell := range line {
			fmt.Fprintf(&out, "| %-*s ", widths[column], cell)
		}
		out.WriteString("|\n")
		if i == 0 {
			for _, width := range widths {
				out.WriteString("|" + strings.Repeat("-", width+2))
			}
			out.WriteString("|\n")
		}
	}
	for i, note := range notes {
		fmt.Fprintf(&out, "[%d] %s\n", i+1, note)
	}
	for _, failure := range r.Errors {
		fmt.Fprintf(&out, "failed: %s\n", failure)
	}
	return out.String()
}
