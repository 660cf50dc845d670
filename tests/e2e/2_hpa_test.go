package e2e

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	autoscaling "k8s.io/api/autoscaling/v2"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"tacho.test/e2e/cluster"
	"tacho.test/e2e/kubelet"
)

// The real HPA controller, fed by tacho. Replica counts are what the rule of Kubernetes gives:
// ceil(replicas × usage / target).
func TestHPA(t *testing.T) {
	needTacho(t)
	together(t, map[string]func(*testing.T){
		"up and down on CPU":            hpaCPU,
		"up on memory":                  hpaMemory,
		"one container of several":      hpaContainer,
		"a starting pod is not counted": hpaStarting,
	})
	t.Run("time from load step to decision", hpaTime)
}

func utilization(name v1.ResourceName, percent int32) autoscaling.MetricSpec {
	return autoscaling.MetricSpec{Type: autoscaling.ResourceMetricSourceType, Resource: &autoscaling.ResourceMetricSource{
		Name: name, Target: autoscaling.MetricTarget{Type: autoscaling.UtilizationMetricType, AverageUtilization: &percent}}}
}

func average(name v1.ResourceName, value string) autoscaling.MetricSpec {
	quantity := resource.MustParse(value)
	return autoscaling.MetricSpec{Type: autoscaling.ResourceMetricSourceType, Resource: &autoscaling.ResourceMetricSource{
		Name: name, Target: autoscaling.MetricTarget{Type: autoscaling.AverageValueMetricType, AverageValue: &quantity}}}
}

// scale puts an HPA over the Deployment of the same name.
func scale(t testing.TB, namespace, name string, least, most int32, metrics ...autoscaling.MetricSpec) {
	t.Helper()
	at := int32(5)
	hpa := &autoscaling.HorizontalPodAutoscaler{ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: autoscaling.HorizontalPodAutoscalerSpec{MinReplicas: &least, MaxReplicas: most,
			ScaleTargetRef: autoscaling.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: name},
			Metrics:        metrics,
			Behavior: &autoscaling.HorizontalPodAutoscalerBehavior{
				ScaleDown: &autoscaling.HPAScalingRules{StabilizationWindowSeconds: &at}}}}
	_, err := plane.Client.AutoscalingV2().HorizontalPodAutoscalers(namespace).Create(ctx, hpa, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

func replicas(namespace, name string) int32 {
	deployment, err := plane.Client.AppsV1().Deployments(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return -1
	}
	return *deployment.Spec.Replicas
}

func wantReplicas(t testing.TB, limit time.Duration, namespace, name string, want int32) {
	t.Helper()
	err := cluster.Wait(ctx, limit, fmt.Sprintf("%d replicas of %s", want, name), func() error {
		if got := replicas(namespace, name); got != want {
			return fmt.Errorf("there are %d", got)
		}
		return nil
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, try(t, "describe hpa -n "+namespace, name).out)
	}
}

// stays fails when the count changes within so much time.
func stays(t testing.TB, limit time.Duration, namespace, name string, want int32) {
	t.Helper()
	for until := time.Now().Add(limit); time.Now().Before(until); time.Sleep(500 * time.Millisecond) {
		if got := replicas(namespace, name); got != want {
			t.Fatalf("%s has %d replicas, not %d\n%s", name, got, want, try(t, "describe hpa -n "+namespace, name).out)
		}
	}
}

func loadAll(t testing.TB, namespace, labels, container string, load kubelet.Load) {
	t.Helper()
	pods, err := plane.Client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: labels})
	if err != nil {
		t.Fatal(err)
	}
	for _, pod := range pods.Items {
		if pod.DeletionTimestamp != nil || pod.Status.Phase != v1.PodRunning {
			continue // one that was made just now begins with what its arguments say
		}
		if err := node.SetLoad(namespace, pod.Name, container, load); err != nil {
			t.Fatal(err)
		}
	}
}

// known waits until the HPA has seen figures, so that what follows is its answer to the load alone.
func known(t testing.TB, namespace, name string) {
	t.Helper()
	wait(t, 60*time.Second, "the HPA's first figures", func() error {
		hpa, err := plane.Client.AutoscalingV2().HorizontalPodAutoscalers(namespace).Get(ctx, name, metav1.GetOptions{})
		if err == nil {
			err = fmt.Errorf("conditions %+v", hpa.Status.Conditions)
			for _, condition := range hpa.Status.Conditions {
				if condition.Type == autoscaling.ScalingActive && condition.Status == v1.ConditionTrue {
					err = nil
				}
			}
		}
		return err
	})
}

func hpaCPU(t *testing.T) {
	name := namespace(t)
	deploy(t, name, "web", 1, load("app", "cpu=10"))
	scale(t, name, "web", 1, 3, utilization(v1.ResourceCPU, 50))
	readyPods(t, name, "app=web", 1)
	known(t, name, "web")
	if got := replicas(name, "web"); got != 1 {
		t.Fatalf("%d replicas before there was any load", got)
	}
	loadAll(t, name, "app=web", "app", kubelet.Load{MilliCPU: 200}) // 200 % of what is requested
	wantReplicas(t, 30*time.Second, name, "web", 3)
	readyPods(t, name, "app=web", 3)
	loadAll(t, name, "app=web", "app", kubelet.Load{MilliCPU: 5})
	wantReplicas(t, 60*time.Second, name, "web", 1)
}

