package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metricsv1beta1 "k8s.io/metrics/pkg/apis/metrics/v1beta1"
)

// Where the release stands, and what the chart calls its parts there.
const (
	home             = "tacho-system"
	release          = "tacho"
	aggregatorLabels = "app.kubernetes.io/component=aggregator"
	agentLabels      = "app.kubernetes.io/component=agent"
	aggregatorPort   = 10250
)

func chart() string { return filepath.Join(os.Getenv("E2E_SOURCE"), "charts", "tacho") }

// helm runs it; values are what every installation here needs, then those that are given.
func helm(t testing.TB, arguments ...string) answer {
	t.Helper()
	return command(t, "helm", arguments...)
}

// stageValues tell the chart of this stage: each node has its part of the machine's cgroup tree.
func stageValues() []string {
	return []string{
		"--set-json", fmt.Sprintf(`agent.args=["--cgroup-root=%s/$(NODE_NAME)"]`, os.Getenv("E2E_CGROUP")),
		"--set", "preStopSleepSeconds=3", "--set", "agent.tokenExpirationSeconds=600",
	}
}

// install installs or upgrades the release with two replicas, and waits until all of it is ready.
func install(t testing.TB, values ...string) {
	t.Helper()
	arguments := append([]string{"upgrade", "--install", release, chart(), "--namespace", home,
		"--create-namespace", "--wait", "--timeout=120s"}, stageValues()...)
	if a := helm(t, append(arguments, values...)...); a.code != 0 {
		t.Fatalf("helm upgrade --install: status %d\n%s%s\n%s", a.code, a.out, a.err, whatIsWrong(t))
	}
}

func whatIsWrong(t testing.TB) string {
	text := try(t, "get pods -o wide -n "+home).out
	pods, _ := plane.Client.CoreV1().Pods(home).List(ctx, metav1.ListOptions{})
	for i := range pods.Items {
		pod := &pods.Items[i]
		if !podReady(pod) {
			log := node.Log(home, pod.Name, pod.Spec.Containers[0].Name)
			text += "--- " + pod.Name + "\n" + log[max(0, len(log)-3000):]
		}
	}
	return text
}

var installOnce sync.Once
var installed bool

// needTacho installs the release before the first test that wants it.
func needTacho(t testing.TB) {
	t.Helper()
	installOnce.Do(func() {
		install(t)
		wait(t, 60*time.Second, "both APIServices", func() error { return servicesAvailable() })
		wait(t, 30*time.Second, "figures of all nodes", func() error { return nodesServed(len(nodeNames)) })
		installed = true
	})
	if !installed {
		t.Fatal("tacho was not installed: see the first test that wanted it")
	}
}

func servicesAvailable() error {
	for _, version := range []string{"v1beta1", "v1"} {
		service, err := services.ApiregistrationV1().APIServices().Get(ctx, version+".metrics.k8s.io", metav1.GetOptions{})
		if err != nil {
			return err
		}
		available := false
		for _, condition := range service.Status.Conditions {
			if condition.Type == "Available" {
				available = condition.Status == "True"
				if !available {
					return fmt.Errorf("%s: %s", service.Name, condition.Message)
				}
			}
		}
		if !available {
			return fmt.Errorf("%s is not available yet", service.Name)
		}
	}
	return nil
}

func nodesServed(count int) error {
	list, err := figures.MetricsV1beta1().NodeMetricses().List(ctx, metav1.ListOptions{})
	if err == nil && len(list.Items) != count {
		err = fmt.Errorf("%d nodes have figures", len(list.Items))
	}
	return err
}

// usage is a container's, as the API serves it.
type usage struct {
	milliCPU float64
	mebibyte float64
	window   time.Duration
	taken    time.Time
}

func podUsage(namespace, pod string) (map[string]usage, error) {
	metrics, err := figures.MetricsV1beta1().PodMetricses(namespace).Get(ctx, pod, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	return usages(metrics), nil
}

func usages(metrics *metricsv1beta1.PodMetrics) map[string]usage {
	all := map[string]usage{}
	for _, container := range metrics.Containers {
		all[container.Name] = usage{
			milliCPU: float64(container.Usage.Cpu().ScaledValue(-9)) / 1e6,
			mebibyte: float64(container.Usage.Memory().Value()) / (1 << 20),
			window:   metrics.Window.Duration, taken: metrics.Timestamp.Time}
	}
	return all
}

// covered waits until a pod has figures over a window of at least so much.
func covered(t testing.TB, namespace, pod string, window time.Duration) map[string]usage {
	t.Helper()
	var found map[string]usage
	wait(t, window+30*time.Second, "figures of "+namespace+"/"+pod, func() (err error) {
		if found, err = podUsage(namespace, pod); err != nil {
			return err
		}
		for name, usage := range found {
			if usage.window < window {
				return fmt.Errorf("%s: the window is %s", name, usage.window)
			}
		}
		return nil
	})
	return found
}

func aggregators(t testing.TB, count int) []v1.Pod {
	t.Helper()
	return readyPods(t, home, aggregatorLabels, count)
}

// logs are what all containers of the release have said so far.
func logs(t testing.TB, labels, container string) string {
	t.Helper()
	pods, err := plane.Client.CoreV1().Pods(home).List(ctx, metav1.ListOptions{LabelSelector: labels})
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, pod := range pods.Items {
		all.WriteString(node.Log(home, pod.Name, container))
	}
	return all.String()
}
