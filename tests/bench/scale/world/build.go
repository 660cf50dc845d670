package world

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// Namespaces that every world of some size has.
const (
	BigNamespace = "big" // 2 of 15 pods, many of them in Deployments of TenPods
	HPANamespace = "hpa" // HPAPods in Deployments of TenPods
	HPAPods      = 1000
	TenPods      = 10
)

const (
	leastForHPA = 2000 // pods in all
	leastForBig = 1500
	largest     = 1000 // pods of a workload
)

// --- nodes -----------------------------------------------------------------------------------------

func nodeName(index int) string { return fmt.Sprintf("node-%05d", index) }

func (w *World) makeNode(index int) *Node {
	name := nodeName(index)
	zone := zones[index%len(zones)]
	size := sizes[index/7%len(sizes)]
	arch := "amd64"
	if size == "m7g.4xlarge" {
		arch = "arm64"
	}
	return &Node{Name: name, Index: index, UID: uuid(w.random), Labels: map[string]string{
		"kubernetes.io/hostname":           name,
		"kubernetes.io/arch":               arch,
		"kubernetes.io/os":                 "linux",
		"node.kubernetes.io/instance-type": size,
		"topology.kubernetes.io/region":    "eu-central-1",
		"topology.kubernetes.io/zone":      "eu-central-1" + zone,
		"node.example.com/pool":            "pool-" + strconv.Itoa(index/250),
		"beta.kubernetes.io/arch":          arch,
		"beta.kubernetes.io/os":            "linux",
	}}
}

// podsPerNode is skewed, sums up to nodes times mean, and lies within least and MaxPodsPerNode.
func (w *World) podsPerNode(least int) []int {
	counts := make([]int, w.options.Nodes)
	rest := w.options.Nodes * w.options.PodsPerNode
	for i := range counts {
		// Half of the nodes has less than 0.7 of the mean, one of a hundred more than four times.
		count := int(0.7 * float64(w.options.PodsPerNode) * math.Exp(0.85*w.random.NormFloat64()))
		counts[i] = min(max(count, least), MaxPodsPerNode)
		rest -= counts[i]
	}
	for rest != 0 {
		i := w.random.IntN(len(counts))
		if rest > 0 && counts[i] < MaxPodsPerNode {
			counts[i]++
			rest--
		} else if rest < 0 && counts[i] > least {
			counts[i]--
			rest++
		}
	}
	return counts
}

// --- workloads -------------------------------------------------------------------------------------

// namespaces (fewer than there are names) by weight: the n-th has 1/n of the first.
type namespaces struct {
	names []string
	sums  []float64
}

func (w *World) makeNamespaces(count int) *namespaces {
	made := &namespaces{}
	sum := 0.0
	for i := range count {
		name := subjects[i%len(subjects)] + "-" + stages[i/len(subjects)%len(stages)]
		sum += 1 / float64(i+1)
		made.names = append(made.names, name)
		made.sums = append(made.sums, sum)
	}
	return made
}

