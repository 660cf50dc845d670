package run

import (
	"context"
	"errors"
	"fmt"

	"tacho.test/bench/scale/check"
	"tacho.test/bench/scale/report"
	"tacho.test/bench/scale/world"
)

// sampleAges asks for pods all over the world until the function that it returns is called.
func (s *Stage) sampleAges(ctx context.Context, sampler *check.Sampler) (stop func(), err error) {
	targets := append(s.World.Targets(string(hpaSmall), targetsOfANamespace),
		s.World.Targets(string(hpaBig), targetsOfANamespace)...)
	if len(targets) == 0 {
		return nil, errors.New("the world has nothing to ask for whose age could be told")
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		sampler.Run(ctx, s.Aggregator.Client, targets, world.TenPods, samplesPerSecond)
	}()
	return func() {
		cancel()
		<-done
	}, nil
}

// ageRows judge the ages, and that each answer had the pods that it must have.
func ageRows(when string, ages *check.Ages) []report.Row {
	const limit = goalAgeSeconds
	what := "age of a served sample, p99, " + when
	age := report.Missing(what, "≤ "+report.Text(limit, "s"), "no answer was right")
	if ages.AgeMS.Count > 0 {
		age = report.AtMost(what, ages.AgeMS.P99/1000, limit, "s").With("p50 %.2f s, most %.2f s, of %d",
			ages.AgeMS.P50/1000, ages.AgeMS.Max/1000, ages.AgeMS.Count)
	}
	answers := report.MustAlways("answers of which the ages are, "+when, "none wrong or lost",
		fmt.Sprintf("%d of %s", ages.Failed, report.Text(float64(ages.Asked), "")), ages.Failed == 0 && ages.Asked > 0)
	if len(ages.Failures) > 0 {
		answers = answers.With("%s", ages.Failures[0])
	}
	return []report.Row{age, answers}
}
