package report

import (
	"fmt"
	"os"
)

// Outcome is how a measure ended, whatever the speed.
type Outcome string

// The cases.
const (
	Passed  Outcome = "passed"
	Failed  Outcome = "failed"  // could not be made, or something is not as it must always be
	Skipped Outcome = "skipped" // nothing of it could be looked at: its rows say why
)

// Ended is a measure that has.
type Ended struct {
	Measure string  `json:"measure"`
	Outcome Outcome `json:"outcome"`
}

func outcomeOf(rows []Row, err error) Outcome {
	if err != nil {
		return Failed
	}
	outcome := Skipped
	for _, row := range rows {
		if row.Always && row.Reached == No {
			return Failed
		}
		if row.Reached != Unproven {
			outcome = Passed
		}
	}
	return outcome
}

// Count is how many measures ended so.
func (r *Results) Count(outcome Outcome) (count int) {
	for _, ended := range r.Ended {
		if ended.Outcome == outcome {
			count++
		}
	}
	return count
}

// Tally appends how many passed, failed and were skipped to a file, as scripts/tally.sh reads it.
func (r *Results) Tally(file string) error {
	to, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(to, r.Count(Passed), r.Count(Failed), r.Count(Skipped))
	if closed := to.Close(); err == nil {
		err = closed
	}
	return err
}
