package check

import (
	"fmt"
	"strings"
	"time"

	"tacho.test/bench/scale/quantile"
	"tacho.test/bench/scale/world"
)

// Report says how far an answer is what it must be.
type Report struct {
	Items      int             `json:"items"`
	Containers int             `json:"containers"`
	Lost       int             `json:"lost"`     // are there, and not in the answer
	Extra      int             `json:"extra"`    // are in the answer, and not there, or twice
	Wrong      int             `json:"wrong"`    // containers, figures or times that are others
	Late       int             `json:"late"`     // figures older than they may be
	Changing   int             `json:"changing"` // came or went within the grace: not judged
	AgeMS      quantile.Spread `json:"age_ms"`
	Examples   []string        `json:"examples,omitempty"` // of what is not right: a few
	Bytes      int             `json:"bytes"`
	Seconds    float64         `json:"seconds"` // from the question to the last byte
}

const maxExamples = 8

// Right tells whether nothing is lost, too much or wrong. Late ones are another matter.
func (r *Report) Right() bool { return r.Lost+r.Extra+r.Wrong == 0 && r.Items > 0 }

func (r *Report) String() string {
	text := fmt.Sprintf("%d items, %d figures: %d lost, %d too many, %d wrong, %d late", r.Items, r.Containers,
		r.Lost, r.Extra, r.Wrong, r.Late)
	if len(r.Examples) > 0 {
		text += " (" + strings.Join(r.Examples, "; ") + ")"
	}
	return text
}

func (r *Report) note(count *int, format string, arguments ...any) {
	*count++
	if len(r.Examples) < maxExamples {
		r.Examples = append(r.Examples, fmt.Sprintf(format, arguments...))
	}
}

// Compare holds a list in protobuf against the world. late is the age from which a figure is late.
func (t *Tracker) Compare(answer *Answer, nodes bool, late time.Duration) (*Report, error) {
	report := &Report{Bytes: len(answer.Body), Seconds: answer.Took().Seconds()}
	view := t.view(nodes, answer.Begin)
	seen := make(map[string]bool, len(view.all))
	var ages []float64
	var key []byte
	err := Decode(answer.Body, nodes, func(item *Item) error {
		key = itemKey(key[:0], item)
		report.Items++
		if seen[string(key)] {
			report.note(&report.Extra, "%s twice", key)
			return nil
		}
		seen[string(key)] = true
		if judged(report, &view, key, len(item.Containers), nodes) {
			ages = report.figures(item, string(key), nodes, answer.At(item.End), late, ages)
		}
		return nil
	})
	for name, one := range view.all {
		if !seen[name] && view.settled(one) {
			report.note(&report.Lost, "%s lost", name)
		}
	}
	report.AgeMS = quantile.Of(ages)
	return report, err
}

func itemKey(key []byte, item *Item) []byte {
	if len(item.Namespace) > 0 {
		key = append(append(key, item.Namespace...), '/')
	}
	return append(key, item.Name...)
}

// judged tells whether the item's figures are to be looked at: it is there, and was a while ago.
func judged(report *Report, view *expected, key []byte, containers int, nodes bool) bool {
	one := view.all[string(key)]
	switch {
	case one == nil && view.gone[string(key)] != nil, one != nil && !view.settled(one):
		report.Changing++
		return false
	case one == nil:
		report.note(&report.Extra, "%s too many", key)
		return false
	case !nodes && one.containers != containers:
		report.note(&report.Wrong, "%s has %d containers, not %d", key, containers, one.containers)
		return false
	}
	return true
}

// figures looks at the figures of one item, and adds their ages in milliseconds.
func (r *Report) figures(item *Item, key string, node bool, now time.Time, late time.Duration,
	ages []float64) []float64 {
	for i := range item.Containers {
		container := &item.Containers[i]
		r.Containers++
		age := Age(container.CPU, now)
		if wrong := wrongFigure(item, container, key, node, now.Add(-age)); wrong != "" {
			r.note(&r.Wrong, "%s/%s: %s", key, container.Name, wrong)
			continue
		}
		ages = append(ages, age.Seconds()*1000)
		if age > late {
			r.note(&r.Late, "%s/%s is %s old", key, container.Name, age)
		}
	}
	return ages
}

// wrongFigure says what is wrong with a container's figures, which were taken at a time.
func wrongFigure(item *Item, container *Container, key string, node bool, taken time.Time) string {
	hash := world.Hash(key + "/" + string(container.Name))
	if node {
		hash = world.NodeHash(key)
	}
	want := world.CPU(hash, taken.UnixMilli())
	switch {
	case !container.Complete:
		return "a figure is missing"
	case container.CPU != want:
		return fmt.Sprintf("CPU is %dn, not %dn", container.CPU, want)
	case container.Memory != world.Memory(hash):
		return fmt.Sprintf("memory is %d, not %d", container.Memory, world.Memory(hash))
	case taken.Unix() < item.TimestampS-1 || taken.Unix() > item.TimestampS+1:
		return fmt.Sprintf("taken at %d, and said to be of %d", taken.Unix(), item.TimestampS)
	case item.WindowNS <= 0:
		return "its window is 0"
	}
	return ""
}
