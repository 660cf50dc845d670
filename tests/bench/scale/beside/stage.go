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
	"tacho.test/bench/scale/world"
	"tacho.test/e2e/cluster"
)

// stage is all that runs.
type stage struct {
	options *Options
	world   world.Snapshot // it does not change
	plane   *cluster.Cluster
	tokens  map[string]string // of agents, by node
	nodes   *kubelets.Kubelets
	servers []*server
	fleet   *fleet
	proxy   tls.Certificate // the front proxy's
}

func newStage(ctx context.Context, options *Options) (*stage, error) {
	s := &stage{options: options, world: options.World.Snapshot()}
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
	s.tokens, err = objects.Write(ctx, s.plane, s.world, agents)
	return err
}

func (s *stage) startKubelets(context.Context) (err error) {
	s.nodes, err = kubelets.Start(kubeletNodes(s.world), kubelets.Options{Port: objects.KubeletPort,
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

// kubeletNodes is the world as kubelets tell it: their counters grow as the figures are that a fleet
// tells at time zero.
func kubeletNodes(all world.Snapshot) (nodes []kubelets.Node) {
	index := map[string]int{}
	for i, node := range all.Nodes {
		index[node.Name] = i
		hash := world.NodeHash(node.Name)
		nodes = append(nodes, kubelets.Node{Name: node.Name, Address: objects.Address(node),
			NanoCores: world.CPU(hash, 0), Bytes: world.Memory(hash)})
	}
	for _, pod := range all.Pods {
		told := kubelets.Pod{Namespace: pod.Namespace, Name: pod.Name}
		for i := range pod.Containers {
			name := world.ContainerName(i)
			hash := world.ContainerHash(pod.Namespace, pod.Name, name)
			told.Containers = append(told.Containers, kubelets.Container{Name: name,
				NanoCores: world.CPU(hash, 0), Bytes: world.Memory(hash)})
		}
		node := &nodes[index[pod.Node]]
		node.Pods = append(node.Pods, told)
	}
	return nodes
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
	return s.fleet.tell(s.world, s.tokens)
}
