package e2e

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	v1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiregistration "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	"tacho.test/e2e/cluster"
)

// The stage itself: what the other tests stand on does what a cluster does.
func TestStage(t *testing.T) {
	t.Run("a Deployment becomes processes in cgroups", stageDeployment)
	t.Run("init containers, sidecars, restarts, deletion", stageLifeCycle)
	t.Run("projected tokens name the node", stageTokens)
	t.Run("an APIService reaches an endpoint", stageAggregation)
}

func cgroupsOf(pod *v1.Pod) []string {
	found, _ := filepath.Glob(filepath.Join(strings.Split(os.Getenv("E2E_TREES"), ":")[0],
		os.Getenv("E2E_CGROUP"), pod.Spec.NodeName, "kubepods", "*", "pod"+string(pod.UID), "*", "cgroup.procs"))
	return found
}

func stageDeployment(t *testing.T) {
	name := namespace(t)
	deploy(t, name, "web", 3, load("app", "cpu=5", "memory=10"))
	nodes := map[string]bool{}
	for _, pod := range readyPods(t, name, "app=web", 3) {
		nodes[pod.Spec.NodeName] = true
		if groups := cgroupsOf(&pod); len(groups) != 2 {
			t.Errorf("pod %s has cgroups %v, not those of sandbox and container", pod.Name, groups)
		}
		id := strings.TrimPrefix(pod.Status.ContainerStatuses[0].ContainerID, "containerd://")
		link := filepath.Join(node.LogRoot(pod.Spec.NodeName), "containers",
			fmt.Sprintf("%s_%s_app-%s.log", pod.Name, name, id))
		if _, err := os.Lstat(link); err != nil {
			t.Error(err)
		}
	}
	if len(nodes) != 3 {
		t.Errorf("3 pods are on %d nodes", len(nodes))
	}
}

func stageLifeCycle(t *testing.T) {
	name := namespace(t)
	always := v1.ContainerRestartPolicyAlways
	spec := podSpec(load("app"))
	sidecar := load("helper")
	sidecar.RestartPolicy = &always
	spec.InitContainers = []v1.Container{load("first", "seconds=1"), sidecar}
	pod := makePod(t, name, "p", map[string]string{"a": "b"}, spec)
	pod = &readyPods(t, name, "a=b", 1)[0]
	if groups := cgroupsOf(pod); len(groups) != 3 {
		t.Errorf("cgroups are %v, not those of sandbox, helper, app", groups)
	}
	if err := node.Kill(name, "p", "app"); err != nil {
		t.Fatal(err)
	}
	wait(t, 20*time.Second, "a restart", func() error {
		pod, err := plane.Client.CoreV1().Pods(name).Get(ctx, "p", metav1.GetOptions{})
		if err == nil && (pod.Status.ContainerStatuses[0].RestartCount != 1 || !podReady(pod)) {
			err = fmt.Errorf("status %+v", pod.Status.ContainerStatuses[0])
		}
		return err
	})
	kubectl(t, "delete pod p --timeout=20s -n "+name)
	if groups := cgroupsOf(pod); len(groups) != 0 {
		t.Errorf("cgroups are left: %v", groups)
	}
}