func (w *World) pickNamespace(from *namespaces) string {
	at := w.random.Float64() * from.sums[len(from.sums)-1]
	low, high := 0, len(from.sums)-1
	for low < high {
		middle := (low + high) / 2
		if from.sums[middle] < at {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return from.names[low]
}

func (w *World) addWorkload(kind Kind, namespace, name, app string) *Workload {
	workload := &Workload{Kind: kind, Namespace: namespace, Name: name, UID: uuid(w.random)}
	workload.Selector = map[string]string{
		"app.kubernetes.io/instance": name,
		"app.kubernetes.io/name":     app,
	}
	workload.labels = map[string]string{
		"app.kubernetes.io/instance": name,
		"app.kubernetes.io/name":     app,
		"team":                       "team-" + subjects[Hash(namespace)%24],
	}
	if kind == Deployment || w.random.IntN(2) == 0 {
		workload.labels["tier"] = pick(w.random, tiers)
	}
	if kind == Deployment && w.random.IntN(3) == 0 {
		workload.labels["app.kubernetes.io/managed-by"] = "Helm"
	}
	workload.nextRevision(w.random)
	w.workloads = append(w.workloads, workload)
	return workload
}

// someWorkload has a name that no other has.
func (w *World) someWorkload(kind Kind, namespace string) *Workload {
	app := pick(w.random, subjects) + "-" + pick(w.random, roles)
	return w.addWorkload(kind, namespace, app+"-"+strconv.Itoa(len(w.workloads)), app)
}

// skewed is 1 for half of all, and rarely `most`.
func (w *World) skewed(most int) int {
	return max(1, min(most, int(1/(1-w.random.Float64()))))
}

// --- the whole -------------------------------------------------------------------------------------

// builder hands out the places where pods are to run.
type builder struct {
	world *World
	slots []*place
}

func (b *builder) fill(workload *Workload, count int) {
	created := b.world.epoch.Add(-time.Duration(b.world.random.IntN(90*24*60)) * time.Minute)
	for i := range count {
		last := len(b.slots) - 1
		b.world.addPod(workload, b.slots[last], i, created)
		b.slots = b.slots[:last]
	}
}

// fillTens makes Deployments of ten pods; the steady ones come first.
func (b *builder) fillTens(namespace string, deployments, steady int) {
	for i := range deployments {
		workload := b.world.someWorkload(Deployment, namespace)
		workload.Steady = i < steady
		b.fill(workload, TenPods)
	}
}

// fillSome makes workloads of all kinds and sizes.
func (b *builder) fillSome(pods int, namespace func() string) {
	most := max(1, min(largest, pods/4))
	for pods > 0 {
		kind, size := Deployment, b.world.skewed(most)
		switch draw := b.world.random.IntN(10); {
		case draw == 0:
			kind, size = StatefulSet, min(size, 50)
		case draw == 1:
			kind, size = Job, min(size, 20)
		}
		size = min(size, pods)
		b.fill(b.world.someWorkload(kind, namespace()), size)
		pods -= size
	}
}

// daemons run on every node, the agent first.
func (w *World) daemons() int {
	names := []struct{ namespace, name string }{
		{w.options.AgentNamespace, w.options.AgentAccount},
		{"kube-system", "kube-proxy"},
		{"kube-system", "cni"},
		{"monitoring", "node-exporter"},
	}
	count := min(len(names), w.options.PodsPerNode/5)
	w.agentPods = count > 0
	for _, daemon := range names[:count] {
		w.addWorkload(DaemonSet, daemon.namespace, daemon.name, daemon.name)
	}
	return count
}

// addDaemonPods wants the workloads to begin with the DaemonSets.
func (w *World) addDaemonPods(at *place, created time.Time) {
	for _, workload := range w.workloads {
		if workload.Kind != DaemonSet {
			return
		}
		w.addPod(workload, at, 0, created)
	}
}

func (w *World) build() {
	daemons := w.daemons()
	b := &builder{world: w}
	for _, count := range w.podsPerNode(max(daemons, min(5, w.options.PodsPerNode))) {
		at := w.addNode(w.epoch.Add(-time.Duration(w.random.IntN(60*24)) * time.Hour))
		w.addDaemonPods(at, at.node.Created)
		for range count - daemons {
			b.slots = append(b.slots, at)
		}
	}
	w.random.Shuffle(len(b.slots), func(i, j int) { b.slots[i], b.slots[j] = b.slots[j], b.slots[i] })
	total := w.options.Nodes * w.options.PodsPerNode
	if total >= leastForHPA {
		b.fillTens(HPANamespace, HPAPods/TenPods, HPAPods/TenPods)
	}
	if total >= leastForBig {
		big := total * 2 / 15
		tens := big * 6 / 10 / TenPods
		b.fillTens(BigNamespace, tens, tens/2)
		b.fillSome(big-tens*TenPods, func() string { return BigNamespace })
	}
	names := w.makeNamespaces(max(1, min(200, total/50)))
	b.fillSome(len(b.slots), func() string { return w.pickNamespace(names) })
}
