package prometheus

import (
	"fmt"
	"math"
	"testing"
	"time"
)

// expect waits until an expression gives one sample near `want`, within a share of it.
func expect(t *testing.T, expression string, want, share float64) {
	t.Helper()
	err := within(45*time.Second, func() error {
		samples, err := query(expression)
		if err != nil {
			return err
		}
		if len(samples) != 1 {
			return fmt.Errorf("%s: %d samples instead of one: %v", expression, len(samples), samples)
		}
		if got := samples[0].number(); math.Abs(got-want) > want*share {
			return fmt.Errorf("%s: %g instead of %g", expression, got, want)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

const mebibyte = 1 << 20

// The loads that tests/prometheus/run starts are of known size.
func TestRulesOfTheDashboardsThatPeopleHave(t *testing.T) {
	t.Run("cpu of a container, with its node", func(t *testing.T) {
		expect(t, `node_namespace_pod_container:container_cpu_usage_seconds_total:sum_rate5m{node="node-1",pod="steady",container="worker"}`, 0.25, 0.1)
	})
	t.Run("memory of a container, with its node", func(t *testing.T) {
		expect(t, `node_namespace_pod_container:container_memory_working_set_bytes{node="node-1",pod="cache",container="store"}`, 65*mebibyte, 0.05)
		expect(t, `node_namespace_pod_container:container_memory_rss{node="node-1",pod="cache",container="store"}`, 65*mebibyte, 0.05)
	})
	t.Run("sums of a namespace are those of its containers", func(t *testing.T) {
		expect(t, `namespace:container_memory_working_set_bytes:sum{namespace="demo"} / on (namespace) sum by (namespace) (container_memory_working_set_bytes{job="cadvisor",container!=""})`, 1, 0.01)
		expect(t, `namespace:container_cpu_usage_seconds_total:sum_rate{namespace="demo"} > bool 0.2`, 1, 0)
	})
	t.Run("network of a pod", func(t *testing.T) {
		want := trafficPacket * float64(time.Second) / float64(trafficEach)
		expect(t, `pod:container_network_transmit_bytes_total:sum_rate{namespace="demo",pod="talker"}`, want, 0.1)
		expect(t, `pod:container_network_receive_bytes_total:sum_rate{namespace="demo",pod="echo"}`, want, 0.1)
	})
	t.Run("the kubelet's resource metrics", func(t *testing.T) {
		expect(t, `sum(rate(pod_cpu_usage_seconds_total{job="kubelet",namespace="demo",pod="steady"}[20s]))`, 0.25, 0.1)
		expect(t, `sum(pod_memory_working_set_bytes{job="kubelet",namespace="demo",pod="cache"})`, 65*mebibyte, 0.05)
		expect(t, `count(node_cpu_usage_seconds_total{job="kubelet"})`, 1, 0)
		expect(t, `max(resource_scrape_error{job="kubelet"} or vector(0)) == bool 0`, 1, 0)
	})
	t.Run("no sum is doubled", func(t *testing.T) {
		expect(t, `sum(rate(container_cpu_usage_seconds_total{job="cadvisor",pod="steady",image!=""}[20s]))`, 0.25, 0.1)
	})
}

func TestTheAggregatorTellsOfItself(t *testing.T) {
	expect(t, `tacho_aggregator_nodes{job="tacho"}`, 1, 0)
	expect(t, `tacho_aggregator_pods{job="tacho"}`, 4, 0)
	expect(t, `rate(tacho_aggregator_samples_total[20s])`, 1, 0.15)
	expect(t, `histogram_quantile(0.99, rate(tacho_aggregator_sample_age_seconds_bucket[20s])) < bool 1`, 1, 0)
}
