package kubelet

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

type node struct {
	kubelet *Kubelet
	name    string
	folder  string
	address string
	host    *sandbox // the network of pods with hostNetwork
}

// AddNode registers a node and serves the pods that are bound to it. Its containers' log folders
// are below LogRoot(name).
func (k *Kubelet) AddNode(ctx context.Context, name string, labels map[string]string) error {
	n := &node{kubelet: k, name: name, folder: filepath.Join(k.Folder, name), address: k.nextAddress()}
	for _, folder := range []string{"var/log/pods", "var/log/containers", "pods"} {
		if err := os.MkdirAll(filepath.Join(n.folder, folder), 0o755); err != nil {
			return err
		}
	}
	for _, folder := range []string{"", "kubepods", "kubepods/burstable", "kubepods/besteffort"} {
		if err := k.makeCgroup(filepath.Join(n.cgroup(), folder), true); err != nil {
			return err
		}
	}
	var err error
	if n.host, err = newSandbox(n.address, true, nil); err != nil {
		return err
	}
	k.mutex.Lock()
	k.nodes[name] = n
	k.order = append(k.order, name)
	k.mutex.Unlock()
	return n.register(ctx, labels)
}

// cgroup is the node's root: what a kubelet is given as --cgroup-root.
func (n *node) cgroup() string { return filepath.Join(n.kubelet.Cgroup, n.name) }

func (n *node) close() { n.host.close() }

// LogRoot of a node is what is /var/log on a real one.
func (k *Kubelet) LogRoot(node string) string {
	return filepath.Join(k.Folder, node, "var", "log")
}

func (n *node) register(ctx context.Context, labels map[string]string) error {
	client := n.kubelet.Client.CoreV1().Nodes()
	object := &v1.Node{ObjectMeta: metav1.ObjectMeta{Name: n.name, Labels: map[string]string{
		v1.LabelHostname: n.name, v1.LabelOSStable: "linux", v1.LabelArchStable: runtime.GOARCH}}}
	for key, value := range labels {
		object.Labels[key] = value
	}
	object, err := client.Create(ctx, object, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	// There is no node controller to take the taint of a new node away again.
	object.Spec.Taints = nil
	if object, err = client.Update(ctx, object, metav1.UpdateOptions{}); err != nil {
		return err
	}
	resources := v1.ResourceList{
		v1.ResourceCPU:    *resource.NewQuantity(int64(runtime.NumCPU()), resource.DecimalSI),
		v1.ResourceMemory: resource.MustParse("16Gi"),
		v1.ResourcePods:   resource.MustParse("110"),
	}
	now := metav1.NewTime(time.Now())
	object.Status = v1.NodeStatus{
		Capacity: resources, Allocatable: resources,
		Addresses: []v1.NodeAddress{{Type: v1.NodeInternalIP, Address: n.address},
			{Type: v1.NodeHostName, Address: n.name}},
		Conditions: []v1.NodeCondition{{Type: v1.NodeReady, Status: v1.ConditionTrue,
			Reason: "KubeletReady", LastHeartbeatTime: now, LastTransitionTime: now}},
		NodeInfo: v1.NodeSystemInfo{KubeletVersion: "v1.36.3", OperatingSystem: "linux",
			Architecture: runtime.GOARCH, ContainerRuntimeVersion: "containerd://2.0.0"},
	}
	_, err = client.UpdateStatus(ctx, object, metav1.UpdateOptions{})
	return err
}

// RemoveNode forgets a node that has no pods left, and deletes its object.
func (k *Kubelet) RemoveNode(ctx context.Context, name string) error {
	k.mutex.Lock()
	n := k.nodes[name]
	delete(k.nodes, name)
	for i, other := range k.order {
		if other == name {
			k.order = append(k.order[:i:i], k.order[i+1:]...)
			break
		}
	}
	k.mutex.Unlock()
	n.close()
	return k.Client.CoreV1().Nodes().Delete(ctx, name, metav1.DeleteOptions{})
}
