// Package objects puts the nodes and pods of a world into a real kube-apiserver.
package objects

import (
	"fmt"

	"tacho.test/bench/scale/world"
)

// KubeletPort is the same on every node, as they have addresses of their own.
const KubeletPort = 10250

// Address of a node: its own on the loopback.
func Address(node *world.Node) string {
	return fmt.Sprintf("127.1.%d.%d", node.Index/250, node.Index%250+1)
}
