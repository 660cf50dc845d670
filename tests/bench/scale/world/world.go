// Package world is a made-up cluster like real ones: nodes, workloads and their pods, with names,
// labels and counts as they are found, and how they change. The same options make the same world.
//
// A World may be used by several goroutines. What it hands out never changes: a pod that changes is
// another *Pod with the same UID.
package world

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// MaxPodsPerNode is what a node takes.
const MaxPodsPerNode = 250

// Options say which world.
type Options struct {
	Nodes       int
	PodsPerNode int // the mean; 0: 30
	Containers  int // of each pod; 0: 2
	Seed        uint64
	// The agents' service account, for the tokens; "": tacho-system and tacho-agent.
	AgentNamespace, AgentAccount string
	// TokenIssued and TokenLife say until when the agents' tokens hold; zero: now, and a day.
	TokenIssued time.Time
	TokenLife   time.Duration
}

// Node is one. It never changes.
type Node struct {
	Name    string
	UID     string
	Index   int // counts up from 0, also for those that come later
	Labels  map[string]string
	Version uint64 // its resourceVersion
	Created time.Time
}

// Pod is one that runs. It never changes.
type Pod struct {
	Namespace, Name string
	UID             string
	Node            string
	Containers      int
	Ordinal         int // of a StatefulSet's
	Revision        *Revision
	Version         uint64 // its resourceVersion
	Created         time.Time
	Leaving         bool // it is being deleted, and runs still

	node *Node // as it was when the pod came
}

// EventType is what happened to an object.
type EventType int

// The types of Kubernetes' watches.
const (
	Added EventType = iota
	Modified
	Deleted
)

func (t EventType) String() string { return [...]string{"ADDED", "MODIFIED", "DELETED"}[t] }

// Event is a change of one object: of Pod and Node one is nil. Version is the world's after it and
// the object's; a deleted object has it too, as Kubernetes' watches tell.
type Event struct {
	Type    EventType
	Version uint64
	Pod     *Pod
	Node    *Node
}

// Snapshot is all there is at a version: nodes by name, pods by namespace and name.
type Snapshot struct {
	Version uint64
	Nodes   []*Node
	Pods    []*Pod
}

type podKey struct{ namespace, name string }

// place is a node and what runs there.
type place struct {
	node *Node
	pods []*Pod
}

// World is the cluster.
type World struct {
	options Options
	epoch   time.Time // of what is created first; the churn's clock counts from it

	mutex     sync.RWMutex // guards all below
	random    *rand.Rand
	agentPods bool // agents are pods of the first workload
	version   uint64
	places    map[string]*place // by the node's name
	nextNode  int
	pods      map[podKey]*Pod
	byUID     map[string]*Pod
	workloads []*Workload
	listeners map[int]func(Event)
	nextID    int
}

func (o *Options) complete() error {
	o.PodsPerNode = cmp.Or(o.PodsPerNode, 30)
	o.Containers = cmp.Or(o.Containers, 2)
	o.AgentNamespace = cmp.Or(o.AgentNamespace, "tacho-system")
	o.AgentAccount = cmp.Or(o.AgentAccount, "tacho-agent")
	o.TokenLife = cmp.Or(o.TokenLife, 24*time.Hour)
	if o.TokenIssued.IsZero() {
		o.TokenIssued = time.Now()
	}
	if o.Nodes < 1 || o.Nodes > 100_000 || o.PodsPerNode < 1 || o.PodsPerNode > MaxPodsPerNode/2 ||
		o.Containers < 1 || o.Containers > 100 {
		return errors.New("a world has 1 to 100000 nodes, 1 to 125 pods a node and 1 to 100 containers a pod")
	}
	return nil
}

