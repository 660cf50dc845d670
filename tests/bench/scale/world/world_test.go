package world

import (
	"maps"
	"net/url"
	"reflect"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"
)

var issued = time.Unix(1_800_000_000, 0)

func make1(t *testing.T, options Options) *World {
	t.Helper()
	options.TokenIssued = issued
	w, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

var proper = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

func checkLabels(t *testing.T, name string, set map[string]string, least, most int) {
	t.Helper()
	if len(set) < least || len(set) > most {
		t.Errorf("%s has %d labels", name, len(set))
	}
	for key, value := range set {
		if errs := append(validation.IsQualifiedName(key), validation.IsValidLabelValue(value)...); len(errs) > 0 {
			t.Errorf("%s: label %s=%s: %v", name, key, value, errs)
		}
	}
}

// checkWhole looks at everything that must hold of every world at any time.
func checkWhole(t *testing.T, w *World) {
	t.Helper()
	all := w.Snapshot()
	seen := map[string]bool{}
	for _, node := range all.Nodes {
		checkLabels(t, node.Name, node.Labels, 6, 12)
		if seen[node.UID] || !proper.MatchString(node.UID) {
			t.Errorf("node %s has uid %s", node.Name, node.UID)
		}
		seen[node.UID] = true
		if w.Node(node.Name) != node {
			t.Errorf("node %s is not found", node.Name)
		}
	}
	revisions := map[*Revision]bool{}
	byNode, byWorkload := map[string]int{}, map[*Workload]int{}
	for i, pod := range all.Pods {
		name := pod.Namespace + "/" + pod.Name
		if revision := pod.Revision; !revisions[revision] || revision.Workload.Kind == StatefulSet {
			checkLabels(t, name, pod.Labels(), 4, 8)
			revisions[revision] = true
		}
		if seen[pod.UID] || !proper.MatchString(pod.UID) {
			t.Errorf("pod %s has uid %s", name, pod.UID)
		}
		seen[pod.UID] = true
		if errs := validation.IsDNS1123Subdomain(pod.Name); len(errs) > 0 || len(pod.Name) > 63 {
			t.Errorf("pod %s: %v", name, errs)
		}
		if w.Pod(pod.Namespace, pod.Name) != pod || w.PodByUID(pod.UID) != pod || w.Node(pod.Node) == nil {
			t.Errorf("pod %s or its node is not found", name)
		}
		if i > 0 && name == all.Pods[i-1].Namespace+"/"+all.Pods[i-1].Name {
			t.Errorf("pod %s is there twice", name)
		}
		if !labels.Set(pod.Revision.Workload.Selector).AsSelector().Matches(labels.Set(pod.Labels())) {
			t.Errorf("pod %s is not named by its workload's selector", name)
		}
		byNode[pod.Node]++
		byWorkload[pod.Revision.Workload]++
	}
	for _, node := range all.Nodes {
		if len(w.PodsOn(node.Name)) != byNode[node.Name] || byNode[node.Name] > MaxPodsPerNode {
			t.Errorf("node %s: %d pods", node.Name, byNode[node.Name])
		}
	}
	for _, workload := range w.Workloads() {
		if len(w.PodsOf(workload)) != byWorkload[workload] {
			t.Errorf("workload %s: %d pods", workload.Name, byWorkload[workload])
		}
	}
}

func TestWorlds(t *testing.T) {
	for _, options := range []Options{
		{Nodes: 1, PodsPerNode: 1, Seed: 1},
		{Nodes: 1, Seed: 2},
		{Nodes: 3, PodsPerNode: 4, Seed: 3},
		{Nodes: 10, PodsPerNode: 5, Containers: 1, Seed: 4},
		{Nodes: 67, Seed: 5},
		{Nodes: 300, Seed: 6},
		{Nodes: 50, PodsPerNode: 125, Seed: 7},
	} {
		w := make1(t, options)
		nodes, pods := w.Counts()
		options = w.Options()
		if nodes != options.Nodes || pods != nodes*options.PodsPerNode {
			t.Errorf("%+v: %d nodes, %d pods", options, nodes, pods)
		}
		checkWhole(t, w)
	}
}

func TestRefused(t *testing.T) {
	for _, options := range []Options{
		{}, {Nodes: -1}, {Nodes: 100_001}, {Nodes: 1, PodsPerNode: 126}, {Nodes: 1, PodsPerNode: -1},
		{Nodes: 1, Containers: 101},
	} {
		if _, err := New(options); err == nil {
			t.Errorf("%+v was taken", options)
		}
	}
}

func TestSame(t *testing.T) {
	one, other := make1(t, Options{Nodes: 100, Seed: 1}), make1(t, Options{Nodes: 100, Seed: 1})
	if !reflect.DeepEqual(one.Snapshot(), other.Snapshot()) {
		t.Error("the same seed made two worlds")
	}
	if reflect.DeepEqual(one.Snapshot(), make1(t, Options{Nodes: 100, Seed: 2}).Snapshot()) {
		t.Error("another seed made the same world")
	}
}

// How skewed a large one is, and what it costs.
func TestLarge(t *testing.T) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	began := time.Now()
	w := make1(t, Options{Nodes: 5000, Seed: 1})
	took := time.Since(began)
	runtime.GC()
	runtime.ReadMemStats(&after)
	used := after.HeapAlloc - before.HeapAlloc
	t.Logf("built in %v, %d MB, %d workloads", took, used>>20, len(w.Workloads()))
	if used > 300<<20 {
		t.Errorf("%d bytes", used)
	}
	checkWhole(t, w)
	least, most := 1000, 0
	for _, node := range w.Snapshot().Nodes {
		count := len(w.PodsOn(node.Name))
		least, most = min(least, count), max(most, count)
	}
	sizes := map[Kind]map[int]int{}
	for _, workload := range w.Workloads() {
		if sizes[workload.Kind] == nil {
			sizes[workload.Kind] = map[int]int{}
		}
		sizes[workload.Kind][len(w.PodsOf(workload))]++
	}
	namespaces := map[string]int{}
	for _, pod := range w.Snapshot().Pods {
		namespaces[pod.Namespace]++
	}
	t.Logf("%d to %d pods a node, %d namespaces, %d Deployments of one pod, %d of 1000", least, most,
		len(namespaces), sizes[Deployment][1], sizes[Deployment][1000])
	if least != 5 || most < 200 || sizes[Deployment][1] < 1000 || sizes[Deployment][1000] == 0 ||
		sizes[DaemonSet][5000] != 4 || len(sizes[StatefulSet]) < 10 || len(sizes[Job]) < 10 {
		t.Error("the world is not skewed as it should be")
	}
	if len(namespaces) < 190 || namespaces[BigNamespace] != 20_000 || namespaces[HPANamespace] != HPAPods {
		t.Errorf("namespaces: %d, big %d, hpa %d", len(namespaces), namespaces[BigNamespace], namespaces[HPANamespace])
	}
}

