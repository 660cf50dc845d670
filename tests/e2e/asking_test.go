package e2e

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"tacho.test/e2e/cluster"
)

// asking is somebody who asks twenty times a second, through kube-apiserver, as kubectl top does,
// and remembers each answer that was none, or that left out what had been there all the time.
type asking struct {
	stop     context.CancelFunc
	group    sync.WaitGroup
	mutex    sync.Mutex
	asked    int
	failures []failure
}

// failure is a question without a whole answer.
type failure struct {
	began time.Time
	took  time.Duration
	err   error
}

func (f failure) String() string {
	return fmt.Sprintf("%s +%s: %v", f.began.Format("15:04:05.000"), f.took.Round(time.Millisecond), f.err)
}

func startAsking(t testing.TB) *asking {
	limited, cancel := context.WithCancel(ctx)
	a := &asking{stop: cancel}
	t.Cleanup(func() { a.end() })
	a.group.Add(1)
	go func() {
		defer a.group.Done()
		ticker := time.NewTicker(50 * time.Millisecond)
		defer ticker.Stop()
		for number := 0; ; number++ {
			select {
			case <-limited.Done():
				return
			case <-ticker.C:
			}
			a.group.Add(1)
			go func() {
				defer a.group.Done()
				a.ask(number)
			}()
		}
	}()
	return a
}

func (a *asking) ask(number int) {
	limited, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	began := time.Now()
	var err error
	if number%2 == 0 {
		err = askNodes(limited)
	} else {
		err = askPods(limited)
	}
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.asked++
	if err != nil {
		a.failures = append(a.failures, failure{began, time.Since(began), err})
	}
}

func askNodes(ctx context.Context) error {
	list, err := figures.MetricsV1beta1().NodeMetricses().List(ctx, metav1.ListOptions{})
	if err == nil && len(list.Items) < len(nodeNames) {
		err = fmt.Errorf("only %d nodes are in the answer", len(list.Items))
	}
	return err
}

// The agents and at least one aggregator have run for long enough to have figures.
func askPods(ctx context.Context) error {
	list, err := figures.MetricsV1beta1().PodMetricses(home).List(ctx, metav1.ListOptions{})
	if err == nil && len(list.Items) == 0 {
		err = errors.New("no pod is in the answer")
	}
	return err
}

// end returns what was not answered.
func (a *asking) end() []failure {
	a.stop()
	a.group.Wait()
	return a.failures
}

func (a *asking) wantNoFailure(t testing.TB) {
	t.Helper()
	if failures := a.end(); len(failures) > 0 {
		t.Errorf("%d of %d questions had no answer; the first ones: %v", len(failures), a.asked,
			failures[:min(len(failures), 8)])
	}
	t.Logf("%d questions", a.asked)
}

// subjectOfAggregator is whom kube-apiserver and agents expect.
func subjectOfAggregator() cluster.Subject {
	names := []string{}
	for _, service := range []string{"tacho-aggregator", "tacho-agents"} {
		names = append(names, service+"."+home+".svc", service+"."+home+".svc."+cluster.Domain)
	}
	return cluster.Subject{Name: "tacho-aggregator", DNS: names}
}
