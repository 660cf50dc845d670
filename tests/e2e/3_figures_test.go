package e2e

import (
	"crypto/tls"
	"fmt"
	"io"
	"math"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// What metrics-server's own end-to-end tests ask of it, with their bounds, and what we promise
// beyond them.
func TestFigures(t *testing.T) {
	needTacho(t)
	together(t, map[string]func(*testing.T){
		"CPU and memory are accurate":       accurate,
		"an init container is not counted":  withInit,
		"a sidecar is":                      withSidecar,
		"a native sidecar is":               withNativeSidecar,
		"a static pod is known by its hash": staticPod,
		"an idle pod is served":             idle,
		"a restarted container":             restarted,
	})
	t.Run("first figure of a new pod", firstFigure)
	t.Run("a deleted pod is gone", deleted)
	t.Run("probes", probes)
	t.Run("self-metrics", selfMetrics)
}

// near has the bounds of metrics-server's tests: 50m ± 10, 50Mi ± 5.
func near(t testing.TB, what string, got usage) {
	t.Helper()
	if math.Abs(got.milliCPU-50) > 10 {
		t.Errorf("%s uses %.1fm, not 50m ± 10", what, got.milliCPU)
	}
	if math.Abs(got.mebibyte-50) > 5 {
		t.Errorf("%s uses %.1f MiB, not 50 ± 5", what, got.mebibyte)
	}
}

// steady has the figures of a pod once what its start took (a process, its memory) has left the window of 15 s.
func steady(t testing.TB, namespace, pod string) map[string]usage {
	t.Helper()
	covered(t, namespace, pod, 14*time.Second)
	time.Sleep(4 * time.Second)
	return covered(t, namespace, pod, 14*time.Second)
}

func onlyContainers(t testing.TB, got map[string]usage, names ...string) {
	t.Helper()
	if len(got) != len(names) {
		t.Errorf("figures of %v, not of %v", got, names)
	}
	for _, name := range names {
		if _, there := got[name]; !there {
			t.Errorf("no figures of %s", name)
		}
	}
}

func accurate(t *testing.T) {
	name := namespace(t)
	makePod(t, name, "p", nil, podSpec(load("app", "cpu=50", "memory=50")))
	found := steady(t, name, "p")
	onlyContainers(t, found, "app")
	for range 5 { // not only by chance
		near(t, "app", found["app"])
		time.Sleep(1100 * time.Millisecond)
		found = covered(t, name, "p", 14*time.Second)
	}
}

func withInit(t *testing.T) {
	name := namespace(t)
	spec := podSpec(load("app", "cpu=50", "memory=50"))
	spec.InitContainers = []v1.Container{load("first", "seconds=3", "cpu=100", "memory=20")}
	makePod(t, name, "p", nil, spec)
	found := steady(t, name, "p")
	onlyContainers(t, found, "app")
	near(t, "app", found["app"])
}

func withSidecar(t *testing.T) {
	name := namespace(t)
	makePod(t, name, "p", nil, podSpec(load("app", "cpu=50", "memory=50"), load("helper", "cpu=50", "memory=50")))
	found := steady(t, name, "p")
	onlyContainers(t, found, "app", "helper")
	near(t, "app", found["app"])
	near(t, "helper", found["helper"])
}

func withNativeSidecar(t *testing.T) {
	name := namespace(t)
	always := v1.ContainerRestartPolicyAlways
	spec := podSpec(load("app", "cpu=50", "memory=50"))
	helper := load("helper", "cpu=50", "memory=50")
	helper.RestartPolicy = &always
	spec.InitContainers = []v1.Container{helper}
	makePod(t, name, "p", nil, spec)
	found := steady(t, name, "p")
	onlyContainers(t, found, "app", "helper")
	near(t, "app", found["app"])
	near(t, "helper", found["helper"])
}

// The kubelet's mirror of a static pod: its cgroup has another uid than the object.
func staticPod(t *testing.T) {
	name := namespace(t)
	spec := podSpec(load("app", "cpu=50", "memory=50"))
	spec.NodeName = "n2"
	pod := &v1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "static-n2", Labels: map[string]string{"app": "static"},
		Annotations: map[string]string{"kubernetes.io/config.hash": "0123456789abcdef0123456789abcdef",
			"kubernetes.io/config.mirror": "0123456789abcdef0123456789abcdef", "kubernetes.io/config.source": "file"}}, Spec: spec}
	if _, err := plane.Client.CoreV1().Pods(name).Create(ctx, pod, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	near(t, "app", steady(t, name, "static-n2")["app"])
	wantNames(t, column(rows(t, kubectl(t, "top pod -l app=static -n "+name), podHeader), 0), "static-n2")
}

// metrics-server leaves out a pod whose CPU has not moved; we don't.
func idle(t *testing.T) {
	name := namespace(t)
	makePod(t, name, "p", nil, podSpec(load("app")))
	if found := covered(t, name, "p", 14*time.Second)["app"]; found.milliCPU > 2 {
		t.Errorf("an idle pod uses %.1fm", found.milliCPU)
	}
}

