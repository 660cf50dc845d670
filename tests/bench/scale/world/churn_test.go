package world

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// replay holds a world that is told in events alone.
type replay struct {
	t       *testing.T
	mutex   sync.Mutex
	version uint64
	nodes   map[string]*Node
	pods    map[string]*Pod // by uid
	counts  map[EventType]int
	events  []Event
}

func follow(t *testing.T, w *World) *replay {
	r := &replay{t: t, nodes: map[string]*Node{}, pods: map[string]*Pod{}, counts: map[EventType]int{}}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	all, cancel := w.Subscribe(r.take)
	t.Cleanup(cancel)
	r.version = all.Version
	for _, node := range all.Nodes {
		r.nodes[node.Name] = node
	}
	for _, pod := range all.Pods {
		r.pods[pod.UID] = pod
	}
	return r
}

func (r *replay) take(event Event) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if event.Version != r.version+1 {
		r.t.Errorf("version %d behind %d", event.Version, r.version)
	}
	r.version = event.Version
	r.events = append(r.events, event)
	if pod := event.Pod; pod != nil {
		r.counts[event.Type]++
		if known := r.pods[pod.UID] != nil; known != (event.Type != Added) {
			r.t.Errorf("%v of %s, known: %v", event.Type, pod.Name, known)
		}
		if r.nodes[pod.Node] == nil {
			r.t.Errorf("%v of %s on an unknown node", event.Type, pod.Name)
		}
		r.pods[pod.UID] = pod
		if event.Type == Deleted {
			delete(r.pods, pod.UID)
		}
		return
	}
	r.nodes[event.Node.Name] = event.Node
	if event.Type == Deleted {
		delete(r.nodes, event.Node.Name)
	}
}

func (r *replay) check(w *World) {
	r.t.Helper()
	all := w.Snapshot()
	nodes, pods := map[string]*Node{}, map[string]*Pod{}
	for _, node := range all.Nodes {
		nodes[node.Name] = node
	}
	for _, pod := range all.Pods {
		pods[pod.UID] = pod
	}
	if !maps.Equal(nodes, r.nodes) || !maps.Equal(pods, r.pods) || all.Version != r.version {
		r.t.Error("the events tell of another world")
	}
}

func TestRolling(t *testing.T) {
	w := make1(t, Options{Nodes: 100, Seed: 1})
	r := follow(t, w)
	steady := map[string][]*Pod{}
	for _, workload := range w.Workloads() {
		if workload.Steady {
			steady[workload.Name] = w.PodsOf(workload)
		}
	}
	churner := w.NewChurner(Churn{PodsPerSecond: 100})
	for range 50 * 60 {
		churner.Step(20 * time.Millisecond)
	}
	// Those of the last second have come, and the old ones are there still.
	if r.counts[Added] != 6000 || r.counts[Deleted] < 5890 || r.counts[Deleted] > 5905 {
		t.Errorf("%d came, %d went", r.counts[Added], r.counts[Deleted])
	}
	if _, pods := w.Counts(); pods != 3000+r.counts[Added]-r.counts[Deleted] {
		t.Errorf("%d pods", pods)
	}
	r.check(w)
	checkWhole(t, w)
	for _, workload := range w.Workloads() {
		if workload.Steady && !slices.Equal(steady[workload.Name], w.PodsOf(workload)) {
			t.Errorf("%s was not left alone", workload.Name)
		}
		if workload.Kind != Deployment {
			for _, pod := range w.PodsOf(workload) {
				if pod.Version > 1000+3000+100 {
					t.Errorf("%s of a %v has changed", pod.Name, workload.Kind)
				}
			}
		}
	}
	for _, target := range w.Targets(HPANamespace, 100) {
		if count := selected(t, w.Snapshot().Pods, HPANamespace, target); count != TenPods {
			t.Errorf("%s names %d pods", target, count)
		}
	}
}

