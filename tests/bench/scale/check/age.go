package check

import "time"

// Age of a figure: its CPU figure tells in the last six digits when it was taken, to the
// millisecond. It is right when it lies within some eight minutes; a figure of the future has a
// negative one.
func Age(cpu uint64, now time.Time) time.Duration {
	const round = 1_000_000 // milliseconds
	age := (now.UnixMilli() - int64(cpu%round)) % round
	if age < 0 {
		age += round
	}
	if age > round/2 {
		age -= round
	}
	return time.Duration(age) * time.Millisecond
}
