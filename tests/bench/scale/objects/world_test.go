package objects

import "testing"

// FNV-1a 64 of "a" is af63dc4c8601ec8c, as its authors give it.
func TestFigures(t *testing.T) {
	const h = 0xaf63dc4c8601ec8c
	nanocores, bytes := Figures("a")
	if nanocores != (h%4000+1)*1_000_000 || bytes != ((h>>20)%262_144+1)*4096 {
		t.Errorf("%d nanocores, %d bytes", nanocores, bytes)
	}
}

func TestUniform(t *testing.T) {
	world := NewUniform(Sizes{Nodes: 300, PodsPerNode: 30, Containers: 2, PodsPerNamespace: 1000, PodsPerApp: 10})
	names, uids, addresses := map[string]bool{}, map[string]bool{}, map[string]bool{}
	apps, namespaces, nodes := map[string]int{}, map[string]int{}, map[string]int{}
	for _, node := range world.Nodes() {
		addresses[node.Address] = true
	}
	for _, pod := range world.Pods() {
		names[pod.Namespace+"/"+pod.Name], uids[pod.UID] = true, true
		apps[pod.Namespace+"/"+pod.Labels["app"]]++
		namespaces[pod.Namespace]++
		nodes[pod.Node]++
	}
	if len(addresses) != 300 || len(names) != 9000 || len(uids) != 9000 {
		t.Errorf("%d addresses, %d names, %d uids", len(addresses), len(names), len(uids))
	}
	for what, sizes := range map[string]struct {
		counts map[string]int
		each   int
	}{"Deployments": {apps, 10}, "namespaces": {namespaces, 1000}, "nodes": {nodes, 30}} {
		for name, count := range sizes.counts {
			if count != sizes.each {
				t.Errorf("%s: %s has %d pods", what, name, count)
			}
		}
	}
}
