package world

import (
	"strings"
	"testing"
	"time"

	"tacho.test/bench/scale/token"
)

// fleet does what the lines say.
type fleet struct {
	t     *testing.T
	nodes map[string]string            // their tokens
	pods  map[string]map[string]string // of a node: uid to name
}

func (f *fleet) take(lines string) {
	f.t.Helper()
	for line := range strings.Lines(lines) {
		words := strings.Fields(line)
		switch {
		case words[0] == "node" && len(words) == 3:
			f.nodes[words[1]] = words[2]
			if f.pods[words[1]] == nil {
				f.pods[words[1]] = map[string]string{}
			}
		case words[0] == "pod" && len(words) == 6 && words[5] == "2" && f.pods[words[1]] != nil:
			f.pods[words[1]][words[4]] = words[2] + "/" + words[3]
		case words[0] == "gone" && len(words) == 3 && f.pods[words[1]][words[2]] != "":
			delete(f.pods[words[1]], words[2])
		case words[0] == "leave" && len(words) == 2 && f.nodes[words[1]] != "":
			delete(f.nodes, words[1])
			delete(f.pods, words[1])
		default:
			f.t.Errorf("%q", line)
		}
	}
}

func (f *fleet) check(w *World) {
	f.t.Helper()
	all, count := w.Snapshot(), 0
	for _, pod := range all.Pods {
		if f.pods[pod.Node][pod.UID] != pod.Namespace+"/"+pod.Name {
			f.t.Errorf("the fleet does not know %s", pod.Name)
		}
	}
	for _, pods := range f.pods {
		count += len(pods)
	}
	if count != len(all.Pods) {
		f.t.Errorf("the fleet knows %d pods", count)
	}
	if len(f.nodes) != len(all.Nodes) {
		f.t.Errorf("the fleet knows %d nodes", len(f.nodes))
	}
	for _, node := range all.Nodes {
		if w.Token(node.Name) != f.nodes[node.Name] {
			f.t.Errorf("the fleet has another token for %s", node.Name)
		}
	}
}

func testFleet(t *testing.T, options Options) {
	w := make1(t, options)
	f := &fleet{t, map[string]string{}, map[string]map[string]string{}}
	text := strings.Builder{}
	if err := w.FleetLines(&text, w.Snapshot()); err != nil {
		t.Fatal(err)
	}
	f.take(text.String())
	f.check(w)
	_, cancel := w.Subscribe(func(event Event) { f.take(w.FleetLine(event)) })
	defer cancel()
	churner := w.NewChurner(Churn{PodsPerSecond: 50, NodesPerMinute: 60, NodeLife: 5 * time.Second})
	for range 1000 {
		churner.Step(20 * time.Millisecond)
	}
	f.check(w)
}

func TestFleet(t *testing.T) {
	testFleet(t, Options{Nodes: 80, Seed: 1})
	testFleet(t, Options{Nodes: 20, PodsPerNode: 3, Seed: 1}) // agents that are no pods
}

func TestToken(t *testing.T) {
	w := make1(t, Options{Nodes: 3, Seed: 1, TokenLife: time.Hour})
	claims, err := token.Read(w.Token("node-00002"))
	if err != nil {
		t.Fatal(err)
	}
	bound := claims.Kubernetes
	if claims.Expires != issued.Unix()+3600 || bound.Node.Name != "node-00002" ||
		bound.Node.UID != w.Node("node-00002").UID || bound.Namespace != "tacho-system" ||
		claims.Subject != "system:serviceaccount:tacho-system:tacho-agent" {
		t.Errorf("%+v", claims)
	}
	pod := w.Pod(bound.Namespace, bound.Pod.Name)
	if pod == nil || pod.UID != bound.Pod.UID || pod.Node != "node-00002" {
		t.Errorf("bound to pod %+v", bound.Pod)
	}
	if w.Token("node-00003") != "" || make1(t, Options{Nodes: 1, PodsPerNode: 1}).Token("node-00000") == "" {
		t.Error("tokens of no node, or none")
	}
}
