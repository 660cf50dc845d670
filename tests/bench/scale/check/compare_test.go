package check

import (
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/metrics/pkg/apis/metrics/v1beta1"

	v1 "k8s.io/api/core/v1"
	"tacho.test/bench/scale/world"
)

func smallWorld(t *testing.T) *world.World {
	t.Helper()
	w, err := world.New(world.Options{Nodes: 5, PodsPerNode: 20, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func right(hash uint64, taken time.Time) v1.ResourceList {
	return v1.ResourceList{
		"cpu":    *resource.NewScaledQuantity(int64(world.CPU(hash, taken.UnixMilli())), resource.Nano),
		"memory": *resource.NewQuantity(int64(world.Memory(hash)), resource.BinarySI)}
}

// served is what an aggregator answers that has all of it.
func served(w *world.World, taken time.Time) *v1beta1.PodMetricsList {
	list := &v1beta1.PodMetricsList{
		TypeMeta: metav1.TypeMeta{APIVersion: "metrics.k8s.io/v1beta1", Kind: "PodMetricsList"}}
	for _, pod := range w.Snapshot().Pods {
		item := v1beta1.PodMetrics{ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name},
			Timestamp: metav1.Unix(taken.Unix(), 0), Window: metav1.Duration{Duration: time.Second}}
		for c := range pod.Containers {
			name := fmt.Sprintf("c%d", c)
			item.Containers = append(item.Containers, v1beta1.ContainerMetrics{Name: name,
				Usage: right(world.ContainerHash(pod.Namespace, pod.Name, name), taken)})
		}
		list.Items = append(list.Items, item)
	}
	return list
}

// Each test spoils a right answer in one way.
func TestCompare(t *testing.T) {
	now := time.Now()
	for _, test := range []struct {
		name                     string
		spoil                    func(*v1beta1.PodMetricsList)
		lost, extra, wrong, late int
	}{
		{"right", func(*v1beta1.PodMetricsList) {}, 0, 0, 0, 0},
		{"one is missing", func(l *v1beta1.PodMetricsList) { l.Items = l.Items[1:] }, 1, 0, 0, 0},
		{"none is there", func(l *v1beta1.PodMetricsList) { l.Items = nil }, 100, 0, 0, 0},
		{"one is twice", func(l *v1beta1.PodMetricsList) { l.Items = append(l.Items, l.Items[0]) }, 0, 1, 0, 0},
		{"one is not there", func(l *v1beta1.PodMetricsList) { l.Items[3].Name = "other" }, 1, 1, 0, 0},
		{"a container is missing", func(l *v1beta1.PodMetricsList) {
			l.Items[0].Containers = l.Items[0].Containers[:1]
		}, 0, 0, 1, 0},
		{"a container has another's name", func(l *v1beta1.PodMetricsList) { l.Items[0].Containers[0].Name = "c1" },
			0, 0, 1, 0},
		{"a CPU figure is another", func(l *v1beta1.PodMetricsList) {
			cpu := l.Items[0].Containers[0].Usage["cpu"]
			cpu.Add(resource.MustParse("1m"))
			l.Items[0].Containers[0].Usage["cpu"] = cpu
		}, 0, 0, 1, 0},
		{"a memory figure is another", func(l *v1beta1.PodMetricsList) {
			l.Items[0].Containers[1].Usage["memory"] = resource.MustParse("4097")
		}, 0, 0, 1, 0},
		{"a figure is missing", func(l *v1beta1.PodMetricsList) { delete(l.Items[0].Containers[1].Usage, "memory") },
			0, 0, 1, 0},
		{"the time is another", func(l *v1beta1.PodMetricsList) {
			l.Items[0].Timestamp = metav1.Unix(now.Unix()-3, 0)
		}, 0, 0, 2, 0},
		{"no window", func(l *v1beta1.PodMetricsList) { l.Items[0].Window.Duration = 0 }, 0, 0, 2, 0},
		{"a pod is late", func(l *v1beta1.PodMetricsList) {
			then := now.Add(-2 * time.Second)
			pod := &l.Items[0]
			pod.Timestamp = metav1.Unix(then.Unix(), 0)
			for i, container := range pod.Containers {
				pod.Containers[i].Usage = right(world.ContainerHash(pod.Namespace, pod.Name, container.Name), then)
			}
		}, 0, 0, 0, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := smallWorld(t)
			tracker := Track(w)
			defer tracker.Stop()
			list := served(w, now.Add(-500*time.Millisecond))
			test.spoil(list)
			answer := &Answer{Body: encode(t, list), Begin: now, End: now}
			report, err := tracker.Compare(answer, false, 1200*time.Millisecond)
			if err != nil {
				t.Fatal(err)
			}
			if report.Lost != test.lost || report.Extra != test.extra || report.Wrong != test.wrong ||
				report.Late != test.late {
				t.Error(report)
			}
			if right := test.lost+test.extra+test.wrong == 0; report.Right() != right {
				t.Errorf("right: %t", !right)
			}
			if test.name == "right" && (report.AgeMS.P50 < 499 || report.AgeMS.Max > 502 || report.Containers != 200) {
				t.Errorf("%+v", report)
			}
		})
	}
}

func TestNodesAreCompared(t *testing.T) {
	w := smallWorld(t)
	tracker := Track(w)
	defer tracker.Stop()
	now := time.Now()
	list := &v1beta1.NodeMetricsList{
		TypeMeta: metav1.TypeMeta{APIVersion: "metrics.k8s.io/v1beta1", Kind: "NodeMetricsList"}}
	for _, node := range w.Snapshot().Nodes {
		list.Items = append(list.Items, v1beta1.NodeMetrics{ObjectMeta: metav1.ObjectMeta{Name: node.Name},
			Timestamp: metav1.Unix(now.Unix(), 0), Window: metav1.Duration{Duration: time.Second},
			Usage: right(world.NodeHash(node.Name), now)})
	}
	report, err := tracker.Compare(&Answer{Body: encode(t, list), Begin: now, End: now}, true, time.Second)
	if err != nil || !report.Right() || report.Items != 5 {
		t.Errorf("%v: %s", err, report)
	}
	list.Items[0].Usage = right(world.NodeHash("other"), now)
	report, err = tracker.Compare(&Answer{Body: encode(t, list), Begin: now, End: now}, true, time.Second)
	if err != nil || report.Wrong != 1 {
		t.Errorf("%v: %s", err, report)
	}
}

// What has just come or gone is not judged, for as long as the grace lasts.
func TestGrace(t *testing.T) {
	w := smallWorld(t)
	tracker := Track(w)
	defer tracker.Stop()
	before := served(w, time.Now())
	churner := w.NewChurner(world.Churn{PodsPerSecond: 10})
	for range 20 {
		churner.Step(100 * time.Millisecond)
	}
	after := served(w, time.Now())
	for _, test := range []struct {
		name  string
		list  *v1beta1.PodMetricsList
		later time.Duration
		right bool
	}{
		{"as it was, at once", before, 0, true},
		{"as it is, at once", after, 0, true},
		{"as it was, after the grace", before, Grace + time.Second, false},
		{"as it is, after the grace", after, Grace + time.Second, true},
	} {
		begin := time.Now().Add(test.later)
		answer := &Answer{Body: encode(t, test.list), Begin: begin, End: time.Now()}
		report, err := tracker.Compare(answer, false, time.Minute)
		if err != nil || report.Right() != test.right {
			t.Errorf("%s: %v, %s", test.name, err, report)
		}
		if test.later == 0 && report.Changing == 0 {
			t.Errorf("%s: nothing changed", test.name)
		}
	}
}

func TestMarks(t *testing.T) {
	begin := time.Now()
	answer := &Answer{Begin: begin, End: begin.Add(9), marks: []mark{{10, begin.Add(1)}, {20, begin.Add(2)}}}
	for offset, want := range map[int]time.Duration{1: 1, 10: 1, 11: 2, 20: 2, 21: 9} {
		if got := answer.At(offset).Sub(begin); got != want {
			t.Errorf("byte %d came at %d", offset, got)
		}
	}
}
