package cluster

import (
	"fmt"
	"net"
	"os/exec"
	"strings"
)

// Addresses of the cluster. All of them exist in the suite's own network namespace only: pods hang
// on a bridge, each in a namespace of its own. The addresses of two Services lie on the bridge
// itself, as nobody translates ClusterIPs here (kube-apiserver goes to endpoints directly).
const (
	Bridge       = "tacho0"
	Gateway      = "10.244.0.1"
	podMask      = "/16"
	ServiceRange = "10.96.0.0/16"
	APIAddress   = "10.96.0.1" // Service kubernetes.default
	DNSAddress   = "10.96.0.10"
	Domain       = "cluster.local"

	// Without one that was set, a bridge takes the lowest of its ports, and changes it as pods come
	// and go: others would send to the old one for up to a minute.
	bridgeMAC = "02:00:0a:f4:00:01"
)

// IP runs ip(8).
func IP(arguments ...string) error {
	out, err := exec.Command("ip", arguments...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(arguments, " "), err, out)
	}
	return nil
}

// SetUpNetwork lays the bridge. It refuses to touch a namespace that others use.
func SetUpNetwork() error {
	links, err := net.Interfaces()
	if err != nil {
		return err
	}
	for _, link := range links {
		if link.Flags&net.FlagUp != 0 {
			return fmt.Errorf("this network namespace has %s: start the suite by tests/e2e/run", link.Name)
		}
	}
	for _, line := range []string{
		"link set lo up",
		"link add " + Bridge + " address " + bridgeMAC + " type bridge",
		"addr add " + Gateway + podMask + " dev " + Bridge,
		"addr add " + APIAddress + "/32 dev " + Bridge,
		"addr add " + DNSAddress + "/32 dev " + Bridge,
		"link set " + Bridge + " up",
	} {
		if err := IP(strings.Fields(line)...); err != nil {
			return err
		}
	}
	return nil
}

// Attach gives the network namespace of a process an address on the bridge, as eth0.
func Attach(pid int, link, address string) error {
	inside := []string{"-t", fmt.Sprint(pid), "-n", "ip"}
	steps := [][]string{
		{"ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", fmt.Sprint(pid)},
		{"ip", "link", "set", link, "master", Bridge, "up"},
		append(append([]string{"nsenter"}, inside...), "link", "set", "lo", "up"),
		append(append([]string{"nsenter"}, inside...), "addr", "add", address+podMask, "dev", "eth0"),
		append(append([]string{"nsenter"}, inside...), "link", "set", "eth0", "up"),
		append(append([]string{"nsenter"}, inside...), "route", "add", "default", "via", Gateway),
	}
	for _, step := range steps {
		out, err := exec.Command(step[0], step[1:]...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%s: %w: %s", strings.Join(step, " "), err, out)
		}
	}
	return nil
}
