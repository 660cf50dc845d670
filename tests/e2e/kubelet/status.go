package kubelet

import (
	"context"
	"encoding/json"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// publish writes the pod's status when it differs from what was written last.
func (w *worker) publish() {
	status := w.status()
	patch := map[string]any{"metadata": map[string]any{"uid": w.uid}, "status": status}
	text, err := json.Marshal(patch)
	if err != nil || string(text) == w.published {
		return
	}
	ctx, cancel := context.WithTimeout(w.k.context, 5*time.Second)
	defer cancel()
	_, err = w.k.Client.CoreV1().Pods(w.namespace).Patch(ctx, w.name, types.MergePatchType, text,
		metav1.PatchOptions{}, "status")
	if err == nil || permanent(err) {
		w.published = string(text)
	}
	// Otherwise kube-apiserver is away: the next tick tries again.
}

func (w *worker) status() *v1.PodStatus {
	status := &v1.PodStatus{
		Phase: w.phase(), StartTime: &w.startTime,
		HostIP: w.node.address, HostIPs: []v1.HostIP{{IP: w.node.address}},
		PodIP: w.address, PodIPs: []v1.PodIP{{IP: w.address}},
		QOSClass: w.pod.Status.QOSClass,
	}
	initialized, ready := true, w.pod.DeletionTimestamp == nil || w.anyRunning()
	for _, c := range w.containers {
		if c.init {
			status.InitContainerStatuses = append(status.InitContainerStatuses, c.status())
			initialized = initialized && (c.completed || c.sidecar && c.started)
		} else {
			status.ContainerStatuses = append(status.ContainerStatuses, c.status())
		}
		if !c.init || c.sidecar {
			ready = ready && c.ready
		}
	}
	w.condition(v1.PodScheduled, true)
	w.condition(v1.PodReadyToStartContainers, w.sandbox != nil)
	w.condition(v1.PodInitialized, initialized)
	w.condition(v1.ContainersReady, ready)
	w.condition(v1.PodReady, ready && !w.unready)
	status.Conditions = w.conditions
	return status
}

func (w *worker) condition(kind v1.PodConditionType, yes bool) {
	status := v1.ConditionFalse
	if yes {
		status = v1.ConditionTrue
	}
	for i := range w.conditions {
		if w.conditions[i].Type != kind {
			continue
		}
		if w.conditions[i].Status != status {
			w.conditions[i].Status = status
			w.conditions[i].LastTransitionTime = metav1.NewTime(time.Now())
		}
		return
	}
	w.conditions = append(w.conditions, v1.PodCondition{Type: kind, Status: status,
		LastTransitionTime: metav1.NewTime(time.Now())})
}

func (w *worker) phase() v1.PodPhase {
	completed, failed, waiting := true, false, false
	for _, c := range w.containers {
		if c.init {
			waiting = waiting || !c.completed && !c.started
			continue
		}
		completed = completed && c.completed
		failed = failed || c.completed && c.exitCode != 0
		waiting = waiting || c.id == ""
	}
	switch {
	case completed && failed:
		return v1.PodFailed
	case completed:
		return v1.PodSucceeded
	case waiting:
		return v1.PodPending
	}
	return v1.PodRunning
}

func (c *container) status() v1.ContainerStatus {
	status := v1.ContainerStatus{Name: c.spec.Name, Image: c.spec.Image, ImageID: c.spec.Image,
		Ready: c.ready || c.init && !c.sidecar && c.completed, Started: &c.started,
		RestartCount: int32(c.restarts)}
	if c.id != "" {
		status.ContainerID = "containerd://" + c.id
	}
	switch {
	case c.running:
		status.State.Running = &v1.ContainerStateRunning{StartedAt: metav1.NewTime(c.startedAt)}
		status.LastTerminationState.Terminated = c.last
	case c.completed || c.w.pod.DeletionTimestamp != nil && c.last != nil:
		status.State.Terminated = c.last
	default:
		reason := "ContainerCreating"
		if c.id != "" {
			reason = "CrashLoopBackOff"
		}
		status.State.Waiting = &v1.ContainerStateWaiting{Reason: reason, Message: c.failure}
		status.LastTerminationState.Terminated = c.last
	}
	return status
}

func (c *container) terminated() *v1.ContainerStateTerminated {
	reason := "Completed"
	if c.exitCode != 0 {
		reason = "Error"
	}
	return &v1.ContainerStateTerminated{ExitCode: int32(c.exitCode), Reason: reason,
		StartedAt: metav1.NewTime(c.startedAt), FinishedAt: metav1.NewTime(c.finishedAt),
		ContainerID: "containerd://" + c.id}
}
