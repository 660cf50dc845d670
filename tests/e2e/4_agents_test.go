package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// What an agent must show to be heard: a token for us, of the agents' account, of a pod on the node.
func TestAgents(t *testing.T) {
	needTacho(t)
	addNode(t, "quiet") // known to kube-apiserver, and its own agent is kept away
	t.Run("a token of another account feeds nothing", func(t *testing.T) {
		rogue(t, "account", func(spec *v1.PodSpec) {
			kubectl(t, "create serviceaccount stranger -n "+home)
			t.Cleanup(func() { try(t, "delete serviceaccount stranger -n "+home) })
			spec.ServiceAccountName = "stranger"
		})
	})
	t.Run("a token for another audience feeds nothing", func(t *testing.T) {
		rogue(t, "audience", func(spec *v1.PodSpec) {
			forToken(spec, func(token *v1.ServiceAccountTokenProjection) { token.Audience = "" })
		})
	})
	t.Run("an agent can't speak for another node", func(t *testing.T) {
		rogue(t, "other-node", func(spec *v1.PodSpec) { spec.NodeName = "n1" })
	})
	t.Run("a renewed token keeps the figures coming", renewedToken)
	t.Run("the agent of a new node is heard", newNode)
}

// addNode adds one that the DaemonSet leaves alone.
func addNode(t *testing.T, name string) {
	t.Helper()
	kubectl(t, `patch daemonset tacho-agent --type=merge -n `+home, "-p",
		`{"spec":{"template":{"spec":{"nodeSelector":{"tacho.test/pool":"a"}}}}}`)
	readyAgents(t)
	if err := node.AddNode(ctx, name, map[string]string{"tacho.test/pool": "b"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = node.RemoveNode(ctx, name) })
}

func readyAgents(t *testing.T) {
	t.Helper()
	kubectl(t, "rollout status daemonset tacho-agent --timeout=90s -n "+home)
	readyPods(t, home, agentLabels, len(nodeNames))
}

func agentSet(t *testing.T) *appsv1.DaemonSet {
	t.Helper()
	set, err := plane.Client.AppsV1().DaemonSets(home).Get(ctx, "tacho-agent", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func forToken(spec *v1.PodSpec, change func(*v1.ServiceAccountTokenProjection)) {
	for i := range spec.Volumes {
		if spec.Volumes[i].Projected == nil {
			continue
		}
		for j := range spec.Volumes[i].Projected.Sources {
			if token := spec.Volumes[i].Projected.Sources[j].ServiceAccountToken; token != nil {
				change(token)
			}
		}
	}
}

// rogue runs an agent that says it is node "quiet", changed in one thing: that node must stay
// without figures, and the others must keep theirs.
func rogue(t *testing.T, name string, change func(*v1.PodSpec)) {
	spec := agentSet(t).Spec.Template.Spec.DeepCopy()
	spec.NodeName, spec.NodeSelector = "quiet", nil
	for i, argument := range spec.Containers[0].Args {
		if strings.HasPrefix(argument, "--node-name=") {
			spec.Containers[0].Args[i] = "--node-name=quiet"
		}
	}
	spec.Containers[0].LivenessProbe = nil
	change(spec)
	makePod(t, home, "rogue-"+name, map[string]string{"rogue": name}, *spec)
	defer kubectl(t, "delete pod rogue-"+name+" --timeout=30s -n "+home)
	readyPods(t, home, "rogue="+name, 1)
	for until := time.Now().Add(8 * time.Second); time.Now().Before(until); time.Sleep(500 * time.Millisecond) {
		list, err := figures.MetricsV1beta1().NodeMetricses().List(ctx, metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		names := []string{}
		for _, item := range list.Items {
			names = append(names, item.Name)
		}
		if slices.Contains(names, "quiet") {
			t.Fatalf("figures of a node whose agent has no right to speak: %v", names)
		}
		if len(names) != len(nodeNames) {
			t.Fatalf("figures of %v only", names)
		}
	}
	if out := kubectl(t, "get pod rogue-"+name+" -n "+home); !strings.Contains(out, "Running") {
		t.Fatalf("the rogue did not run:\n%s", out)
	}
}

func renewedToken(t *testing.T) {
	for _, pod := range readyPods(t, home, agentLabels, len(nodeNames)) {
		if err := node.RenewTokens(home, pod.Name); err != nil {
			t.Fatal(err)
		}
	}
	for until := time.Now().Add(20 * time.Second); time.Now().Before(until); time.Sleep(time.Second) {
		if err := nodesServed(len(nodeNames)); err != nil {
			t.Fatal(err)
		}
	}
}

func newNode(t *testing.T) {
	if err := node.AddNode(ctx, "late", map[string]string{"tacho.test/pool": "a"}); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	wait(t, 40*time.Second, "figures of the new node", func() error { return nodesServed(len(nodeNames) + 1) })
	t.Logf("a new node has figures after %.1f s", time.Since(began).Seconds())
	kubectl(t, "delete node late")
	wait(t, 20*time.Second, "the deleted node to be gone", func() error {
		_, err := figures.MetricsV1beta1().NodeMetricses().Get(ctx, "late", metav1.GetOptions{})
		if err == nil {
			return fmt.Errorf("it is still served")
		}
		return nil
	})
	pods, err := plane.Client.CoreV1().Pods(home).List(ctx, metav1.ListOptions{FieldSelector: "spec.nodeName=late"})
	if err != nil {
		t.Fatal(err)
	}
	for _, pod := range pods.Items {
		try(t, "delete pod --timeout=30s -n "+home, pod.Name)
	}
	_ = node.RemoveNode(ctx, "late")
}
