package e2e

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"tacho.test/e2e/cluster"
)

// What breaks in clusters, and what must not break with it.
func TestFaults(t *testing.T) {
	needTacho(t)
	t.Run("an aggregator is killed", killedAggregator)
	t.Run("an agent is killed", killedAgent)
	t.Run("certificates of the chart are renewed", renewedCertificates)
	t.Run("the front proxy's authority is renewed", renewedFrontProxy)
	t.Run("kube-apiserver is away", serverAway)
	t.Run("watches are cut and too old", watchesTooOld)
	t.Run("a namespace is deleted while we are down", namespaceWhileDown)
}

// A replica dies without a word while somebody asks twenty times a second. kube-apiserver goes to
// any endpoint that is ready in its EndpointSlice, tries none a second time, and nobody can tell it
// in advance: until it has heard of the death, it answers every second question with 503. What is
// ours: the replica that lives answers all that reaches it, wholly; what was under way in the dead
// one's connections is asked again; and the new process is not ready before it has all figures.
func killedAggregator(t *testing.T) {
	watch := startAsking(t)
	time.Sleep(2 * time.Second)
	var gaps []gap
	for i := range 3 {
		pod := aggregators(t, 2)[i%2]
		heard := whenNotReady(t, pod.Status.PodIP)
		died := time.Now()
		if err := node.Kill(home, pod.Name, pod.Spec.Containers[0].Name); err != nil {
			t.Fatal(err)
		}
		select {
		case at := <-heard:
			gaps = append(gaps, gap{died, at})
		case <-time.After(30 * time.Second):
			t.Fatal("the EndpointSlice still says that the dead replica is ready")
		}
		time.Sleep(time.Second)
		aggregators(t, 2)
		time.Sleep(2 * time.Second)
	}
	failures := watch.end()
	within := 0
	for _, failure := range failures {
		if excused(failure, gaps) {
			within++
		} else {
			t.Errorf("no answer though kube-apiserver knew who lives: %v", failure)
		}
	}
	t.Logf("%d questions; %d had a 503 of kube-apiserver's before it heard of a death, which took %v", watch.asked, within, gaps)
}

// gap is the time from a replica's death to when kube-apiserver has heard of it.
type gap struct {
	from, to time.Time
}

func (g gap) String() string { return g.to.Sub(g.from).Round(time.Millisecond).String() }

// kube-apiserver hears of it by an informer of its own, a moment before or after us.
const hearing = 500 * time.Millisecond

// excused tells whether kube-apiserver could not know better when the question was asked, and says
// itself that it could not reach a replica.
func excused(failure failure, gaps []gap) bool {
	var status apierrors.APIStatus
	if !errors.As(failure.err, &status) || status.Status().Code != http.StatusServiceUnavailable ||
		!strings.Contains(fmt.Sprint(status.Status().Details), "error trying to reach service") {
		return false
	}
	return slices.ContainsFunc(gaps, func(gap gap) bool {
		return failure.began.Add(failure.took).After(gap.from) && failure.began.Before(gap.to.Add(hearing))
	})
}

// whenNotReady tells when the aggregator's EndpointSlice has an address as ready no more.
func whenNotReady(t *testing.T, address string) <-chan time.Time {
	t.Helper()
	client := plane.Client.DiscoveryV1().EndpointSlices(home)
	options := metav1.ListOptions{LabelSelector: discoveryv1.LabelServiceName + "=tacho-aggregator"}
	list, err := client.List(ctx, options)
	if err != nil {
		t.Fatal(err)
	}
	options.ResourceVersion = list.ResourceVersion
	events, err := client.Watch(ctx, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(events.Stop)
	heard := make(chan time.Time, 1)
	go func() {
		for event := range events.ResultChan() {
			slice, ok := event.Object.(*discoveryv1.EndpointSlice)
			if ok && !slices.ContainsFunc(slice.Endpoints, func(endpoint discoveryv1.Endpoint) bool {
				return slices.Contains(endpoint.Addresses, address) && *endpoint.Conditions.Ready
			}) {
				heard <- time.Now()
				return
			}
		}
	}()
	return heard
}

func killedAgent(t *testing.T) {
	pod := readyPods(t, home, agentLabels, len(nodeNames))[0]
	if err := node.Kill(home, pod.Name, pod.Spec.Containers[0].Name); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second)
	wait(t, 30*time.Second, "fresh figures of "+pod.Spec.NodeName, func() error {
		metrics, err := figures.MetricsV1beta1().NodeMetricses().Get(ctx, pod.Spec.NodeName, metav1.GetOptions{})
		if err == nil && time.Since(metrics.Timestamp.Time) > 3*time.Second {
			err = fmt.Errorf("they are of %s", metrics.Timestamp)
		}
		return err
	})
}

