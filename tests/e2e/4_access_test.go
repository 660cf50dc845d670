package e2e

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"tacho.test/e2e/cluster"
)

// Who is let in: through kube-apiserver, and past it at the aggregator's own port.
func TestAccess(t *testing.T) {
	needTacho(t)
	name := namespace(t)
	makePod(t, name, "p", nil, podSpec(load("app", "cpu=10", "memory=10")))
	covered(t, name, "p", time.Second)
	kubectl(t, "create rolebinding alice --clusterrole=view --user=alice -n "+name)
	t.Run("users of kubectl", func(t *testing.T) { accessKubectl(t, name) })
	t.Run("front proxy", func(t *testing.T) { accessProxy(t, name) })
	t.Run("client certificates", func(t *testing.T) { accessCertificates(t, name) })
	t.Run("tokens", func(t *testing.T) { accessTokens(t, name) })
	t.Run("anonymous", func(t *testing.T) { accessAnonymous(t, name) })
	t.Run("no more rights than needed", leastRights)
}

// as writes a kubeconfig of a user and returns the flag that names it.
func as(t testing.TB, subject cluster.Subject) string {
	t.Helper()
	pair, err := plane.CA.Issue(subject)
	if err != nil {
		t.Fatal(err)
	}
	file := scratch("kubeconfig-" + subject.Name)
	if _, err := plane.WriteKubeconfig(file, pair); err != nil {
		t.Fatal(err)
	}
	return " --kubeconfig=" + file
}

func wantForbidden(t testing.TB, line string) {
	t.Helper()
	if a := try(t, line); a.code == 0 || !strings.Contains(a.err, "forbidden") && !strings.Contains(a.err, "Forbidden") {
		t.Errorf("kubectl %s: status %d, not forbidden: %s%s", line, a.code, a.out, a.err)
	}
}

func accessKubectl(t *testing.T, name string) {
	alice := as(t, cluster.Subject{Name: "alice", Groups: []string{"dev"}})
	bob := as(t, cluster.Subject{Name: "bob"})
	// the role "view" has our reader aggregated to it
	wantNames(t, column(rows(t, kubectl(t, "top pod -n "+name+alice), podHeader), 0), "p")
	wantForbidden(t, "top pod -A"+alice)
	wantForbidden(t, "top node"+alice)
	wantForbidden(t, "top pod -n default"+alice)
	wantForbidden(t, "top pod -n "+name+bob)
	wantForbidden(t, "get podmetrics -n "+name+bob)
	for _, verb := range []string{"create", "delete"} {
		if a := try(t, "auth can-i "+verb+" pods.metrics.k8s.io -n "+name+alice); a.code == 0 {
			t.Errorf("alice may %s metrics", verb)
		}
	}
	wantNames(t, column(rows(t, kubectl(t, "top pod --as=alice -n "+name), podHeader), 0), "p")
	wantForbidden(t, "top pod --as=bob -n "+name)
	root := as(t, cluster.Subject{Name: "root", Groups: []string{"system:masters"}})
	kubectl(t, "top pod -A"+root)
}

// caller is how somebody asks the aggregator itself.
type caller struct {
	pair    *cluster.Pair
	headers map[string][]string
	token   string
}

// ask returns the status and what was said. Each call has a connection of its own.
func (c caller) ask(t testing.TB, address, path string) (int, string) {
	t.Helper()
	config := &tls.Config{InsecureSkipVerify: true}
	if c.pair != nil {
		certificate, err := tls.X509KeyPair(c.pair.Certificate, c.pair.Key)
		if err != nil {
			t.Fatal(err)
		}
		// whatever authorities the server names: a stranger does not care
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &certificate, nil }
	}
	client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}}
	request, err := http.NewRequest(http.MethodGet, fmt.Sprintf("https://%s:%d%s", address, aggregatorPort, path), nil)
	if err != nil {
		t.Fatal(err)
	}
	for header, values := range c.headers {
		request.Header[header] = values
	}
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(text)
}