// review asks kube-apiserver whose a token is.
func review(t testing.TB, token string, audience ...string) authenticationv1.TokenReviewStatus {
	t.Helper()
	answer, err := plane.Client.AuthenticationV1().TokenReviews().Create(ctx, &authenticationv1.TokenReview{
		Spec: authenticationv1.TokenReviewSpec{Token: token, Audiences: audience}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return answer.Status
}

func stageTokens(t *testing.T) {
	name := namespace(t)
	spec := podSpec(load("app"))
	spec.AutomountServiceAccountToken = nil
	expiry := int64(600)
	spec.Volumes = []v1.Volume{{Name: "mine", VolumeSource: v1.VolumeSource{Projected: &v1.ProjectedVolumeSource{
		Sources: []v1.VolumeProjection{{ServiceAccountToken: &v1.ServiceAccountTokenProjection{
			Audience: "tacho-aggregator", ExpirationSeconds: &expiry, Path: "token"}}}}}}}
	makePod(t, name, "p", map[string]string{"a": "b"}, spec)
	pod := readyPods(t, name, "a=b", 1)[0]
	text, err := node.VolumeFile(name, "p", "mine", "token")
	if err != nil {
		t.Fatal(err)
	}
	status := review(t, string(text), "tacho-aggregator")
	node := status.User.Extra["authentication.kubernetes.io/node-name"]
	if !status.Authenticated || len(node) != 1 || node[0] != pod.Spec.NodeName {
		t.Errorf("the pod is on %s, the review says %+v", pod.Spec.NodeName, status)
	}
	for _, volume := range pod.Spec.Volumes {
		if strings.HasPrefix(volume.Name, "kube-api-access-") {
			stageAPIAccess(t, name, volume.Name)
			return
		}
	}
	t.Error("the admission of service accounts gave the pod no volume")
}

func stageAPIAccess(t *testing.T, namespace, volume string) {
	authority, err := node.VolumeFile(namespace, "p", volume, "ca.crt")
	if err != nil || !bytes.Equal(authority, plane.CA.PEM) {
		t.Errorf("ca.crt: %v\n%s", err, authority)
	}
	token, err := node.VolumeFile(namespace, "p", volume, "token")
	if err != nil {
		t.Fatal(err)
	}
	if status := review(t, string(token)); status.User.Username != "system:serviceaccount:"+namespace+":default" {
		t.Errorf("the review says %+v", status)
	}
}

// A Service without a selector, whose endpoint we write ourselves: the bridge's address.
func stageAggregation(t *testing.T) {
	name := namespace(t)
	authority, err := cluster.NewAuthority("stage")
	if err != nil {
		t.Fatal(err)
	}
	pair, err := authority.Issue(cluster.Subject{Name: "stage", DNS: []string{"dummy." + name + ".svc"}})
	if err != nil {
		t.Fatal(err)
	}
	seen := serveDummy(t, pair)
	https, port, ready := "https", int32(8443), true
	service := &v1.Service{ObjectMeta: metav1.ObjectMeta{Name: "dummy"},
		Spec: v1.ServiceSpec{Ports: []v1.ServicePort{{Name: https, Port: 443}}}}
	if _, err := plane.Client.CoreV1().Services(name).Create(ctx, service, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	slice := &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Name: "dummy", Labels: map[string]string{discoveryv1.LabelServiceName: "dummy"}},
		AddressType: discoveryv1.AddressTypeIPv4, Ports: []discoveryv1.EndpointPort{{Name: &https, Port: &port}},
		Endpoints: []discoveryv1.Endpoint{{Addresses: []string{cluster.Gateway},
			Conditions: discoveryv1.EndpointConditions{Ready: &ready}}}}
	if _, err := plane.Client.DiscoveryV1().EndpointSlices(name).Create(ctx, slice, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	registered := &apiregistration.APIService{ObjectMeta: metav1.ObjectMeta{Name: "v1.stage.tacho.test"},
		Spec: apiregistration.APIServiceSpec{Group: "stage.tacho.test", Version: "v1", CABundle: authority.PEM,
			GroupPriorityMinimum: 100, VersionPriority: 100,
			Service: &apiregistration.ServiceReference{Namespace: name, Name: "dummy"}}}
	client := services.ApiregistrationV1().APIServices()
	if _, err := client.Create(ctx, registered, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Delete(ctx, registered.Name, metav1.DeleteOptions{}) })
	wait(t, 60*time.Second, "an answer through kube-apiserver", func() error {
		a := try(t, "get --raw /apis/stage.tacho.test/v1/x")
		if a.out != "dummy" {
			return fmt.Errorf("%s%s", a.out, a.err)
		}
		return nil
	})
	if user := <-seen; user == "" {
		t.Error("no X-Remote-User came with the front proxy's certificate")
	}
}

// serveDummy answers every request and tells who came by the front proxy.
func serveDummy(t *testing.T, pair *cluster.Pair) <-chan string {
	certificate, err := tls.X509KeyPair(pair.Certificate, pair.Key)
	if err != nil {
		t.Fatal(err)
	}
	proxies := x509.NewCertPool()
	proxies.AppendCertsFromPEM(plane.FrontProxy.PEM)
	listener, err := net.Listen("tcp", cluster.Gateway+":8443")
	if err != nil {
		t.Fatal(err)
	}
	seen := make(chan string, 1000)
	server := &http.Server{
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate},
			ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: proxies},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			select {
			case seen <- r.Header.Get("X-Remote-User"):
			default:
			}
			fmt.Fprint(w, "dummy")
		})}
	go server.ServeTLS(listener, "", "")
	t.Cleanup(func() { server.Close() })
	return seen
}
