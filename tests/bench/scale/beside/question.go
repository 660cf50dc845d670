package beside

import (
	"math/rand/v2"
	"net/http"

	"tacho.test/bench/scale/world"
)

const (
	group    = "/apis/metrics.k8s.io/v1beta1"
	asJSON   = "application/json"
	protobuf = "application/vnd.kubernetes.protobuf"
)

// question is a kind of request. Its paths are asked for in turn.
type question struct {
	name        string
	paths       []string
	accept      string
	gzip        bool
	http2       bool
	items       int // of each answer; 0: not checked
	as          user
	connections int
}

// questions are what is measured, in the order of the table, with the HPA's paths.
func questions(autoscaled []string) []question {
	all := []string{group + "/pods"}
	return []question{
		{name: "HPA", paths: autoscaled, accept: protobuf + ", */*", gzip: true, as: autoscaler,
			connections: 8, items: world.TenPods},
		{name: "HPA over HTTP/2", paths: autoscaled, accept: protobuf + ", */*", gzip: true,
			as: autoscaler, connections: 8, http2: true},
		{name: "pods, JSON", paths: all, accept: asJSON, as: dashboard, connections: 2},
		{name: "pods, JSON, gzip", paths: all, accept: asJSON, gzip: true, as: dashboard, connections: 2},
		{name: "pods, protobuf", paths: all, accept: protobuf, as: dashboard, connections: 2},
		{name: "pods, protobuf, gzip", paths: all, accept: protobuf, gzip: true, as: dashboard, connections: 2},
		{name: "nodes, JSON", paths: []string{group + "/nodes"}, accept: asJSON, as: dashboard, connections: 2},
		{name: "nodes, protobuf", paths: []string{group + "/nodes"}, accept: protobuf, as: dashboard, connections: 2},
	}
}

// autoscaled are the requests of one HPA for each Deployment of ten pods in the namespace that has a
// thousand, in the same disorder every time.
func autoscaled(all *world.World) []string {
	paths := all.Targets(world.HPANamespace, world.HPAPods)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(paths), func(i, j int) { paths[i], paths[j] = paths[j], paths[i] })
	return paths
}

// header is what kube-apiserver's proxy sends.
func (q *question) header() http.Header {
	header := http.Header{
		"User-Agent":    {"kube-controller-manager/v1.36.3 (linux/amd64) kubernetes/0000000"},
		"Accept":        {q.accept},
		"Audit-Id":      {"6a6c2b5f-0f0e-4a7e-9f57-4f0b8f9d1c11"},
		"X-Remote-User": {q.as.name}, "X-Remote-Group": q.as.groups,
		"X-Remote-Uid": {"7c1f0f6e-2b8d-4f3e-8a55-90d2c6b4e173"},
		"X-Remote-Extra-Authentication.kubernetes.io%2fcredential-Id": {"JTI=2f9d6c1e-58b3-4d0a-9c47-b1e3a7f05d62"},
		"X-Forwarded-For":   {"10.0.0.10"},
		"X-Forwarded-Proto": {"https"},
	}
	if q.gzip {
		header["Accept-Encoding"] = []string{"gzip"}
	}
	return header
}
