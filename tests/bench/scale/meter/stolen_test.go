package meter

import (
	"math"
	"testing"
)

func TestStolen(t *testing.T) {
	before, err := parseMachine("cpu  10 0 10 80 0 0 0 0 0 0\ncpu0 1 2 3\n")
	if err != nil || before != (Machine{100, 0}) {
		t.Fatal(before, err)
	}
	after, err := parseMachine("cpu  30 1 20 90 2 3 4 50 7 7\n")
	if err != nil || after != (Machine{200, 50}) {
		t.Fatal(after, err)
	}
	if got := after.StolenSince(before); got != 0.5 {
		t.Error(got)
	}
	if got := before.StolenSince(before); !math.IsNaN(got) {
		t.Error(got)
	}
	for _, bad := range []string{"", "cpu", "intr 1 2 3 4 5 6 7 8", "cpu 1 2 3 4 5 6 7"} {
		if _, err := parseMachine(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	if now, err := ReadMachine(); err != nil || now.All <= 0 {
		t.Error(now, err)
	}
}
