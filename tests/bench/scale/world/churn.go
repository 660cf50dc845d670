package world

import (
	"cmp"
	"container/heap"
	"context"
	"slices"
	"time"
)

// Churn is how the world changes.
type Churn struct {
	// Pods that Deployments replace, a second: so many come, and so many go Grace later.
	PodsPerSecond float64
	Grace         time.Duration // 0: 1 s
	// Extra nodes that come, a minute, and go NodeLife later; those of the beginning stay.
	NodesPerMinute float64
	NodeLife       time.Duration // 0: 1 min
	// How often a node's status is reported, which is a change of the object; 0: never. A kubelet
	// does every 5 minutes.
	NodeReports time.Duration
}

// What a new pod's status does: Running, and soon Ready; and how long one that is deleted runs on.
const (
	readyAfter   = 700 * time.Millisecond
	leavingFirst = 400 * time.Millisecond
)

// Churner changes a world. One goroutine may use it.
type Churner struct {
	world *World
	churn Churn

	now                  time.Duration
	pods, nodes, reports float64 // owed
	later                agenda
	sequence             int
	deployments          []*Workload // that may be rolled
	old                  []*Pod      // of the one that is rolled, still to be replaced
	free                 []*place    // where pods have gone
	reported             int         // index of the node whose report was the last
}

// --- what is to be done later -----------------------------------------------------------------------

type due struct {
	at       time.Duration
	sequence int // keeps the order of those of one time
	work     func()
}

type agenda []due

func (a agenda) Len() int { return len(a) }
func (a agenda) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(a[i].at, a[j].at), cmp.Compare(a[i].sequence, a[j].sequence)) < 0
}
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *agenda) Push(x any)   { *a = append(*a, x.(due)) }
func (a *agenda) Pop() any {
	last := len(*a) - 1
	x := (*a)[last]
	(*a)[last] = due{}
	*a = (*a)[:last]
	return x
}

func (c *Churner) after(wait time.Duration, work func()) {
	c.sequence++
	heap.Push(&c.later, due{c.now + wait, c.sequence, work})
}

// --- pods ------------------------------------------------------------------------------------------

// NewChurner begins with the world as it is.
func (w *World) NewChurner(churn Churn) *Churner {
	churn.Grace = cmp.Or(churn.Grace, time.Second)
	churn.NodeLife = cmp.Or(churn.NodeLife, time.Minute)
	churner := &Churner{world: w, churn: churn}
	for _, workload := range w.Workloads() {
		if workload.Kind == Deployment && !workload.Steady {
			churner.deployments = append(churner.deployments, workload)
		}
	}
	return churner
}

func (c *Churner) created() time.Time { return c.world.epoch.Add(c.now).Truncate(time.Second) }

// somewhere is where a pod has gone, so that full nodes stay full; else any node with room, or nil
// when nearly all are full.
func (c *Churner) somewhere() *place {
	w := c.world
	for len(c.free) > 0 {
		i, last := w.random.IntN(len(c.free)), len(c.free)-1
		at := c.free[i]
		c.free[i] = c.free[last]
		c.free = c.free[:last]
		if w.places[at.node.Name] == at && len(at.pods) < MaxPodsPerNode {
			return at
		}
	}
	for range 64 {
		at := w.places[nodeName(w.random.IntN(w.options.Nodes))]
		if at != nil && len(at.pods) < MaxPodsPerNode {
			return at
		}
	}
	return nil
}

func (c *Churner) bring(workload *Workload, at *place, ordinal int) {
	uid := c.world.addPod(workload, at, ordinal, c.created()).UID
	c.after(readyAfter, func() {
		if pod := c.world.byUID[uid]; pod != nil {
			c.world.changePod(pod, pod.Leaving)
		}
	})
}

func (c *Churner) remove(uid string) {
	if pod := c.world.byUID[uid]; pod != nil {
		c.free = append(c.free, c.world.places[pod.Node])
		c.world.removePod(pod)
	}
}