// wantStatus asks every replica.
func (c caller) wantStatus(t testing.TB, what, path string, want int) {
	t.Helper()
	for _, pod := range aggregators(t, 2) {
		if got, text := c.ask(t, pod.Status.PodIP, path); got != want {
			t.Errorf("%s: %s is %d, not %d: %s", what, path, got, want, text)
		}
	}
}

func issue(t testing.TB, authority *cluster.Authority, subject cluster.Subject) *cluster.Pair {
	t.Helper()
	pair, err := authority.Issue(subject)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

func remote(user string, groups ...string) map[string][]string {
	headers := map[string][]string{"X-Remote-User": {user}}
	if len(groups) > 0 {
		headers["X-Remote-Group"] = groups
	}
	return headers
}

func podsPath(namespace string) string {
	return "/apis/metrics.k8s.io/v1beta1/namespaces/" + namespace + "/pods"
}

func accessProxy(t *testing.T, name string) {
	stranger, err := cluster.NewAuthority("front-proxy-ca") // the same name, another key
	if err != nil {
		t.Fatal(err)
	}
	proxy := cluster.Subject{Name: "front-proxy-client"}
	good := issue(t, plane.FrontProxy, proxy)
	for _, test := range []struct {
		what   string
		caller caller
		status int
	}{
		{"alice by the proxy", caller{pair: good, headers: remote("alice", "dev")}, 200},
		{"bob by the proxy", caller{pair: good, headers: remote("bob")}, 403},
		{"a master by the proxy", caller{pair: good, headers: remote("x", "system:masters")}, 200},
		{"anonymous by the proxy", caller{pair: good, headers: remote("system:anonymous", "system:unauthenticated")}, 403},
		{"another authority", caller{pair: issue(t, stranger, proxy), headers: remote("x", "system:masters")}, 401},
		{"another name", caller{pair: issue(t, plane.FrontProxy, cluster.Subject{Name: "mallory"}), headers: remote("x", "system:masters")}, 401},
		{"an expired certificate", caller{pair: issue(t, plane.FrontProxy, cluster.Subject{Name: "front-proxy-client", Lifetime: -time.Hour}),
			headers: remote("x", "system:masters")}, 401},
		{"headers without a certificate", caller{headers: remote("x", "system:masters")}, 403},
		{"a user's certificate with headers", caller{pair: issue(t, plane.CA, cluster.Subject{Name: "bob"}), headers: remote("x", "system:masters")}, 403},
		{"the proxy's name from the users' authority", caller{pair: issue(t, plane.CA, proxy), headers: remote("x", "system:masters")}, 403},
	} {
		test.caller.wantStatus(t, test.what, podsPath(name), test.status)
	}
	wrong := caller{pair: issue(t, stranger, proxy), headers: remote("x", "system:masters")}
	wrong.wantStatus(t, "another authority", "/healthz", 401) // on every path
}

func accessCertificates(t *testing.T, name string) {
	stranger, err := cluster.NewAuthority("cluster-ca")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		what      string
		authority *cluster.Authority
		subject   cluster.Subject
		status    int
	}{
		{"alice", plane.CA, cluster.Subject{Name: "alice"}, 200},
		{"bob", plane.CA, cluster.Subject{Name: "bob"}, 403},
		{"a master", plane.CA, cluster.Subject{Name: "x", Groups: []string{"system:masters"}}, 200},
		{"alice of another authority", stranger, cluster.Subject{Name: "alice"}, 401},
		{"alice, expired", plane.CA, cluster.Subject{Name: "alice", Lifetime: -time.Hour}, 401},
	} {
		caller{pair: issue(t, test.authority, test.subject)}.wantStatus(t, test.what, podsPath(name), test.status)
	}
}

