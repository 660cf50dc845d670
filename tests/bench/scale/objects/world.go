// Package objects puts the nodes and pods of a world into a real kube-apiserver.
package objects

import (
	"fmt"
	"hash/fnv"
)

// World is what there is to be written. Its figures follow from names: see the README.
type World interface {
	Nodes() []Node
	Pods() []Pod
}

// Node is a machine, and where its kubelet listens.
type Node struct {
	Name    string
	Address string
	Port    int32
}

// Pod is one that runs. Its containers are c0, c1, ….
type Pod struct {
	Node       string
	Namespace  string
	Name       string
	UID        string
	Owner      string            // its ReplicaSet
	Labels     map[string]string // those of one Deployment have the label app in common
	Containers int
}

// KubeletPort is the same on every node, as they have addresses of their own.
const KubeletPort = 10250

// Figures of a container or node: the part of its CPU that is always the same (nanocores), and its
// memory (bytes). The name is "NAMESPACE/POD/CONTAINER" or "node/NAME".
func Figures(name string) (nanocores, bytes uint64) {
	h := hash(name)
	return (h%4000 + 1) * 1_000_000, ((h>>20)%262_144 + 1) * 4096
}

func hash(name string) uint64 {
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(name))
	return sum.Sum64()
}

// Uniform is a world in which all nodes, namespaces and Deployments are of the same size.
type Uniform struct {
	nodes []Node
	pods  []Pod
}

// Sizes of a uniform world.
type Sizes struct {
	Nodes, PodsPerNode, Containers int
	PodsPerNamespace, PodsPerApp   int
}

// NewUniform spreads the pods of each Deployment over the nodes.
func NewUniform(sizes Sizes) *Uniform {
	world := &Uniform{}
	for i := range sizes.Nodes {
		world.nodes = append(world.nodes, Node{Name: fmt.Sprintf("node-%04d", i),
			Address: fmt.Sprintf("127.1.%d.%d", i/250, i%250+1), Port: KubeletPort})
	}
	for i := range sizes.Nodes * sizes.PodsPerNode {
		world.pods = append(world.pods, uniformPod(sizes, i))
		world.pods[i].Node = world.nodes[i%sizes.Nodes].Name
	}
	return world
}

func uniformPod(sizes Sizes, i int) Pod {
	namespace, inside := i/sizes.PodsPerNamespace, i%sizes.PodsPerNamespace
	app := fmt.Sprintf("app-%03d", inside/sizes.PodsPerApp)
	hash := letters(uint64(i/sizes.PodsPerApp), 10)
	owner := app + "-" + hash
	return Pod{Namespace: fmt.Sprintf("team-%02d", namespace), Name: owner + "-" + letters(uint64(i)<<32, 5),
		UID: uid(uint64(i)), Owner: owner, Containers: sizes.Containers,
		Labels: map[string]string{"app": app, "pod-template-hash": hash}}
}

// Nodes of the world.
func (u *Uniform) Nodes() []Node { return u.nodes }

// Pods of the world.
func (u *Uniform) Pods() []Pod { return u.pods }

// letters are such as Deployments and ReplicaSets append to names.
func letters(seed uint64, count int) string {
	const alphabet = "bcdfghjklmnpqrstvwxz2456789"
	text := make([]byte, count)
	for i := range text {
		seed = mix(seed + uint64(i))
		text[i] = alphabet[seed%uint64(len(alphabet))]
	}
	return string(text)
}

func uid(seed uint64) string {
	a, b := mix(seed), mix(seed^0xdeadbeef)
	return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", a>>32, a>>16&0xffff, a&0xfff, b>>52, b&(1<<48-1))
}

// mix is the finalizer of splitmix64: near seeds give far numbers.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
