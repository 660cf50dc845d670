package check

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"tacho.test/bench/scale/quantile"
)

// Sampler asks at random moments for the pods of random workloads, as the HPA does, and collects how
// old their figures are.
type Sampler struct {
	mutex    sync.Mutex
	ages     []float64 // milliseconds
	latency  []float64
	asked    int
	failures []string
	failed   int
}

// Ages is what a sampler found in a span of time. Those of Go's own HTTP client are in the latency:
// asker measures it better.
type Ages struct {
	Asked    int               `json:"asked"`
	Failed   int               `json:"failed"`
	Failures []string          `json:"failures,omitempty"`
	AgeMS    quantile.Spread   `json:"age_ms"`
	TookMS   quantile.Spread   `json:"took_ms"`
	Ages     []quantile.Bucket `json:"ages"`
}

// Run asks so many times a second until the context ends. Each target must answer with `pods` pods.
func (s *Sampler) Run(ctx context.Context, client *Client, targets []string, pods int, rate float64) {
	var group sync.WaitGroup
	defer group.Wait()
	for {
		// moments as they come by themselves, not in step with the agents' second
		wait := time.Duration(rand.ExpFloat64() / rate * float64(time.Second))
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		target := targets[rand.IntN(len(targets))]
		group.Go(func() { s.ask(ctx, client, target, pods) })
	}
}

func (s *Sampler) ask(ctx context.Context, client *Client, target string, pods int) {
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	answer, err := client.Get(limited, target, Protobuf)
	var ages []float64
	found := 0
	if err == nil {
		err = Decode(answer.Body, false, func(item *Item) error {
			found++
			for i := range item.Containers {
				ages = append(ages, Age(item.Containers[i].CPU, answer.End).Seconds()*1000)
			}
			return nil
		})
	}
	if err == nil && found != pods {
		err = fmt.Errorf("%s: %d pods, not %d", target, found, pods)
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.asked++
	if err != nil {
		if s.failed++; len(s.failures) < maxExamples {
			s.failures = append(s.failures, err.Error())
		}
		return
	}
	s.ages = append(s.ages, ages...)
	s.latency = append(s.latency, answer.Took().Seconds()*1000)
}

// Take hands over what was found since the last time.
func (s *Sampler) Take() Ages {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	ages := Ages{s.asked, s.failed, s.failures, quantile.Of(s.ages), quantile.Of(s.latency),
		quantile.Histogram(s.ages, 50, 60)}
	s.ages, s.latency, s.asked, s.failed, s.failures = nil, nil, 0, 0, nil
	return ages
}