// New makes the world.
func New(options Options) (*World, error) {
	if err := options.complete(); err != nil {
		return nil, err
	}
	total := options.Nodes * options.PodsPerNode
	world := &World{
		options:   options,
		epoch:     time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC),
		random:    rand.New(rand.NewPCG(options.Seed, 0x7461_6368_6f)),
		version:   1000,
		places:    make(map[string]*place, options.Nodes),
		pods:      make(map[podKey]*Pod, total),
		byUID:     make(map[string]*Pod, total),
		listeners: map[int]func(Event){},
	}
	world.build()
	if len(world.pods) != total {
		return nil, fmt.Errorf("the world has %d pods, not %d", len(world.pods), total)
	}
	return world, nil
}

// Options as they were completed.
func (w *World) Options() Options { return w.options }

// --- looking ---------------------------------------------------------------------------------------

// Version of the newest change.
func (w *World) Version() uint64 {
	w.mutex.RLock()
	defer w.mutex.RUnlock()
	return w.version
}

// Counts of nodes and pods.
func (w *World) Counts() (nodes, pods int) {
	w.mutex.RLock()
	defer w.mutex.RUnlock()
	return len(w.places), len(w.pods)
}

// Pod by its name, or nil.
func (w *World) Pod(namespace, name string) *Pod {
	w.mutex.RLock()
	defer w.mutex.RUnlock()
	return w.pods[podKey{namespace, name}]
}

// PodByUID is that pod, or nil.
func (w *World) PodByUID(uid string) *Pod {
	w.mutex.RLock()
	defer w.mutex.RUnlock()
	return w.byUID[uid]
}

// Node by its name, or nil.
func (w *World) Node(name string) *Node {
	w.mutex.RLock()
	defer w.mutex.RUnlock()
	if at := w.places[name]; at != nil {
		return at.node
	}
	return nil
}

// PodsOn a node, in no order; nil when there is no such node.
func (w *World) PodsOn(node string) []*Pod {
	w.mutex.RLock()
	defer w.mutex.RUnlock()
	if at := w.places[node]; at != nil {
		return slices.Clone(at.pods)
	}
	return nil
}

// Workloads there are; their fields never change.
func (w *World) Workloads() []*Workload {
	w.mutex.RLock()
	defer w.mutex.RUnlock()
	return slices.Clone(w.workloads)
}

// PodsOf a workload.
func (w *World) PodsOf(workload *Workload) []*Pod {
	w.mutex.RLock()
	defer w.mutex.RUnlock()
	return slices.Clone(workload.pods)
}

// copyAll wants the lock held.
func (w *World) copyAll() Snapshot {
	all := Snapshot{
		Version: w.version,
		Nodes:   make([]*Node, 0, len(w.places)),
		Pods:    make([]*Pod, 0, len(w.pods)),
	}
	for _, at := range w.places {
		all.Nodes = append(all.Nodes, at.node)
	}
	for _, pod := range w.pods {
		all.Pods = append(all.Pods, pod)
	}
	return all
}

func (s *Snapshot) sort() {
	slices.SortFunc(s.Nodes, func(a, b *Node) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(s.Pods, func(a, b *Pod) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
}

// Snapshot of all there is.
func (w *World) Snapshot() Snapshot {
	w.mutex.RLock()
	all := w.copyAll()
	w.mutex.RUnlock()
	all.sort()
	return all
}

// --- listening -------------------------------------------------------------------------------------

// Subscribe has the listener called for each event behind the snapshot, in order, one at a time and
// with the world locked: it must be quick and not ask the world anything. After cancel it is not
// called again.
func (w *World) Subscribe(listener func(Event)) (all Snapshot, cancel func()) {
	w.mutex.Lock()
	all = w.copyAll()
	id := w.nextID
	w.nextID++
	w.listeners[id] = listener
	w.mutex.Unlock()
	all.sort()
	return all, func() {
		w.mutex.Lock()
		defer w.mutex.Unlock()
		delete(w.listeners, id)
	}
}

func (w *World) tell(event Event) {
	for _, listener := range w.listeners {
		listener(event)
	}
}
