package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	autoscaling "k8s.io/api/autoscaling/v2"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/restmapper"
	apiregistration "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	"k8s.io/metrics/pkg/apis/custom_metrics/v1beta2"
	custommetrics "k8s.io/metrics/pkg/client/custom_metrics"
	"tacho.test/e2e/cluster"
	"tacho.test/e2e/kubelet"
)

const customGroup = "custom.metrics.k8s.io"

// custom.metrics.k8s.io behind kube-apiserver: read by the client that the HPA uses, guarded by RBAC,
// and scaled by, with the agents giving all signals that they can.
func TestCustomMetrics(t *testing.T) {
	needTacho(t)
	install(t, "--set-json", `agent.metrics=["all","run_queue"]`)
	t.Cleanup(func() { install(t) })
	wait(t, 60*time.Second, "both versions", customAvailable)
	wait(t, 60*time.Second, "figures of all nodes", func() error { return nodesServed(len(nodeNames)) })
	together(t, map[string]func(*testing.T){
		"the client reads v1beta1":          func(t *testing.T) { customClient(t, "v1beta1") },
		"the client reads v1beta2":          func(t *testing.T) { customClient(t, "v1beta2") },
		"RBAC goes by pods/METRIC":          customAccess,
		"HPA: memory of pods, and resource": hpaPodsMemory,
		"HPA: sum of the namespace":         hpaNamespace,
		"HPA: another Deployment":           hpaWorkload,
		"HPA: network of pods":              hpaNetwork,
	})
	t.Run("HPA: run queue of pods", hpaRunQueue) // alone: it keeps every CPU busy
}

