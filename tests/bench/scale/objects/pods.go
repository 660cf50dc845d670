package objects

import (
	"context"
	"fmt"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"tacho.test/bench/scale/world"
	"tacho.test/e2e/cluster"
)

// writePods makes one pod of each number of containers through kube-apiserver, down to its status, and
// writes the others as that one was stored, with managedFields and all, straight to etcd: two requests
// for each of 9,000 pods would take a minute. Each is a transaction of its own, as kube-apiserver would
// make it: those who list and then watch rely on a revision being of one object.
func writePods(ctx context.Context, client *kubernetes.Clientset, pods []*world.Pod) error {
	store, err := clientv3.New(clientv3.Config{Endpoints: []string{cluster.EtcdURL}, Context: ctx,
		DialTimeout: 10 * time.Second})
	if err != nil {
		return fmt.Errorf("etcd: %w", err)
	}
	defer store.Close()
	models := map[int]*v1.Pod{}
	for _, pod := range pods {
		if models[pod.Containers] != nil {
			continue
		}
		if models[pod.Containers], err = makeModel(ctx, client, pod.Namespace, pod.Containers); err != nil {
			return fmt.Errorf("pod with %d containers: %w", pod.Containers, err)
		}
	}
	serializer := protobuf.NewSerializer(scheme.Scheme, scheme.Scheme)
	return each(ctx, pods, func(ctx context.Context, pod *world.Pod) error {
		stored, err := runtime.Encode(serializer, likeModel(models[pod.Containers], pod))
		if err == nil {
			_, err = store.Put(ctx, "/registry/pods/"+pod.Namespace+"/"+pod.Name, string(stored))
		}
		if err != nil {
			return fmt.Errorf("pod %s/%s: %w", pod.Namespace, pod.Name, err)
		}
		return nil
	})
}

// makeModel makes a pod as a Deployment's would be, and returns it as it is stored. The pod itself is
// gone afterwards.
func makeModel(ctx context.Context, client *kubernetes.Clientset, namespace string,
	containers int) (*v1.Pod, error) {
	pods := client.CoreV1().Pods(namespace)
	pod, err := pods.Create(ctx, modelPod(containers), metav1.CreateOptions{})
	if err != nil {
		return nil, err
	}
	pod.Status = runningStatus(pod)
	if pod, err = pods.UpdateStatus(ctx, pod, metav1.UpdateOptions{}); err != nil {
		return nil, err
	}
	at := int64(0)
	if err := pods.Delete(ctx, pod.Name, metav1.DeleteOptions{GracePeriodSeconds: &at}); err != nil {
		return nil, err
	}
	pod.ResourceVersion = ""
	pod.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}
	return pod, nil
}

func modelPod(containers int) *v1.Pod {
	yes := true
	pod := &v1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "model", GenerateName: "model-",
		Labels: map[string]string{"app": "model", "pod-template-hash": "model"},
		OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet",
			Name: "model", UID: "0", Controller: &yes, BlockOwnerDeletion: &yes}}}}
	pod.Spec.NodeName = "node-of-model"
	for i := range containers {
		pod.Spec.Containers = append(pod.Spec.Containers, v1.Container{Name: fmt.Sprintf("c%d", i),
			Image: "example.com/app:1", Resources: v1.ResourceRequirements{Requests: v1.ResourceList{
				v1.ResourceCPU: resource.MustParse("100m"), v1.ResourceMemory: resource.MustParse("64Mi")}}})
	}
	return pod
}

func runningStatus(pod *v1.Pod) v1.PodStatus {
	now, started := metav1.Now(), true
	status := v1.PodStatus{Phase: v1.PodRunning, StartTime: &now, QOSClass: pod.Status.QOSClass,
		PodIP: "10.250.0.1", PodIPs: []v1.PodIP{{IP: "10.250.0.1"}}}
	for _, kind := range []v1.PodConditionType{v1.PodScheduled, v1.PodInitialized, v1.ContainersReady, v1.PodReady} {
		status.Conditions = append(status.Conditions,
			v1.PodCondition{Type: kind, Status: v1.ConditionTrue, LastTransitionTime: now})
	}
	for i, container := range pod.Spec.Containers {
		status.ContainerStatuses = append(status.ContainerStatuses, v1.ContainerStatus{
			Name: container.Name, Ready: true, Started: &started, Image: container.Image,
			ImageID: "example.com/app@sha256:0", ContainerID: fmt.Sprintf("containerd://%064x", i),
			State: v1.ContainerState{Running: &v1.ContainerStateRunning{StartedAt: now}}})
	}
	return status
}

// likeModel differs from the model in what pods of one kind differ in.
func likeModel(model *v1.Pod, pod *world.Pod) *v1.Pod {
	object := *model
	object.Name, object.Namespace, object.UID = pod.Name, pod.Namespace, types.UID(pod.UID)
	object.GenerateName, object.Labels = pod.Revision.GenerateName(), pod.Labels()
	object.OwnerReferences = append([]metav1.OwnerReference{}, model.OwnerReferences...)
	owner := &object.OwnerReferences[0]
	owner.Kind, owner.Name = pod.Revision.OwnerKind(), pod.Revision.OwnerName
	owner.UID = types.UID(pod.Revision.OwnerUID)
	if owner.Kind == world.Job.String() {
		owner.APIVersion = "batch/v1"
	}
	object.Spec.NodeName = pod.Node
	return &object
}
