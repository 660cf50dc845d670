package beside

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http"
	"time"

	v1 "k8s.io/api/core/v1"
	metricsv1beta1 "k8s.io/metrics/pkg/apis/metrics/v1beta1"
	"tacho.test/bench/scale/world"
	"tacho.test/e2e/cluster"
)

// settle waits until each server answers for all nodes and pods, and checks every figure.
func (s *stage) settle(ctx context.Context, results *Results) error {
	began := time.Now()
	for _, server := range s.servers {
		err := cluster.Wait(ctx, 2*time.Minute, server.name, func() error {
			if !server.process.Alive() {
				return fmt.Errorf("%s ended:\n%s", server.name, server.process.Tail(20))
			}
			return checkAnswers(ctx, server, s.world)
		})
		if err != nil {
			return err
		}
		s.options.Logf("%s answers rightly after %.1f s", server.name, time.Since(began).Seconds())
		results.server(server.name)
	}
	return nil
}

// checkAnswers holds all that a server says against what the world is.
func checkAnswers(ctx context.Context, server *server, all world.Snapshot) error {
	var nodes metricsv1beta1.NodeMetricsList
	if err := fetch(ctx, server, group+"/nodes", &nodes); err != nil {
		return err
	}
	if len(nodes.Items) != len(all.Nodes) {
		return fmt.Errorf("%d nodes of %d", len(nodes.Items), len(all.Nodes))
	}
	for i := range nodes.Items {
		if err := checkUsage(nodes.Items[i].Name, world.NodeHash(nodes.Items[i].Name), nodes.Items[i].Usage); err != nil {
			return err
		}
	}
	var pods metricsv1beta1.PodMetricsList
	if err := fetch(ctx, server, group+"/pods", &pods); err != nil {
		return err
	}
	return checkPods(pods.Items, all)
}

func checkPods(items []metricsv1beta1.PodMetrics, all world.Snapshot) error {
	if len(items) != len(all.Pods) {
		return fmt.Errorf("%d pods of %d", len(items), len(all.Pods))
	}
	served := make(map[string]*metricsv1beta1.PodMetrics, len(items))
	for i := range items {
		served[items[i].Namespace+"/"+items[i].Name] = &items[i]
	}
	for _, pod := range all.Pods {
		name := pod.Namespace + "/" + pod.Name
		item := served[name]
		if item == nil || len(item.Containers) != pod.Containers || !maps.Equal(item.Labels, pod.Labels()) {
			return fmt.Errorf("pod %s is served as %+v", name, item)
		}
		for _, container := range item.Containers {
			hash := world.ContainerHash(pod.Namespace, pod.Name, container.Name)
			if err := checkUsage(name+"/"+container.Name, hash, container.Usage); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkUsage allows for what the fleet's figures tell of their time, and for a rate between two
// readings whose times are known to the millisecond.
func checkUsage(name string, hash uint64, usage v1.ResourceList) error {
	nanocores, bytes := world.CPU(hash, 0), world.Memory(hash)
	cpu, memory := usage.Cpu().ScaledValue(-9), usage.Memory().Value()
	if memory != int64(bytes) {
		return fmt.Errorf("%s: %d bytes, not %d", name, memory, bytes)
	}
	if math.Abs(float64(cpu)-float64(nanocores)) > 1_000_000+0.01*float64(nanocores) {
		return fmt.Errorf("%s: %d nanocores, not %d", name, cpu, nanocores)
	}
	return nil
}

func fetch(ctx context.Context, server *server, path string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+server.host+path, nil)
	if err != nil {
		return err
	}
	request.Header = (&question{accept: asJSON, as: dashboard}).header()
	answer, err := server.client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, answer.Status)
	}
	return json.NewDecoder(answer.Body).Decode(into)
}
