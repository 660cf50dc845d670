// Package report holds what was measured against what must be reached, as a table and as a file.
package report

import (
	"fmt"
	"math"
	"strings"
)

// Reached tells how a figure stands to its goal.
type Reached string

// The cases. Only the first two are a judgement.
const (
	Yes      Reached = "yes"
	No       Reached = "no"
	Told     Reached = "-"       // a figure without a goal
	Unproven Reached = "unknown" // could not be measured: the note says why
)

// Row is one figure.
type Row struct {
	Measure  string  `json:"measure"`
	What     string  `json:"what"`
	Goal     string  `json:"goal,omitempty"`
	Measured string  `json:"measured"`
	Value    float64 `json:"value"`
	Unit     string  `json:"unit,omitempty"`
	Reached  Reached `json:"reached"`
	Note     string  `json:"note,omitempty"`
	Always   bool    `json:"always,omitempty"` // must be reached however slow the machine is
}

// Figure is a row without a goal. What is no number, or infinite, reaches none, and is 0 in the file,
// for JSON has neither.
func Figure(what string, value float64, unit string) Row {
	row := Row{What: what, Unit: unit, Measured: Text(value, unit), Reached: Told}
	if finite(value) {
		row.Value = value
	}
	return row
}

func finite(value float64) bool { return !math.IsNaN(value) && !math.IsInf(value, 0) }

// AtMost is a figure that may be `limit` at most.
func AtMost(what string, value, limit float64, unit string) Row {
	row := Figure(what, value, unit)
	row.Goal = "≤ " + Text(limit, unit)
	row.judge(finite(value) && value <= limit)
	return row
}

// AtLeast is a figure that must be `limit` at least.
func AtLeast(what string, value, limit float64, unit string) Row {
	row := Figure(what, value, unit)
	row.Goal = "≥ " + Text(limit, unit)
	row.judge(finite(value) && value >= limit)
	return row
}

// Must is what is either so or not.
func Must(what, goal, measured string, reached bool) Row {
	row := Row{What: what, Goal: goal, Measured: measured}
	if reached {
		row.Value = 1
	}
	row.judge(reached)
	return row
}

// MustAlways is what is so or not, and must be so however slow the machine is.
func MustAlways(what, goal, measured string, reached bool) Row {
	row := Must(what, goal, measured, reached)
	row.Always = true
	return row
}

// Missing is a goal that could not be looked at.
func Missing(what, goal, why string) Row {
	return Row{What: what, Goal: goal, Measured: "not measured", Reached: Unproven, Note: why}
}

// With adds a note.
func (r Row) With(format string, arguments ...any) Row {
	if r.Note != "" {
		r.Note += "; "
	}
	r.Note += fmt.Sprintf(format, arguments...)
	return r
}

func (r *Row) judge(reached bool) {
	r.Reached = No
	if reached {
		r.Reached = Yes
	}
}

// Text is a figure for people: three digits that count, thousands parted.
func Text(value float64, unit string) string {
	return strings.TrimSuffix(number(value)+" "+unit, " ")
}

func number(value float64) string {
	size := math.Abs(value)
	switch {
	case math.IsNaN(value) || math.IsInf(value, 0):
		return "none"
	case size >= 1000:
		return thousands(int64(math.Round(value)))
	case size >= 100 || size == math.Trunc(size):
		return fmt.Sprintf("%.0f", value)
	case size >= 10:
		return trim(fmt.Sprintf("%.1f", value))
	case size >= 1:
		return trim(fmt.Sprintf("%.2f", value))
	default:
		return trim(fmt.Sprintf("%.3f", value))
	}
}

func trim(text string) string { return strings.TrimSuffix(strings.TrimRight(text, "0"), ".") }

func thousands(value int64) string {
	digits := fmt.Sprint(value)
	sign := ""
	if digits[0] == '-' {
		sign, digits = "-", digits[1:]
	}
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return sign + digits
}