// Another generation: new authority, new certificate, new caBundle; agents and kube-apiserver learn
// of them at different times. Nobody who asks is to notice.
func renewedCertificates(t *testing.T) {
	before := caBundle(t)
	watch := startAsking(t)
	install(t, "--set", "tls.helm.generation=2")
	after := caBundle(t)
	if bytes.Equal(before, after) {
		t.Fatal("the APIService has the old caBundle")
	}
	for _, pod := range append(aggregators(t, 2), readyPods(t, home, agentLabels, len(nodeNames))...) {
		if err := node.Refresh(home, pod.Name); err != nil {
			t.Fatal(err)
		}
	}
	for _, pod := range aggregators(t, 2) {
		wait(t, 30*time.Second, "the new certificate", func() error { return showsCertificateOf(pod.Status.PodIP, after) })
	}
	wait(t, 60*time.Second, "both APIServices", servicesAvailable)
	wait(t, 60*time.Second, "figures of all nodes", func() error { return nodesServed(len(nodeNames)) })
	watch.wantNoFailure(t)
	// An agent that starts now sees the new certificate alone.
	pod := readyPods(t, home, agentLabels, len(nodeNames))[0]
	kubectl(t, "delete pod --timeout=30s -n "+home, pod.Name)
	readyAgents(t)
	wait(t, 30*time.Second, "figures of all nodes", func() error { return nodesServed(len(nodeNames)) })
}

// showsCertificateOf tells whether a replica's certificate is of the bundle's first authority.
func showsCertificateOf(address string, bundle []byte) error {
	first, _ := pem.Decode(bundle)
	authority, err := x509.ParseCertificate(first.Bytes)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AddCert(authority)
	connection, err := tls.DialWithDialer(&net.Dialer{Timeout: 5 * time.Second}, "tcp",
		net.JoinHostPort(address, fmt.Sprint(aggregatorPort)),
		&tls.Config{RootCAs: roots, ServerName: "tacho-aggregator." + home + ".svc"})
	if err == nil {
		err = connection.Close()
	}
	return err
}

