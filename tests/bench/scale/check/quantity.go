package check

import (
	"fmt"
	"math"
)

// Suffixes of k8s.io/apimachinery's resource.Quantity, as billionths and as multiples.
var (
	fractions = map[string]uint64{"n": 1, "u": 1000, "m": 1_000_000, "": 1_000_000_000}
	multiples = map[string]uint64{"": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12,
		"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40}
)

// quantity reads what servers of metrics write, whole numbers with a suffix, in units of which there
// are `units` to one: 1 or a billion.
func quantity(text []byte, units uint64) (uint64, error) {
	var value uint64
	digits := 0
	for digits < len(text) && text[digits] >= '0' && text[digits] <= '9' && digits < 18 {
		value = value*10 + uint64(text[digits]-'0')
		digits++
	}
	suffix := string(text[digits:])
	scale, known := multiples[suffix]
	if part, fraction := fractions[suffix]; fraction && units > 1 {
		scale, known = part, true
	} else if known && scale > math.MaxUint64/units {
		known = false
	} else {
		scale *= units
	}
	if digits == 0 || !known || value > math.MaxUint64/scale {
		return 0, fmt.Errorf("not a quantity that can be read: %q", text)
	}
	return value * scale, nil
}