func customAvailable() error {
	for _, version := range []string{"v1beta1", "v1beta2"} {
		service, err := services.ApiregistrationV1().APIServices().Get(ctx, version+"."+customGroup, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(service.Status.Conditions, func(condition apiregistration.APIServiceCondition) bool {
			return condition.Type == "Available" && condition.Status == "True"
		}) {
			return fmt.Errorf("%s: %+v", service.Name, service.Status.Conditions)
		}
	}
	return nil
}

func customClientOf(t testing.TB, version string) custommetrics.CustomMetricsClient {
	t.Helper()
	resources, err := restmapper.GetAPIGroupResources(plane.Client.Discovery())
	if err != nil {
		t.Fatal(err)
	}
	client, err := custommetrics.NewForVersionForConfig(plane.Admin, restmapper.NewDiscoveryRESTMapper(resources),
		schema.GroupVersion{Group: customGroup, Version: version})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

var (
	podKind        = schema.GroupKind{Kind: "Pod"}
	nodeKind       = schema.GroupKind{Kind: "Node"}
	namespaceKind  = schema.GroupKind{Kind: "Namespace"}
	deploymentKind = schema.GroupKind{Group: "apps", Kind: "Deployment"}
)

// wantValue fails unless the value is of this object, as old as it may be, and within the bounds.
func wantValue(t testing.TB, value *v1beta2.MetricValue, kind, name string, least, most string) {
	t.Helper()
	if value.DescribedObject.Kind != kind || value.DescribedObject.Name != name {
		t.Errorf("%s of %+v, not of %s %s", value.Metric.Name, value.DescribedObject, kind, name)
	}
	if value.Value.Cmp(resource.MustParse(least)) < 0 || value.Value.Cmp(resource.MustParse(most)) > 0 {
		t.Errorf("%s of %s is %s, not %s to %s", value.Metric.Name, name, value.Value.String(), least, most)
	}
	if age := time.Since(value.Timestamp.Time); age > 5*time.Second {
		t.Errorf("%s of %s is %s old", value.Metric.Name, name, age)
	}
}

func customClient(t *testing.T, version string) {
	name := namespace(t)
	deploy(t, name, "web", 2, load("app", "cpu=50", "memory=50"), load("helper", "memory=20"))
	pods := readyPods(t, name, "app=web", 2)
	makePod(t, name, "other", map[string]string{"app": "other"}, podSpec(load("app", "memory=30")))
	for _, pod := range pods {
		covered(t, name, pod.Name, 8*time.Second)
	}
	covered(t, name, "other", 3*time.Second)
	all, client := labels.Everything(), customClientOf(t, version)
	get := func(interfaced custommetrics.MetricsInterface, kind schema.GroupKind, name, metric string) *v1beta2.MetricValue {
		t.Helper()
		value, err := interfaced.GetForObject(kind, name, metric, all)
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
	of := client.NamespacedMetrics(name)
	list, err := of.GetForObjects(podKind, labels.SelectorFromSet(labels.Set{"app": "web"}), "memory_working_set_bytes", all)
	if err != nil || len(list.Items) != 2 {
		t.Fatalf("%v, %+v", err, list)
	}
	for i := range list.Items {
		wantValue(t, &list.Items[i], "Pod", list.Items[i].DescribedObject.Name, "65Mi", "85Mi")
		if list.Items[i].WindowSeconds != nil {
			t.Errorf("a level has a window of %d s", *list.Items[i].WindowSeconds)
		}
	}
	cpu := get(of, podKind, pods[0].Name, "cpu_usage")
	wantValue(t, cpu, "Pod", pods[0].Name, "35m", "150m") // the start was in the window, too
	if cpu.WindowSeconds == nil || *cpu.WindowSeconds < 7 || *cpu.WindowSeconds > 16 {
		t.Errorf("the window is %v", cpu.WindowSeconds)
	}
	wantValue(t, get(of, podKind, pods[0].Name, "cpu_usage_peak"), "Pod", pods[0].Name, "35m", "500m")
	wantValue(t, get(of, deploymentKind, "web", "memory_working_set_bytes"), "Deployment", "web", "130Mi", "170Mi")
	wantValue(t, get(client.RootScopedMetrics(), namespaceKind, name, "memory_working_set_bytes"), "Namespace", name, "160Mi", "210Mi")
	wantValue(t, get(client.RootScopedMetrics(), nodeKind, "n1", "node_memory_working_set_bytes"), "Node", "n1", "1Mi", "10Ti")
	if _, err = of.GetForObject(podKind, "nobody", "cpu_usage", all); err == nil ||
		err.Error() != "the server could not find the metric cpu_usage for pods nobody" {
		t.Error(err)
	}
	nodes, err := client.RootScopedMetrics().GetForObjects(nodeKind, all, "node_cpu_usage", all)
	if err != nil || len(nodes.Items) != len(nodeNames) {
		t.Errorf("%v, %+v", err, nodes)
	}
}

// One metric of pods may be seen and nothing else.
func customAccess(t *testing.T) {
	name := namespace(t)
	makePod(t, name, "p", nil, podSpec(load("app", "cpu=50")))
	covered(t, name, "p", 3*time.Second)
	rule, err := json.Marshal(map[string]any{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
		"metadata": map[string]any{"name": "one"}, "rules": []any{map[string]any{
			"apiGroups": []string{customGroup}, "resources": []string{"pods/cpu_usage"}, "verbs": []string{"get"}}}})
	if err != nil {
		t.Fatal(err)
	}
	file := scratch("one-metric.json")
	if err := os.WriteFile(file, rule, 0o600); err != nil {
		t.Fatal(err)
	}
	kubectl(t, "create -f "+file+" -n "+name)
	kubectl(t, "create rolebinding one --role=one --user=olga -n "+name)
	path := "/apis/" + customGroup + "/v1beta2/namespaces/" + name
	subject := cluster.Subject{Name: "olga"}
	wait(t, 20*time.Second, "the right", func() error {
		if a := try(t, as(t, subject)+" get --raw "+path+"/pods/*/cpu_usage"); a.code != 0 {
			return fmt.Errorf("%s", a.err)
		}
		return nil
	})
	kubectl(t, as(t, subject)+" get --raw "+path+"/pods/p/cpu_usage")
	for _, other := range []string{"/pods/*/cpu_usage_peak", "/metrics/cpu_usage", "/deployments.apps/web/cpu_usage"} {
		wantForbidden(t, as(t, subject)+" get --raw "+path+other)
	}
}

// --- the HPA ---------------------------------------------------------------------------------------

func podsMetric(name, value string) autoscaling.MetricSpec {
	quantity := resource.MustParse(value)
	return autoscaling.MetricSpec{Type: autoscaling.PodsMetricSourceType, Pods: &autoscaling.PodsMetricSource{
		Metric: autoscaling.MetricIdentifier{Name: name},
		Target: autoscaling.MetricTarget{Type: autoscaling.AverageValueMetricType, AverageValue: &quantity}}}
}

func objectMetric(version, kind, object, name, value string) autoscaling.MetricSpec {
	quantity := resource.MustParse(value)
	return autoscaling.MetricSpec{Type: autoscaling.ObjectMetricSourceType, Object: &autoscaling.ObjectMetricSource{
		DescribedObject: autoscaling.CrossVersionObjectReference{APIVersion: version, Kind: kind, Name: object},
		Metric:          autoscaling.MetricIdentifier{Name: name},
		Target:          autoscaling.MetricTarget{Type: autoscaling.ValueMetricType, Value: &quantity}}}
}

// Both kinds of metric in one HPA: the one that wants most counts.
func hpaPodsMemory(t *testing.T) {
	name := namespace(t)
	deploy(t, name, "cache", 1, load("app", "memory=10"))
	scale(t, name, "cache", 1, 5, average(v1.ResourceCPU, "900m"), podsMetric("memory_working_set_bytes", "40Mi"))
	readyPods(t, name, "app=cache", 1)
	known(t, name, "cache")
	loadAll(t, name, "app=cache", "app", kubelet.Load{MemoryMiB: 70}) // a new pod has 10: 40 each
	wantReplicas(t, 30*time.Second, name, "cache", 2)
	readyPods(t, name, "app=cache", 2)
	stays(t, 12*time.Second, name, "cache", 2)
	loadAll(t, name, "app=cache", "app", kubelet.Load{MemoryMiB: 5})
	wantReplicas(t, 60*time.Second, name, "cache", 1)
}

// What all pods of the namespace use together, those of no Deployment too.
func hpaNamespace(t *testing.T) {
	name := namespace(t)
	deploy(t, name, "web", 1, load("app", "memory=5"))
	makePod(t, name, "big", nil, podSpec(load("app", "memory=5")))
	scale(t, name, "web", 1, 2, objectMetric("v1", "Namespace", name, "memory_working_set_bytes", "60Mi"), average(v1.ResourceCPU, "900m"))
	readyPods(t, name, "app=web", 1)
	known(t, name, "web")
	stays(t, 12*time.Second, name, "web", 1)
	if err := node.SetLoad(name, "big", "app", kubelet.Load{MemoryMiB: 100}); err != nil {
		t.Fatal(err)
	}
	wantReplicas(t, 30*time.Second, name, "web", 2)
}

// A Deployment is scaled by what another one uses.
func hpaWorkload(t *testing.T) {
	name := namespace(t)
	deploy(t, name, "web", 1, load("app"))
	deploy(t, name, "front", 2, load("app", "memory=10"))
	scale(t, name, "web", 1, 2, objectMetric("apps/v1", "Deployment", "front", "memory_working_set_bytes", "60Mi"))
	readyPods(t, name, "app=web", 1)
	readyPods(t, name, "app=front", 2)
	known(t, name, "web")
	stays(t, 12*time.Second, name, "web", 1)
	loadAll(t, name, "app=front", "app", kubelet.Load{MemoryMiB: 60})
	wantReplicas(t, 30*time.Second, name, "web", 2)
}

// needSignal skips where this machine's kernel does not give the signal.
func needSignal(t testing.TB, namespace, metric string) {
	t.Helper()
	path := "/apis/" + customGroup + "/v1beta2/namespaces/" + namespace + "/pods/*/" + metric
	err := cluster.Wait(ctx, 20*time.Second, metric, func() error {
		var list v1beta2.MetricValueList
		a := try(t, "get --raw "+path)
		if err := json.Unmarshal([]byte(a.out), &list); err != nil {
			return fmt.Errorf("%s: %w", a.err, err)
		}
		if len(list.Items) == 0 {
			return fmt.Errorf("no pod has it")
		}
		return nil
	})
	if err != nil {
		t.Skipf("the agents give no %s here: %v", metric, err)
	}
}

func hpaNetwork(t *testing.T) {
	name := namespace(t)
	deploy(t, name, "web", 1, load("app", "network=10"))
	readyPods(t, name, "app=web", 1)
	needSignal(t, name, "network_transmit_bytes")
	scale(t, name, "web", 1, 3, podsMetric("network_transmit_bytes", "100Ki"), average(v1.ResourceCPU, "900m"))
	known(t, name, "web")
	stays(t, 12*time.Second, name, "web", 1)
	loadAll(t, name, "app=web", "app", kubelet.Load{NetworkKiB: 180}) // a new pod has 10: 95 each
	wantReplicas(t, 40*time.Second, name, "web", 2)
	readyPods(t, name, "app=web", 2)
	stays(t, 12*time.Second, name, "web", 2)
	loadAll(t, name, "app=web", "app", kubelet.Load{NetworkKiB: 5})
	wantReplicas(t, 60*time.Second, name, "web", 1)
}

// More that wants to run than there are CPUs: who waits, waits for whole time slices.
func hpaRunQueue(t *testing.T) {
	name := namespace(t)
	deploy(t, name, "web", 1, load("app", "cpu=10"))
	readyPods(t, name, "app=web", 1)
	needSignal(t, name, "cpu_run_queue_p99")
	scale(t, name, "web", 1, 2, podsMetric("cpu_run_queue_p99", "2m"), average(v1.ResourceCPU, "64"))
	known(t, name, "web")
	loadAll(t, name, "app=web", "app", kubelet.Load{MilliCPU: 16000})
	wantReplicas(t, 60*time.Second, name, "web", 2)
}