func caBundle(t *testing.T) []byte {
	t.Helper()
	service, err := services.ApiregistrationV1().APIServices().Get(ctx, "v1beta1.metrics.k8s.io", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return service.Spec.CABundle
}

// As an administrator does it: both authorities, the new certificate, then the new one alone.
func renewedFrontProxy(t *testing.T) {
	old := issue(t, plane.FrontProxy, cluster.Subject{Name: "front-proxy-client"})
	if err := plane.RotateFrontProxy(); err != nil {
		t.Fatal(err)
	}
	restartServer(t)
	if err := plane.WriteProxyClient(cluster.Subject{Name: "front-proxy-client"}); err != nil {
		t.Fatal(err)
	}
	waitForAnswers(t)
	restartServer(t) // shows the new certificate now
	waitForAnswers(t)
	if err := plane.DropOldFrontProxy(); err != nil {
		t.Fatal(err)
	}
	restartServer(t)
	waitForAnswers(t)
	// kube-apiserver adds to this ConfigMap and takes away only what has expired; once it is gone, it
	// is written anew.
	kubectl(t, "delete configmap extension-apiserver-authentication -n kube-system")
	wait(t, 60*time.Second, "the old certificate to be refused", func() error {
		for _, pod := range aggregators(t, 2) {
			by := caller{pair: old, headers: remote("x", "system:masters")}
			if status, _ := by.ask(t, pod.Status.PodIP, "/apis"); status != 401 {
				return fmt.Errorf("it is answered with %d", status)
			}
		}
		return nil
	})
	waitForAnswers(t)
}

func restartServer(t *testing.T) {
	t.Helper()
	plane.StopServer()
	if err := plane.StartServer(ctx); err != nil {
		t.Fatal(err)
	}
}

func waitForAnswers(t *testing.T) {
	t.Helper()
	wait(t, 60*time.Second, "both APIServices", servicesAvailable)
	wait(t, 60*time.Second, "figures of all nodes", func() error { return nodesServed(len(nodeNames)) })
	if a := try(t, "top pod -n "+home); a.code != 0 {
		t.Errorf("kubectl top: %s", a.err)
	}
}

// direct asks a replica itself as system:masters, for which it needs nobody's leave.
func direct(t *testing.T, path string) (int, string) {
	t.Helper()
	by := caller{pair: issue(t, plane.CA, cluster.Subject{Name: "root", Groups: []string{"system:masters"}})}
	pod, err := knownAggregator()
	if err != nil {
		t.Fatal(err)
	}
	return by.ask(t, pod, path)
}

// ownMetric is a counter or gauge of the replica that direct asks.
func ownMetric(t *testing.T, series string) int {
	t.Helper()
	status, text := direct(t, "/metrics")
	_, rest, found := strings.Cut(text, "\n"+series+" ")
	value, err := strconv.Atoi(strings.SplitN(rest, "\n", 2)[0])
	if status != 200 || !found || err != nil {
		t.Fatalf("/metrics: %d, no %s", status, series)
	}
	return value
}

var aggregatorAddress string

func knownAggregator() (string, error) {
	if aggregatorAddress == "" {
		return "", fmt.Errorf("no aggregator's address was noted")
	}
	return aggregatorAddress, nil
}

// What it knew is served all the time; and it comes back without WatchList.
func serverAway(t *testing.T) {
	name := namespace(t)
	makePod(t, name, "p", nil, podSpec(load("app", "cpu=10", "memory=10")))
	covered(t, name, "p", time.Second)
	aggregatorAddress = aggregators(t, 2)[0].Status.PodIP
	nobody := strings.TrimSpace(kubectl(t, "create token default -n "+name))
	plane.KillServer()
	for until := time.Now().Add(20 * time.Second); time.Now().Before(until); time.Sleep(time.Second) {
		if status, text := direct(t, podsPath(name)+"/p"); status != 200 {
			t.Errorf("without kube-apiserver a master gets %d: %s", status, text)
			break
		}
	}
	if status, _ := (caller{token: nobody}).ask(t, aggregatorAddress, podsPath(name)); status != 401 {
		t.Errorf("a token that nobody can review gets %d", status)
	}
	if status, _ := (caller{pair: issue(t, plane.CA, cluster.Subject{Name: "carol"})}).ask(t, aggregatorAddress, podsPath(name)); status != 500 {
		t.Errorf("a user whose rights nobody can tell gets %d", status)
	}
	if status, _ := direct(t, "/livez"); status != 200 {
		t.Errorf("/livez is %d without kube-apiserver", status)
	}
	if err := plane.StartServer(ctx, "--feature-gates=WatchList=false"); err != nil {
		t.Fatal(err)
	}
	waitForAnswers(t)
	makePod(t, name, "later", map[string]string{"made": "later"}, podSpec(load("app", "cpu=10", "memory=10")))
	// everybody who follows kube-apiserver, the test kubelet too, asks less and less often meanwhile
	wait(t, 120*time.Second, "a pod made afterwards, by its label", func() error {
		list, err := figures.MetricsV1beta1().PodMetricses(name).List(ctx, metav1.ListOptions{LabelSelector: "made=later"})
		if err == nil && len(list.Items) != 1 {
			err = fmt.Errorf("%d pods", len(list.Items))
		}
		return err
	})
	if ownMetric(t, `tacho_aggregator_metadata_ends_total{reason="refused"}`) == 0 {
		t.Error("no WatchList was refused")
	}
}

// etcd speaks to etcd's JSON gateway.
func etcd(t *testing.T, path string, question any) map[string]any {
	t.Helper()
	text, _ := json.Marshal(question)
	response, err := http.Post("http://127.0.0.1:2379/v3/"+path, "application/json", bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var answer map[string]any
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || response.StatusCode != 200 {
		t.Fatalf("etcd %s: %s %v %v", path, response.Status, err, answer)
	}
	return answer
}

const tooOld = `tacho_aggregator_metadata_ends_total{reason="expired"}`

// While kube-apiserver is away a pod vanishes from etcd and its history is compacted: the watch goes
// on from a version that is too old, and only a new list can tell that the pod has gone.
func watchesTooOld(t *testing.T) {
	name := namespace(t)
	for _, pod := range []string{"stays", "vanishes"} {
		makePod(t, name, pod, nil, podSpec(load("app", "cpu=10", "memory=10")))
		covered(t, name, pod, time.Second)
	}
	aggregatorAddress = aggregators(t, 2)[0].Status.PodIP
	expired := ownMetric(t, tooOld)
	plane.StopServer()
	key := base64.StdEncoding.EncodeToString([]byte("/registry/pods/" + name + "/vanishes"))
	etcd(t, "kv/deleterange", map[string]any{"key": key})
	for range 20 { // so that the version of every watch is behind
		etcd(t, "kv/put", map[string]any{"key": base64.StdEncoding.EncodeToString([]byte("/tacho-e2e")), "value": key})
	}
	header := etcd(t, "kv/range", map[string]any{"key": key})["header"].(map[string]any)
	etcd(t, "kv/compaction", map[string]any{"revision": header["revision"], "physical": true})
	if err := plane.StartServer(ctx); err != nil {
		t.Fatal(err)
	}
	wait(t, 120*time.Second, "the vanished pod to be gone", func() error {
		status, text := direct(t, podsPath(name)+"/vanishes")
		if status != 404 {
			return fmt.Errorf("%d: %s", status, text)
		}
		return nil
	})
	if ownMetric(t, tooOld) == expired {
		t.Error("no version of a watch was too old")
	}
	if status, text := direct(t, podsPath(name)+"/stays"); status != 200 {
		t.Errorf("the other pod: %d %s", status, text)
	}
	waitForAnswers(t)
}

// A registered API that nobody serves holds up the deletion of every namespace; ours must not for
// longer than it is away.
func namespaceWhileDown(t *testing.T) {
	resize(t, 0)
	readyPods(t, home, aggregatorLabels, 0)
	name := namespace(t)
	kubectl(t, "delete namespace "+name+" --wait=false")
	resize(t, 2)
	aggregators(t, 2)
	wait(t, 60*time.Second, "figures of all nodes", func() error { return nodesServed(len(nodeNames)) })
	// its controller asks less and less often, up to once a minute
	wait(t, 180*time.Second, "the namespace to be gone", func() error {
		if a := try(t, "get namespace "+name); a.code == 0 {
			return fmt.Errorf("it is there: %s", a.out)
		}
		return nil
	})
}

func resize(t *testing.T, count int32) {
	t.Helper()
	patch := fmt.Sprintf(`{"spec":{"replicas":%d}}`, count)
	_, err := plane.Client.AppsV1().Deployments(home).Patch(ctx, "tacho-aggregator", types.MergePatchType,
		[]byte(patch), metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
}