// selected counts the pods that a target names.
func selected(t *testing.T, pods []*Pod, namespace, target string) int {
	t.Helper()
	parsed, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	if want := "/apis/metrics.k8s.io/v1beta1/namespaces/" + namespace + "/pods"; parsed.Path != want {
		t.Fatalf("%s, not %s", parsed.Path, want)
	}
	selector, err := labels.Parse(parsed.Query().Get("labelSelector"))
	if err != nil || strings.Contains(target, " ") {
		t.Fatalf("%s: %v", target, err)
	}
	count := 0
	for _, pod := range pods {
		if pod.Namespace == namespace && selector.Matches(labels.Set(pod.Labels())) {
			count++
		}
	}
	return count
}

func TestTargets(t *testing.T) {
	w := make1(t, Options{Nodes: 300, Seed: 1})
	for namespace, most := range map[string]int{HPANamespace: 100, BigNamespace: 36, "kube-system": 0} {
		targets := w.Targets(namespace, 1000)
		if len(targets) != most {
			t.Errorf("%s: %d targets, not %d", namespace, len(targets), most)
		}
		if few := w.Targets(namespace, 3); len(few) != min(3, most) {
			t.Errorf("%s: %d targets, not 3", namespace, len(few))
		}
		pods := w.Snapshot().Pods
		distinct := map[string]bool{}
		for _, target := range targets {
			distinct[target] = true
			if count := selected(t, pods, namespace, target); count != TenPods {
				t.Errorf("%s names %d pods", target, count)
			}
		}
		if len(distinct) != len(targets) {
			t.Errorf("%s: %d of %d targets are distinct", namespace, len(distinct), len(targets))
		}
	}
}

func TestStatefulSetLabels(t *testing.T) {
	w := make1(t, Options{Nodes: 100, Seed: 1})
	for _, pod := range w.Snapshot().Pods {
		set := pod.Labels()
		if pod.Revision.Workload.Kind != StatefulSet {
			continue
		}
		if set["statefulset.kubernetes.io/pod-name"] != pod.Name {
			t.Errorf("%s has labels %v", pod.Name, set)
		}
		if !maps.Equal(set, pod.Labels()) {
			t.Errorf("%s has other labels now", pod.Name)
		}
	}
}