// take has a pod deleted: it is told so first, and runs on for a moment.
func (c *Churner) take(uid string, wait time.Duration) {
	c.after(max(0, wait-leavingFirst), func() {
		if pod := c.world.byUID[uid]; pod != nil {
			c.world.changePod(pod, true)
		}
	})
	c.after(wait, func() { c.remove(uid) })
}

// nextDeployment begins to roll another one; where there are few, each may be under way still.
func (c *Churner) nextDeployment() {
	for range 16 {
		workload := c.deployments[c.world.random.IntN(len(c.deployments))]
		for _, pod := range workload.pods {
			if !pod.Leaving && pod.Revision == workload.revision {
				c.old = append(c.old, pod)
			}
		}
		if len(c.old) > 0 {
			workload.nextRevision(c.world.random)
			return
		}
	}
}

// roll replaces one pod; of the Deployment under way, or of the next.
func (c *Churner) roll() {
	if len(c.old) == 0 {
		c.nextDeployment()
	}
	if len(c.old) == 0 {
		return
	}
	old := c.old[0]
	c.old = slices.Delete(c.old, 0, 1)
	if c.world.byUID[old.UID] == nil {
		return // its node has gone
	}
	if at := c.somewhere(); at != nil {
		c.bring(old.Revision.Workload, at, 0)
		c.take(old.UID, c.churn.Grace)
	}
}

// --- nodes -----------------------------------------------------------------------------------------

func (c *Churner) comeNode() {
	w := c.world
	at := w.addNode(c.created())
	w.addDaemonPods(at, at.node.Created)
	for range w.options.PodsPerNode - len(at.pods) {
		c.free = append(c.free, at)
	}
	c.after(c.churn.NodeLife, func() { c.drain(at) })
}

// drain removes the pods of a node, of which all but the daemons come again elsewhere, and then the
// node.
func (c *Churner) drain(at *place) {
	delete(c.world.places, at.node.Name) // somewhere() shall not find it
	elsewhere := map[*Pod]*place{}
	for _, pod := range at.pods {
		if pod.Revision.Workload.Kind != DaemonSet && !pod.Leaving {
			elsewhere[pod] = c.somewhere()
		}
	}
	c.world.places[at.node.Name] = at
	for _, pod := range slices.Clone(at.pods) {
		c.world.removePod(pod)
		if to := elsewhere[pod]; to != nil {
			c.bring(pod.Revision.Workload, to, pod.Ordinal)
		}
	}
	c.world.removeNode(at)
}

func (c *Churner) report() {
	w := c.world
	for range w.nextNode {
		c.reported = (c.reported + 1) % w.nextNode
		if at := w.places[nodeName(c.reported)]; at != nil {
			w.touchNode(at)
			return
		}
	}
}

// --- time ------------------------------------------------------------------------------------------

func whole(owed *float64) int {
	count := int(*owed)
	*owed -= float64(count)
	return count
}

// Step lets time pass. The same steps change the same world in the same way.
func (c *Churner) Step(elapsed time.Duration) {
	c.world.mutex.Lock()
	defer c.world.mutex.Unlock()
	c.now += elapsed
	for len(c.later) > 0 && c.later[0].at <= c.now {
		heap.Pop(&c.later).(due).work()
	}
	c.pods += c.churn.PodsPerSecond * elapsed.Seconds()
	c.nodes += c.churn.NodesPerMinute * elapsed.Minutes()
	if c.churn.NodeReports > 0 {
		c.reports += float64(len(c.world.places)) * elapsed.Seconds() / c.churn.NodeReports.Seconds()
	}
	for range whole(&c.pods) {
		if len(c.deployments) > 0 {
			c.roll()
		}
	}
	for range whole(&c.nodes) {
		c.comeNode()
	}
	for range whole(&c.reports) {
		c.report()
	}
}

// Run lets the time of the clock pass until the context ends.
func (c *Churner) Run(ctx context.Context) {
	const tick = 20 * time.Millisecond
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			c.Step(min(now.Sub(last), time.Second)) // after a stall it is not made up for
			last = now
		}
	}
}
