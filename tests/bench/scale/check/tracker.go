package check

import (
	"maps"
	"sync"
	"time"

	"tacho.test/bench/scale/world"
)

// Grace is how long a change of the world may take to be seen in answers: through the watch, the
// agent's next catalog and its next sample.
const Grace = 3 * time.Second

// Tracker knows which pods and nodes there are, and which have just come or gone.
type Tracker struct {
	mutex  sync.Mutex
	pods   map[string]*tracked // by namespace/name
	nodes  map[string]*tracked
	gone   []*tracked // not long ago, oldest first
	cancel func()
}

// tracked is a pod or a node; it never changes. What came with the world has the zero time.
type tracked struct {
	name       string
	containers int // 0: a node
	changed    time.Time
	gone       bool
}

// Track follows a world until Stop.
func Track(w *world.World) *Tracker {
	t := &Tracker{pods: map[string]*tracked{}, nodes: map[string]*tracked{}}
	t.mutex.Lock() // events come from now on
	defer t.mutex.Unlock()
	all, cancel := w.Subscribe(t.take)
	t.cancel = cancel
	for _, pod := range all.Pods {
		name := pod.Namespace + "/" + pod.Name
		t.pods[name] = &tracked{name: name, containers: pod.Containers}
	}
	for _, node := range all.Nodes {
		t.nodes[node.Name] = &tracked{name: node.Name}
	}
	return t
}

// Stop lets go of the world.
func (t *Tracker) Stop() { t.cancel() }

func (t *Tracker) take(event world.Event) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	now := time.Now()
	if event.Node != nil {
		t.change(t.nodes, &tracked{name: event.Node.Name, changed: now}, event.Type, false)
		return
	}
	pod := event.Pod
	t.change(t.pods, &tracked{name: pod.Namespace + "/" + pod.Name, containers: pod.Containers,
		changed: now}, event.Type, pod.Leaving)
}

func (t *Tracker) change(all map[string]*tracked, one *tracked, kind world.EventType, leaving bool) {
	switch {
	case kind == world.Deleted:
		delete(all, one.name)
		one.gone = true
		t.gone = append(t.gone, one)
		for len(t.gone) > 0 && one.changed.Sub(t.gone[0].changed) > time.Minute {
			t.gone = t.gone[1:]
		}
	case kind == world.Added || leaving:
		all[one.name] = one
	}
}

// expected is what an answer may and must have that was asked at one time and complete at another.
type expected struct {
	all   map[string]*tracked
	begin time.Time
	gone  map[string]*tracked // within the grace
}

// view is for an answer that is complete.
func (t *Tracker) view(nodes bool, begin time.Time) expected {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	view := expected{begin: begin, gone: map[string]*tracked{}}
	if nodes {
		view.all = maps.Clone(t.nodes)
	} else {
		view.all = maps.Clone(t.pods)
	}
	for _, one := range t.gone {
		if (one.containers == 0) == nodes && begin.Sub(one.changed) < Grace {
			view.gone[one.name] = one
		}
	}
	return view
}

// settled: has been as it is for longer than the grace when the question was asked.
func (e *expected) settled(one *tracked) bool {
	return one.changed.IsZero() || e.begin.Sub(one.changed) > Grace
}