// forge signs a token as kube-apiserver would, so that it can be of the past.
func forge(t testing.TB, key *rsa.PrivateKey, namespace, account string, expires time.Time) string {
	t.Helper()
	object, err := plane.Client.CoreV1().ServiceAccounts(namespace).Get(ctx, account, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	claims, _ := json.Marshal(map[string]any{"iss": cluster.Issuer, "aud": []string{cluster.Issuer},
		"sub": "system:serviceaccount:" + namespace + ":" + account, "exp": expires.Unix(),
		"iat": expires.Add(-time.Hour).Unix(), "nbf": expires.Add(-time.Hour).Unix(),
		"kubernetes.io": map[string]any{"namespace": namespace,
			"serviceaccount": map[string]any{"name": account, "uid": object.UID}}})
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(`{"alg":"RS256"}`)) + "." + encode(claims)
	digest := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + encode(signature)
}

func accessTokens(t *testing.T, name string) {
	token := serviceToken(t, name, "view")
	account := "reader-view"
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	wrongAudience := strings.TrimSpace(kubectl(t, "create token "+account+" --audience=tacho-aggregator -n "+name))
	nobody := strings.TrimSpace(kubectl(t, "create token default -n "+name))
	for _, test := range []struct {
		what, token string
		status      int
	}{
		{"a reader's token", token, 200},
		{"our own forgery with the right key", forge(t, plane.TokenKey, name, account, time.Now().Add(time.Hour)), 200},
		{"an expired token", forge(t, plane.TokenKey, name, account, time.Now().Add(-time.Minute)), 401},
		{"a token of another key", forge(t, other, name, account, time.Now().Add(time.Hour)), 401},
		{"a token for the agents' audience", wrongAudience, 401},
		{"a token without rights", nobody, 403},
		{"no token at all", "rubbish", 401},
	} {
		caller{token: test.token}.wantStatus(t, test.what, podsPath(name), test.status)
	}
	both := caller{pair: issue(t, plane.CA, cluster.Subject{Name: "alice"}), token: "rubbish"}
	both.wantStatus(t, "a good certificate with a bad token", podsPath(name), 200)
}

func accessAnonymous(t *testing.T, name string) {
	for path, status := range map[string]int{"/healthz": 200, "/livez": 200, "/readyz": 200, "/readyz/ping": 403,
		podsPath(name): 403, "/metrics": 403, "/apis": 403, "/": 403, "/nothing": 403, "/version": 200} {
		caller{}.wantStatus(t, "anonymous", path, status)
	}
	if a := try(t, "get --raw /apis/metrics.k8s.io/v1beta1/pods --as=system:anonymous --as-group=system:unauthenticated"); a.code == 0 {
		t.Errorf("anonymous reads all pods through kube-apiserver: %s", a.out)
	}
}

// The programs run under their own accounts' tokens; agents may do nothing at all.
func leastRights(t *testing.T) {
	pods := aggregators(t, 2)
	account := pods[0].Spec.ServiceAccountName
	for line, want := range map[string]bool{
		"list pods": true, "watch nodes": true, "create tokenreviews.authentication.k8s.io": true,
		"create subjectaccessreviews.authorization.k8s.io": true, "list secrets": false, "get configmaps": false,
		"create pods": false, "delete pods": false, "update nodes": false, "impersonate users": false,
	} {
		can := try(t, "auth can-i "+line+" -A --as=system:serviceaccount:"+home+":"+account).code == 0
		if can != want {
			t.Errorf("the aggregator's account may %s: %v", line, can)
		}
	}
	agents := readyPods(t, home, agentLabels, len(nodeNames))
	for _, volume := range agents[0].Spec.Volumes {
		if strings.HasPrefix(volume.Name, "kube-api-access-") {
			t.Error("an agent has a token for kube-apiserver")
		}
	}
	for _, line := range []string{"list pods", "get nodes", "create tokenreviews.authentication.k8s.io"} {
		if try(t, "auth can-i "+line+" -A --as=system:serviceaccount:"+home+":"+agents[0].Spec.ServiceAccountName).code == 0 {
			t.Errorf("an agent's account may %s", line)
		}
	}
}
