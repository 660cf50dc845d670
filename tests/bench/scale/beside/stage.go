package beside

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"tacho.test/bench/scale/kubelets"
	"tacho.test/bench/scale/objects"
	"tacho.test/e2e/cluster"
)

// stage is all that runs.
type stage struct {
	options *Options
	plane   *cluster.Cluster
	tokens  map[string]string // of agents, by node
	nodes   *kubelets.Kubelets
	servers []*server
	fleet   *fleet
	proxy   tls.Certificate // the front proxy's
}

func newStage(ctx context.Context, options *Options) (*stage, error) {
	s := &stage{options: options}
	for _, step := range []struct {
		what string
		do   func(context.Context) error
	}{
		{"control plane", s.startPlane}, {"objects", s.writeObjects}, {"kubelets", s.startKubelets},
		{"servers", s.startServers}, {"fleet", s.startFleet},
	} {
		began := time.Now()
		if err := step.do(ctx); err != nil {
			s.stop()
			return nil, fmt.Errorf("%s: %w", step.what, err)
		}
		options.Logf("%s: %.1f s", step.what, time.Since(began).Seconds())
	}
	return s, nil
}

func (s *stage) stop() {
	s.fleet.stop()
	for _, server := range s.servers {
		server.process.Stop(5 * time.Second)
	}
	s.nodes.Stop()
	if s.plane != nil {
		s.plane.Stop()
	}
}

func (s *stage) path(name string) string { return filepath.Join(s.options.Folder, name) }

func (s *stage) startPlane(ctx context.Context) (err error) {
	if _, err := net.InterfaceByName(cluster.Bridge); err != nil {
		if err := cluster.SetUpNetwork(); err != nil {
			return err
		}
	}
	if s.plane, err = cluster.Start(ctx, s.options.Programs, s.path("plane")); err != nil {
		return err
	}
	s.proxy, err = tls.LoadX509KeyPair(s.plane.Path("proxy-client.crt"), s.plane.Path("proxy-client.key"))
	if err != nil {
		return err
	}
	return allow(ctx, s.plane)
}

func (s *stage) writeObjects(ctx context.Context) (err error) {
	agents := &objects.Agents{Namespace: home, ServiceAccount: agentAccount, Audience: agentAudience}
	s.tokens, err = objects.Write(ctx, s.plane, s.options.World, agents)
	return err
}

func (s *stage) startKubelets(context.Context) (err error) {
	nodes, port, err := kubeletNodes(s.options.World)
	if err != nil {
		return err
	}
	s.nodes, err = kubelets.Start(nodes, kubelets.Options{Port: port,
		Certificate: func(address string) (*tls.Certificate, error) {
			pair, err := s.plane.CA.Issue(cluster.Subject{Name: "system:node:" + address, IPs: []string{address}})
			if err != nil {
				return nil, err
			}
			certificate, err := tls.X509KeyPair(pair.Certificate, pair.Key)
			return &certificate, err
		}})
	return err
}

// kubeletNodes is the world as kubelets tell it.
func kubeletNodes(world objects.World) (nodes []kubelets.Node, port int, err error) {
	index := map[string]int{}
	for i, node := range world.Nodes() {
		if i > 0 && int(node.Port) != port {
			return nil, 0, fmt.Errorf("node %s: its kubelet's port is not that of the others", node.Name)
		}
		port = int(node.Port)
		index[node.Name] = i
		nanocores, bytes := objects.Figures("node/" + node.Name)
		nodes = append(nodes, kubelets.Node{Name: node.Name, Address: node.Address, NanoCores: nanocores, Bytes: bytes})
	}
	for _, pod := range world.Pods() {
		told := kubelets.Pod{Namespace: pod.Namespace, Name: pod.Name}
		for i := range pod.Containers {
			name := fmt.Sprintf("c%d", i)
			nanocores, bytes := objects.Figures(pod.Namespace + "/" + pod.Name + "/" + name)
			told.Containers = append(told.Containers, kubelets.Container{Name: name, NanoCores: nanocores, Bytes: bytes})
		}
		node := &nodes[index[pod.Node]]
		node.Pods = append(node.Pods, told)
	}
	return nodes, port, nil
}

func (s *stage) startServers(context.Context) error {
	metricsServer, err := s.startMetricsServer()
	if err != nil {
		return err
	}
	s.servers = append(s.servers, metricsServer)
	if s.options.Aggregator == "" {
		return nil
	}
	aggregator, err := s.startAggregator()
	if err != nil {
		return err
	}
	s.servers = append(s.servers, aggregator)
	return nil
}

func (s *stage) startFleet(context.Context) (err error) {
	if s.options.Fleet == "" {
		return nil
	}
	log, err := os.Create(s.path("fleet.log"))
	if err != nil {
		return err
	}
	defer log.Close()
	s.fleet, err = startFleet(s.options.Fleet, log, s.plane.Path("ca.crt"))
	if err != nil {
		return err
	}
	return s.fleet.tell(s.options.World, s.tokens)
}
