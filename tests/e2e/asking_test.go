package e2e

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"tacho.test/e2e/cluster"
)

// asking is somebody who asks twenty times a second, through kube-apiserver, as kubectl top does,
// and remembers each answer that was none.
type asking struct {
	stop     context.CancelFunc
	group    sync.WaitGroup
	mutex    sync.Mutex
	asked    int
	failures []string
}

func startAsking(t testing.TB) *asking {
	limited, cancel := context.WithCancel(ctx)
	a := &asking{stop: cancel}
	t.Cleanup(a.end)
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
		_, err = figures.MetricsV1beta1().NodeMetricses().List(limited, metav1.ListOptions{})
	} else {
		_, err = figures.MetricsV1beta1().PodMetricses(home).List(limited, metav1.ListOptions{})
	}
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.asked++
	if err != nil {
		a.failures = append(a.failures, fmt.Sprintf("%s +%s: %v", began.Format("15:04:05.000"),
			time.Since(began).Round(time.Millisecond), err))
	}
}

func (a *asking) end() {
	a.stop()
	a.group.Wait()
}

func (a *asking) wantNoFailure(t testing.TB) {
	t.Helper()
	a.end()
	if len(a.failures) > 0 {
		t.Errorf("%d of %d questions had no answer; the first ones: %v", len(a.failures), a.asked,
			a.failures[:min(len(a.failures), 8)])
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
