package world

import (
	"slices"
	"time"
)

// What follows changes one object and tells of it. All of it wants the lock held.

func (w *World) next() uint64 {
	w.version++
	return w.version
}

func (w *World) addNode(created time.Time) *place {
	node := w.makeNode(w.nextNode)
	w.nextNode++
	node.Version = w.next()
	node.Created = created
	at := &place{node: node}
	w.places[node.Name] = at
	w.tell(Event{Added, node.Version, nil, node})
	return at
}

// touchNode is a kubelet's report of its status.
func (w *World) touchNode(at *place) {
	changed := *at.node
	changed.Version = w.next()
	at.node = &changed
	w.tell(Event{Modified, changed.Version, nil, &changed})
}

// removeNode wants no pods there.
func (w *World) removeNode(at *place) {
	gone := *at.node
	gone.Version = w.next()
	delete(w.places, gone.Name)
	w.tell(Event{Deleted, gone.Version, nil, &gone})
}

func (w *World) freeName(revision *Revision, ordinal int) string {
	for {
		name := revision.podName(w.random, ordinal)
		if w.pods[podKey{revision.Workload.Namespace, name}] == nil {
			return name
		}
		ordinal++
	}
}

// addPod makes one of the workload's newest revision; the ordinal matters to a StatefulSet's.
func (w *World) addPod(workload *Workload, at *place, ordinal int, created time.Time) *Pod {
	pod := &Pod{
		Namespace:  workload.Namespace,
		Name:       w.freeName(workload.revision, ordinal),
		UID:        uuid(w.random),
		Node:       at.node.Name,
		Containers: w.options.Containers,
		Ordinal:    ordinal,
		Revision:   workload.revision,
		Version:    w.next(),
		Created:    created,
		node:       at.node,
	}
	w.pods[podKey{pod.Namespace, pod.Name}] = pod
	w.byUID[pod.UID] = pod
	at.pods = append(at.pods, pod)
	workload.pods = append(workload.pods, pod)
	w.tell(Event{Added, pod.Version, pod, nil})
	return pod
}

func replace(pods []*Pod, old, by *Pod) {
	if at := slices.Index(pods, old); at >= 0 {
		pods[at] = by
	}
}

func without(pods []*Pod, old *Pod) []*Pod {
	if at := slices.Index(pods, old); at >= 0 {
		return slices.Delete(pods, at, at+1)
	}
	return pods
}

// changePod tells of a new version of a pod: its status, or that it is to go.
func (w *World) changePod(pod *Pod, leaving bool) *Pod {
	changed := *pod
	changed.Version = w.next()
	changed.Leaving = leaving
	w.pods[podKey{pod.Namespace, pod.Name}] = &changed
	w.byUID[pod.UID] = &changed
	replace(w.places[pod.Node].pods, pod, &changed)
	replace(pod.Revision.Workload.pods, pod, &changed)
	w.tell(Event{Modified, changed.Version, &changed, nil})
	return &changed
}

func (w *World) removePod(pod *Pod) {
	gone := *pod
	gone.Version = w.next()
	delete(w.pods, podKey{pod.Namespace, pod.Name})
	delete(w.byUID, pod.UID)
	at, workload := w.places[pod.Node], pod.Revision.Workload
	at.pods = without(at.pods, pod)
	workload.pods = without(workload.pods, pod)
	w.tell(Event{Deleted, gone.Version, &gone, nil})
}