func hpaMemory(t *testing.T) {
	name := namespace(t)
	deploy(t, name, "cache", 1, load("app", "memory=10"))
	scale(t, name, "cache", 1, 5, average(v1.ResourceMemory, "40Mi"))
	readyPods(t, name, "app=cache", 1)
	known(t, name, "cache")
	loadAll(t, name, "app=cache", "app", kubelet.Load{MemoryMiB: 70}) // a new pod has 10: 40 each
	wantReplicas(t, 30*time.Second, name, "cache", 2)
	readyPods(t, name, "app=cache", 2)
	stays(t, 12*time.Second, name, "cache", 2)
	loadAll(t, name, "app=cache", "app", kubelet.Load{MemoryMiB: 5})
	wantReplicas(t, 60*time.Second, name, "cache", 1)
}

func hpaContainer(t *testing.T) {
	name := namespace(t)
	percent := int32(50)
	deploy(t, name, "web", 1, load("app", "cpu=10"), load("helper", "cpu=200"))
	scale(t, name, "web", 1, 2, autoscaling.MetricSpec{Type: autoscaling.ContainerResourceMetricSourceType,
		ContainerResource: &autoscaling.ContainerResourceMetricSource{Name: v1.ResourceCPU, Container: "app",
			Target: autoscaling.MetricTarget{Type: autoscaling.UtilizationMetricType, AverageUtilization: &percent}}})
	readyPods(t, name, "app=web", 1)
	known(t, name, "web")
	stays(t, 12*time.Second, name, "web", 1) // whatever the helper uses
	loadAll(t, name, "app=web", "app", kubelet.Load{MilliCPU: 200})
	wantReplicas(t, 30*time.Second, name, "web", 2)
}

// A pod that was never ready burns CPU to start: its figures are served, and the HPA leaves them
// out by the pod's conditions, by timestamp and window.
func hpaStarting(t *testing.T) {
	name := namespace(t)
	deploy(t, name, "slow", 2, load("app", "cpu=10"))
	pods := readyPods(t, name, "app=slow", 2)
	slow := pods[0].Name
	scale(t, name, "slow", 2, 4, utilization(v1.ResourceCPU, 50))
	known(t, name, "slow")
	if err := node.SetReady(name, slow, false); err != nil {
		t.Fatal(err)
	}
	kubectl(t, "delete pod "+pods[1].Name+" --wait=false -n "+name)
	wait(t, 30*time.Second, "the new pod", func() error {
		list, err := plane.Client.CoreV1().Pods(name).List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		for _, pod := range list.Items {
			if pod.Name != pods[0].Name && pod.Name != pods[1].Name && pod.Status.Phase == v1.PodRunning {
				slow = pod.Name
				return node.SetReady(name, slow, false)
			}
		}
		return fmt.Errorf("%d pods", len(list.Items))
	})
	if err := node.SetReady(name, pods[0].Name, true); err != nil {
		t.Fatal(err)
	}
	if err := node.SetLoad(name, slow, "app", kubelet.Load{MilliCPU: 400}); err != nil {
		t.Fatal(err)
	}
	wait(t, 30*time.Second, "figures of the starting pod", func() error {
		usage, err := podUsage(name, slow)
		if err == nil && usage["app"].milliCPU < 200 {
			err = fmt.Errorf("it uses %+v", usage["app"])
		}
		return err
	})
	stays(t, 15*time.Second, name, "slow", 2)
	if err := node.SetReady(name, slow, true); err != nil {
		t.Fatal(err)
	}
	wantReplicas(t, 60*time.Second, name, "slow", 4)
}

const (
	timedSteps = 20
	timeLimit  = cluster.SyncPeriod + 2*time.Second
)

// Each step is of a Deployment of its own, at a random moment of the HPA's period. The target is so
// far below the step that the CPU rate over the window passes it within half a second.
func hpaTime(t *testing.T) {
	name := namespace(t)
	for i := range timedSteps {
		web := fmt.Sprintf("web-%d", i)
		deploy(t, name, web, 1, load("app"))
		scale(t, name, web, 1, 2, average(v1.ResourceCPU, "10m"))
	}
	readyPods(t, name, "", timedSteps)
	for i := range timedSteps {
		known(t, name, fmt.Sprintf("web-%d", i))
	}
	time.Sleep(cluster.CPUInitialization) // or the HPA would wait for a window after the start
	took := []time.Duration{}
	for i := range timedSteps {
		web := fmt.Sprintf("web-%d", i)
		began := time.Now()
		loadAll(t, name, "app="+web, "app", kubelet.Load{MilliCPU: 400})
		for replicas(name, web) != 2 && time.Since(began) < 3*timeLimit {
			time.Sleep(20 * time.Millisecond)
		}
		took = append(took, time.Since(began))
		loadAll(t, name, "app="+web, "app", kubelet.Load{})
		time.Sleep(rand.N(cluster.SyncPeriod))
	}
	for i := range took {
		took[i] = took[i].Round(10 * time.Millisecond)
	}
	slices.Sort(took)
	p95 := took[(len(took)*95+99)/100-1]
	t.Logf("from load step to the HPA's write, %d steps: shortest %s, median %s, p95 %s, longest %s (period %s); all: %v",
		len(took), took[0], took[len(took)/2], p95, took[len(took)-1], cluster.SyncPeriod, took)
	if p95 > timeLimit {
		t.Errorf("p95 is %s, more than %s: %v", p95, timeLimit, took)
	}
}