func firstFigure(t *testing.T) {
	name := namespace(t)
	makePod(t, name, "p", map[string]string{"a": "b"}, podSpec(load("app", "cpu=50", "memory=50")))
	pod := readyPods(t, name, "a=b", 1)[0]
	wait(t, 10*time.Second, "the first figure", func() error {
		_, err := podUsage(name, "p")
		return err
	})
	started := pod.Status.ContainerStatuses[0].State.Running.StartedAt.Time // whole seconds
	if took := time.Since(started); took > 4*time.Second {
		t.Errorf("the first figure came %.1f s after the container's start", took.Seconds())
	}
}

func restarted(t *testing.T) {
	name := namespace(t)
	makePod(t, name, "p", nil, podSpec(load("app", "cpu=50", "memory=50")))
	covered(t, name, "p", 8*time.Second)
	if err := node.Kill(name, "p", "app"); err != nil {
		t.Fatal(err)
	}
	wait(t, 20*time.Second, "figures of the new container", func() error {
		found, err := podUsage(name, "p")
		if err == nil && found["app"].window > 6*time.Second {
			err = fmt.Errorf("its window is %s: the old one's", found["app"].window)
		}
		return err
	})
	near(t, "app", steady(t, name, "p")["app"])
}

func deleted(t *testing.T) {
	name := namespace(t)
	makePod(t, name, "p", nil, podSpec(load("app", "cpu=10", "memory=10")))
	covered(t, name, "p", time.Second)
	kubectl(t, "delete pod p --timeout=20s -n "+name)
	wait(t, 2*time.Second, "404", func() error {
		_, err := podUsage(name, "p")
		if apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("error is %v", err)
	})
}

func probes(t *testing.T) {
	for _, pod := range aggregators(t, 2) {
		for _, path := range []string{"livez", "readyz", "healthz"} {
			out := kubectl(t, fmt.Sprintf("get --raw /api/v1/namespaces/%s/pods/https:%s:%d/proxy/%s", home, pod.Name, aggregatorPort, path))
			if out != "ok" {
				t.Errorf("%s of %s answers %q", path, pod.Name, out)
			}
		}
	}
}

// serviceToken is one of a service account that is bound to the cluster role.
func serviceToken(t testing.TB, namespace, role string) string {
	t.Helper()
	account := "reader-" + strings.ReplaceAll(role, ":", "-")
	kubectl(t, fmt.Sprintf("create serviceaccount %s -n %s", account, namespace))
	binding := namespace + "-" + account
	kubectl(t, fmt.Sprintf("create clusterrolebinding %s --clusterrole=%s --serviceaccount=%s:%s", binding, role, namespace, account))
	t.Cleanup(func() { try(t, "delete clusterrolebinding "+binding) })
	return strings.TrimSpace(kubectl(t, fmt.Sprintf("create token %s -n %s", account, namespace)))
}

func selfMetrics(t *testing.T) {
	name := namespace(t)
	kubectl(t, "create clusterrole "+name+" --verb=get --non-resource-url=/metrics")
	t.Cleanup(func() { try(t, "delete clusterrole "+name) })
	token := serviceToken(t, name, name)
	for _, pod := range aggregators(t, 2) {
		text := scrape(t, pod.Status.PodIP, token)
		wantContains(t, text, "# TYPE tacho_aggregator_http_requests_total counter",
			"tacho_aggregator_http_requests_total{code=\"200\"} ",
			fmt.Sprintf("\ntacho_aggregator_connections %d\n", len(nodeNames)),
			fmt.Sprintf("\ntacho_aggregator_metadata_nodes %d\n", len(nodeNames)),
			// lists came as the beginning of a watch: this server can do that
			"tacho_aggregator_metadata_synced{resource=\"pods\"} 1\n",
			"tacho_aggregator_metadata_ends_total{reason=\"refused\"} 0\n")
		wantTextForm(t, text)
	}
}

var sample = regexp.MustCompile(`^[a-z_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")?\})? [0-9]+(\.[0-9]+)?$`)

// wantTextForm wants each line to be one of Prometheus' text form as we write it.
func wantTextForm(t testing.TB, text string) {
	t.Helper()
	for _, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if !sample.MatchString(line) && !strings.HasPrefix(line, "# HELP ") && !strings.HasPrefix(line, "# TYPE ") {
			t.Errorf("no line of Prometheus' text form: %q", line)
		}
	}
}

func scrape(t testing.TB, address, token string) string {
	t.Helper()
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	request, _ := http.NewRequest(http.MethodGet, fmt.Sprintf("https://%s:%d/metrics", address, aggregatorPort), nil)
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != 200 {
		t.Fatalf("/metrics: %s %v %s", response.Status, err, text)
	}
	return string(text)
}
