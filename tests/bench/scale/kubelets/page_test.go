package kubelets

import (
	"strings"
	"testing"
	"time"
)

func TestPage(t *testing.T) {
	began := time.Unix(1_800_000_000, 0)
	node := &Node{Name: "n", Address: "127.1.0.1", NanoCores: 2_000_000_000, Bytes: 4096, Pods: []Pod{
		{Namespace: "b", Name: "p", Containers: []Container{{"c0", 500_000_000, 8192}, {"c1", 250_000_000, 1 << 40}}},
		{Namespace: "a", Name: "p", Containers: []Container{{"c0", 1, 1}}},
	}}
	text := string(newPage(node, began).render(began.Add(10 * time.Second)))
	for _, line := range []string{
		"# TYPE container_cpu_usage_seconds_total counter",
		`container_cpu_usage_seconds_total{container="c0",namespace="b",pod="p"} 1805 1800000010000`,
		`container_cpu_usage_seconds_total{container="c1",namespace="b",pod="p"} 902.5 1800000010000`,
		`container_memory_working_set_bytes{container="c1",namespace="b",pod="p"} 1.099511627776e+12 1800000010000`,
		`container_start_time_seconds{container="c0",namespace="a",pod="p"} 1.7999964e+09`,
		`node_cpu_usage_seconds_total 7220 1800000010000`,
		`node_memory_working_set_bytes 4096 1800000010000`,
		`pod_cpu_usage_seconds_total{namespace="b",pod="p"} 2707.5 1800000010000`,
		`resource_scrape_error 0`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("no line %s in\n%s", line, text)
		}
	}
	if strings.Index(text, `{container="c0",namespace="a"`) > strings.Index(text, `{container="c0",namespace="b"`) {
		t.Error("labels are not in order")
	}
}
