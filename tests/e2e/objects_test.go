package e2e

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/rand"
	"tacho.test/e2e/cluster"
)

var notInNames = regexp.MustCompile("[^a-z0-9]+")

// namespace makes one for a test; it goes away afterwards, nobody waits for that.
func namespace(t testing.TB) string {
	t.Helper()
	name := notInNames.ReplaceAllString(strings.ToLower(t.Name()), "-")
	name = strings.Trim(fmt.Sprintf("%.40s", name), "-") + "-" + rand.String(4)
	if err := plane.MakeNamespace(ctx, name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = plane.Client.CoreV1().Namespaces().Delete(ctx, name, metav1.DeleteOptions{})
	})
	return name
}

// wait fails the test when what is asked for does not come true in time.
func wait(t testing.TB, limit time.Duration, what string, ask func() error) {
	t.Helper()
	if err := cluster.Wait(ctx, limit, what, ask); err != nil {
		t.Fatal(err)
	}
}

// together runs tests beside each other that mostly wait.
func together(t *testing.T, tests map[string]func(*testing.T)) {
	t.Run("together", func(t *testing.T) {
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t)
			})
		}
	})
}

// load is a container that uses what its arguments say, and requests 100m of CPU.
func load(name string, arguments ...string) v1.Container {
	return v1.Container{Name: name, Image: "load", Args: arguments, Resources: v1.ResourceRequirements{
		Requests: v1.ResourceList{v1.ResourceCPU: resource.MustParse("100m"),
			v1.ResourceMemory: resource.MustParse("50Mi")}}}
}

func podSpec(containers ...v1.Container) v1.PodSpec {
	none, no := int64(1), false
	return v1.PodSpec{Containers: containers, TerminationGracePeriodSeconds: &none,
		AutomountServiceAccountToken: &no}
}

func makePod(t testing.TB, namespace, name string, labels map[string]string, spec v1.PodSpec) *v1.Pod {
	t.Helper()
	pod := &v1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}, Spec: spec}
	pod, err := plane.Client.CoreV1().Pods(namespace).Create(ctx, pod, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return pod
}

// deploy makes a Deployment whose pods are labelled app=NAME.
func deploy(t testing.TB, namespace, name string, replicas int32, containers ...v1.Container) {
	t.Helper()
	labels := map[string]string{"app": name}
	deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: appsv1.DeploymentSpec{
		Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: labels},
		Template: v1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: podSpec(containers...)}}}
	_, err := plane.Client.AppsV1().Deployments(namespace).Create(ctx, deployment, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

// readyPods waits until exactly so many pods of a selector are there, all Running and Ready.
func readyPods(t testing.TB, namespace, selector string, count int) []v1.Pod {
	t.Helper()
	var pods []v1.Pod
	wait(t, 60*time.Second, fmt.Sprintf("%d ready pods of %s", count, selector), func() error {
		list, err := plane.Client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: selector})
		if err != nil {
			return err
		}
		pods = list.Items
		ready := 0
		for i := range pods {
			if podReady(&pods[i]) {
				ready++
			}
		}
		if ready != count || len(pods) != count {
			return fmt.Errorf("%d pods, %d of them ready", len(pods), ready)
		}
		return nil
	})
	return pods
}

func podReady(pod *v1.Pod) bool {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == v1.PodReady {
			return pod.Status.Phase == v1.PodRunning && condition.Status == v1.ConditionTrue &&
				pod.DeletionTimestamp == nil
		}
	}
	return false
}
