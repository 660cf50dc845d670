package world

import (
	"bufio"
	"fmt"
	"io"
	"slices"

	"tacho.test/bench/scale/token"
)

// isAgent tells whether it is the pod of an agent.
func (w *World) isAgent(pod *Pod) bool {
	workload := pod.Revision.Workload
	return workload.Kind == DaemonSet && workload.Name == w.options.AgentAccount &&
		workload.Namespace == w.options.AgentNamespace
}

// agentToken is bound to the agent's pod, unless that is nil.
func (w *World) agentToken(node *Node, agent *Pod) string {
	var pod *token.Object
	if agent != nil {
		pod = &token.Object{Name: agent.Name, UID: agent.UID}
	}
	return token.New(w.options.AgentNamespace, w.options.AgentAccount, pod,
		&token.Object{Name: node.Name, UID: node.UID}, w.options.TokenIssued, w.options.TokenLife).Sign()
}

// Token of the agent on a node; "" when there is no such node.
func (w *World) Token(node string) string {
	w.mutex.RLock()
	defer w.mutex.RUnlock()
	at := w.places[node]
	if at == nil {
		return ""
	}
	if i := slices.IndexFunc(at.pods, w.isAgent); i >= 0 {
		return w.agentToken(at.node, at.pods[i])
	}
	return w.agentToken(at.node, nil)
}

func nodeLine(node, token string) string { return "node " + node + " " + token + "\n" }

func podLine(pod *Pod) string {
	return fmt.Sprintf("pod %s %s %s %s %d\n", pod.Node, pod.Namespace, pod.Name, pod.UID, pod.Containers)
}

// FleetLines tells the fleet of a snapshot, without "run".
func (w *World) FleetLines(to io.Writer, all Snapshot) error {
	out := bufio.NewWriterSize(to, 1<<16)
	agents := make(map[string]*Pod, len(all.Nodes))
	for _, pod := range all.Pods {
		if w.isAgent(pod) {
			agents[pod.Node] = pod
		}
	}
	for _, node := range all.Nodes {
		out.WriteString(nodeLine(node.Name, w.agentToken(node, agents[node.Name])))
	}
	for _, pod := range all.Pods {
		out.WriteString(podLine(pod))
	}
	return out.Flush()
}

// FleetLine tells the fleet of an event; "" when it is none of its business. Listeners may call it.
// A new agent comes with its pod, or with its node where agents are no pods.
func (w *World) FleetLine(event Event) string {
	pod, node := event.Pod, event.Node
	switch {
	case pod != nil && event.Type == Added && w.isAgent(pod):
		return nodeLine(pod.Node, w.agentToken(pod.node, pod)) + podLine(pod)
	case pod != nil && event.Type == Added:
		return podLine(pod)
	case pod != nil && event.Type == Deleted:
		return "gone " + pod.Node + " " + pod.UID + "\n"
	case node != nil && event.Type == Added && !w.agentPods:
		return nodeLine(node.Name, w.agentToken(node, nil))
	case node != nil && event.Type == Deleted:
		return "leave " + node.Name + "\n"
	}
	return ""
}
