package objects

import (
	"context"
	"sync"

	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"tacho.test/bench/scale/world"
	"tacho.test/e2e/cluster"
)

// writers ask kube-apiserver side by side: with more of them it does not get faster on two cores.
const writers = 16

// Write makes the world's namespaces, nodes and pods, and one more agent's pod on each node, to which a
// real token can be bound. Nodes and the world's pods are ready and running. It returns the agents'
// tokens by node.
//
// kube-controller-manager has ended afterwards: it would collect pods whose ReplicaSet is not there.
func Write(ctx context.Context, plane *cluster.Cluster, all world.Snapshot, agents *Agents) (map[string]string, error) {
	client, err := protobufClient(plane.Admin)
	if err != nil {
		return nil, err
	}
	err = each(ctx, namespaces(all.Pods, agents), func(ctx context.Context, name string) error {
		if err := plane.MakeNamespace(ctx, name); !apierrors.IsAlreadyExists(err) {
			return err
		}
		return nil // kube-system
	})
	if err != nil {
		return nil, err
	}
	err = each(ctx, all.Nodes, func(ctx context.Context, node *world.Node) error {
		_, err := client.CoreV1().Nodes().Create(ctx, nodeObject(node), metav1.CreateOptions{})
		return err
	})
	if err != nil {
		return nil, err
	}
	tokens, err := agents.tokens(ctx, client, all.Nodes)
	if err != nil {
		return nil, err
	}
	plane.StopManager()
	return tokens, writePods(ctx, client, all.Pods)
}

func protobufClient(admin *rest.Config) (*kubernetes.Clientset, error) {
	config := rest.CopyConfig(admin)
	config.ContentType = "application/vnd.kubernetes.protobuf"
	config.AcceptContentTypes = config.ContentType
	config.QPS = -1 // no limit
	return kubernetes.NewForConfig(config)
}

// each does one thing to all, several at a time, and returns the first error.
func each[T any](ctx context.Context, all []T, do func(context.Context, T) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	work := make(chan T)
	var group sync.WaitGroup
	for range writers {
		group.Go(func() {
			for item := range work {
				if err := do(ctx, item); err != nil {
					cancel(err)
				}
			}
		})
	}
	for _, item := range all {
		if ctx.Err() != nil {
			break
		}
		work <- item
	}
	close(work)
	group.Wait()
	return context.Cause(ctx)
}

func namespaces(pods []*world.Pod, agents *Agents) []string {
	names := []string{agents.Namespace}
	seen := map[string]bool{agents.Namespace: true}
	for _, pod := range pods {
		if !seen[pod.Namespace] {
			seen[pod.Namespace] = true
			names = append(names, pod.Namespace)
		}
	}
	return names
}

func nodeObject(node *world.Node) *v1.Node {
	capacity := v1.ResourceList{v1.ResourceCPU: resource.MustParse("16"),
		v1.ResourceMemory: resource.MustParse("64Gi"), v1.ResourcePods: resource.MustParse("110")}
	now := metav1.Now()
	return &v1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: node.Name, Labels: node.Labels},
		Status: v1.NodeStatus{
			Capacity: capacity, Allocatable: capacity,
			Conditions: []v1.NodeCondition{{Type: v1.NodeReady, Status: v1.ConditionTrue,
				Reason: "KubeletReady", LastHeartbeatTime: now, LastTransitionTime: now}},
			Addresses: []v1.NodeAddress{{Type: v1.NodeInternalIP, Address: Address(node)},
				{Type: v1.NodeHostName, Address: node.Name}},
			DaemonEndpoints: v1.NodeDaemonEndpoints{KubeletEndpoint: v1.DaemonEndpoint{Port: KubeletPort}},
			NodeInfo:        v1.NodeSystemInfo{KubeletVersion: "v1.36.3", OperatingSystem: "linux"},
		},
	}
}