// A pod is ADDED, MODIFIED when it is ready, MODIFIED when it is to go, DELETED; and a new revision
// has another hash.
func TestLifeOfAPod(t *testing.T) {
	w := make1(t, Options{Nodes: 100, Seed: 1})
	r := follow(t, w)
	churner := w.NewChurner(Churn{PodsPerSecond: 20})
	for range 10 * 120 {
		churner.Step(100 * time.Millisecond)
	}
	told := map[string][]string{}
	for _, event := range r.events {
		kind := event.Type.String()
		if event.Pod.Leaving {
			kind += " leaving"
		}
		told[event.Pod.UID] = append(told[event.Pod.UID], kind)
	}
	lives := map[string]int{}
	for _, life := range told {
		lives[strings.Join(life, ", ")]++
	}
	if lives["ADDED, MODIFIED, MODIFIED leaving, DELETED leaving"] == 0 ||
		lives["MODIFIED leaving, DELETED leaving"] == 0 || lives["ADDED, MODIFIED"] == 0 {
		t.Errorf("lives: %v", lives)
	}
	for _, event := range r.events {
		hash := event.Pod.Labels()["pod-template-hash"]
		if !strings.Contains(event.Pod.Name, "-"+hash+"-") || event.Pod.Revision.Hash != hash {
			t.Errorf("%s with hash %s", event.Pod.Name, hash)
		}
	}
}

func TestNodesComeAndGo(t *testing.T) {
	w := make1(t, Options{Nodes: 60, Seed: 1})
	r := follow(t, w)
	churner := w.NewChurner(Churn{PodsPerSecond: 50, NodesPerMinute: 30, NodeLife: 20 * time.Second,
		NodeReports: 10 * time.Second})
	busiest := 0
	for range 50 * 60 * 3 {
		churner.Step(20 * time.Millisecond)
		if at := w.Node(nodeName(70)); at != nil {
			busiest = max(busiest, len(w.PodsOn(at.Name)))
		}
	}
	r.check(w)
	checkWhole(t, w)
	nodes, _ := w.Counts()
	if nodes != 70 || w.Node(nodeName(60)) != nil || w.Node(nodeName(149)) == nil {
		t.Errorf("%d nodes", nodes)
	}
	if busiest < 10 {
		t.Errorf("a node that came had %d pods", busiest)
	}
	reports := 0
	for _, event := range r.events {
		if event.Node != nil && event.Type == Modified {
			reports++
		}
	}
	if reports < 60*18 || reports > 75*18 {
		t.Errorf("%d reports of nodes", reports)
	}
}

func TestFewToRoll(t *testing.T) {
	w := make1(t, Options{Nodes: 1, PodsPerNode: 1, Seed: 1})
	r := follow(t, w)
	churner := w.NewChurner(Churn{PodsPerSecond: 1000, NodesPerMinute: 60})
	for range 100 {
		churner.Step(50 * time.Millisecond)
	}
	r.check(w)
}

func TestSameChanges(t *testing.T) {
	run := func() []Event {
		w := make1(t, Options{Nodes: 40, Seed: 9})
		r := follow(t, w)
		churner := w.NewChurner(Churn{PodsPerSecond: 70, NodesPerMinute: 20, NodeLife: 5 * time.Second,
			NodeReports: time.Minute})
		for range 600 {
			churner.Step(33 * time.Millisecond)
		}
		return r.events
	}
	if !reflect.DeepEqual(run(), run()) {
		t.Error("the same steps changed the same world in two ways")
	}
}

func TestRun(t *testing.T) {
	w := make1(t, Options{Nodes: 40, Seed: 9})
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Second)
	defer stop()
	r := follow(t, w)
	w.NewChurner(Churn{PodsPerSecond: 200}).Run(ctx)
	r.check(w)
	if r.counts[Added] < 100 || r.counts[Added] > 400 {
		t.Errorf("%d pods came in 2 s", r.counts[Added])
	}
}
