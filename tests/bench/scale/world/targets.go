package world

import (
	"net/url"

	"k8s.io/apimachinery/pkg/labels"
)

// Targets are at most n requests ("path?query") as the HPA makes them, each naming the TenPods pods
// of one Deployment that the churn leaves alone. Only BigNamespace and HPANamespace have such.
func (w *World) Targets(namespace string, n int) []string {
	var targets []string
	for _, workload := range w.Workloads() {
		if len(targets) == n {
			break
		}
		if workload.Steady && workload.Namespace == namespace {
			targets = append(targets, Target(workload))
		}
	}
	return targets
}

// Target is the request for a workload's pods.
func Target(workload *Workload) string {
	query := url.Values{"labelSelector": {labels.Set(workload.Selector).String()}}
	return "/apis/metrics.k8s.io/v1beta1/namespaces/" + workload.Namespace + "/pods?" + query.Encode()
}
