package kubelet

import (
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
)

// placing is a pod that is being bound.
type placing struct {
	node  string
	owner types.UID
}

// schedule binds a pod to a node; the caller has the lock. A DaemonSet's pods name their node by
// affinity, others go where the fewest of the same owner are, then the fewest at all.
func (k *Kubelet) schedule(pod *v1.Pod) {
	if pod.DeletionTimestamp != nil || k.binding[pod.UID] != nil || k.frozen ||
		len(pod.Spec.SchedulingGates) > 0 {
		return
	}
	name := k.choose(pod)
	if name == "" {
		return
	}
	k.binding[pod.UID] = &placing{name, owner(pod)}
	k.work.Add(1)
	go func() {
		defer k.work.Done()
		k.bind(pod, name)
	}()
}

func (k *Kubelet) bind(pod *v1.Pod, node string) {
	binding := &v1.Binding{
		ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID},
		Target:     v1.ObjectReference{Kind: "Node", Name: node},
	}
	for k.context.Err() == nil {
		err := k.Client.CoreV1().Pods(pod.Namespace).Bind(k.context, binding, metav1.CreateOptions{})
		if err == nil || permanent(err) {
			break
		}
		time.Sleep(time.Second) // kube-apiserver is away
	}
	// the list may need a moment to know of it
	select {
	case <-k.context.Done():
	case <-time.After(time.Second):
	}
	k.mutex.Lock()
	delete(k.binding, pod.UID)
	k.mutex.Unlock()
}

// FreezeScheduling leaves new pods without a node; thawing binds those that wait.
func (k *Kubelet) FreezeScheduling(frozen bool) {
	pods, _ := k.pods.List(labels.Everything())
	k.mutex.Lock()
	defer k.mutex.Unlock()
	k.frozen = frozen
	for _, pod := range pods {
		if pod.Spec.NodeName == "" {
			k.schedule(pod)
		}
	}
}

func (k *Kubelet) choose(pod *v1.Pod) string {
	if name := affineNode(pod); name != "" {
		if k.nodes[name] == nil {
			return ""
		}
		return name
	}
	same, all := map[string]int{}, map[string]int{}
	for _, under := range k.binding { // not yet, or just now, in the list
		all[under.node]++
		if under.owner == owner(pod) {
			same[under.node]++
		}
	}
	pods, _ := k.pods.List(labels.Everything())
	for _, other := range pods {
		if k.binding[other.UID] != nil {
			continue
		}
		all[other.Spec.NodeName]++
		if owner(other) == owner(pod) {
			same[other.Spec.NodeName]++
		}
	}
	best := ""
	for _, name := range k.order {
		if !matches(pod.Spec.NodeSelector, k.nodes[name]) {
			continue
		}
		if best == "" || same[name] < same[best] || same[name] == same[best] && all[name] < all[best] {
			best = name
		}
	}
	return best
}

func matches(selector map[string]string, n *node) bool {
	for key, value := range selector {
		if key == v1.LabelHostname && value != n.name || key == v1.LabelOSStable && value != "linux" {
			return false
		}
	}
	return true
}

func owner(pod *v1.Pod) types.UID {
	if reference := metav1.GetControllerOf(pod); reference != nil {
		return reference.UID
	}
	return pod.UID
}

func affineNode(pod *v1.Pod) string {
	affinity := pod.Spec.Affinity
	if affinity == nil || affinity.NodeAffinity == nil ||
		affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution == nil {
		return ""
	}
	for _, term := range affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms {
		for _, field := range term.MatchFields {
			if field.Key == "metadata.name" && len(field.Values) == 1 {
				return field.Values[0]
			}
		}
	}
	return ""
}
