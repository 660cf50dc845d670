package kubedouble

import (
	"slices"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"tacho.test/bench/scale/token"
	"tacho.test/bench/scale/world"
)

// clientset asks in JSON, as the aggregator does.
func clientset(t *testing.T, s *Server) *kubernetes.Clientset {
	t.Helper()
	file := t.TempDir() + "/kubeconfig"
	if err := s.WriteKubeconfig(file); err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", file)
	if err != nil {
		t.Fatal(err)
	}
	config.ContentType = "application/json"
	config.RateLimiter = nil
	clients, err := kubernetes.NewForConfig(rest.CopyConfig(config))
	if err != nil {
		t.Fatal(err)
	}
	return clients
}

func TestTokenReview(t *testing.T) {
	s, of := start(t, 3, Options{})
	reviews := clientset(t, s).AuthenticationV1().TokenReviews()
	good := of.Token("node-00001")
	claims, err := token.Read(good)
	if err != nil {
		t.Fatal(err)
	}
	change := func(change func(*token.Claims)) string {
		changed, _ := token.Read(good)
		change(changed)
		return changed.Sign()
	}
	for _, row := range []struct {
		name, token string
		audiences   []string
		fails       string
	}{
		{"good", good, []string{"other", token.Audience}, ""},
		{"any audience", good, nil, ""},
		{"bound to no pod", change(func(c *token.Claims) { c.Kubernetes.Pod = nil }), nil, ""},
		{"another audience", good, []string{"other"}, "audiences"},
		{"no token", "x", nil, "invalid bearer token"},
		{"ended", change(func(c *token.Claims) { c.Expires = time.Now().Unix() - 1 }), nil, "expired"},
		{"another pod", change(func(c *token.Claims) { c.Kubernetes.Pod.UID = "u" }), nil, "invalidated"},
		{"no such pod", change(func(c *token.Claims) { c.Kubernetes.Pod.Name = "p" }), nil, "invalidated"},
	} {
		answer, err := reviews.Create(t.Context(), &authenticationv1.TokenReview{
			Spec: authenticationv1.TokenReviewSpec{Token: row.token, Audiences: row.audiences},
		}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(row.name, err)
		}
		status := answer.Status
		if row.fails != "" {
			if status.Authenticated || !strings.Contains(status.Error, row.fails) {
				t.Errorf("%s: %+v", row.name, status)
			}
			continue
		}
		user := status.User
		if !status.Authenticated || user.Username != "system:serviceaccount:tacho-system:tacho-agent" ||
			!slices.Equal(status.Audiences, []string{token.Audience}) ||
			!slices.Contains(user.Groups, "system:serviceaccounts:tacho-system") ||
			user.Extra["authentication.kubernetes.io/node-name"][0] != "node-00001" {
			t.Errorf("%s: %+v", row.name, status)
		}
		pod := user.Extra["authentication.kubernetes.io/pod-uid"]
		if row.name == "good" && (len(pod) != 1 || pod[0] != claims.Kubernetes.Pod.UID) {
			t.Errorf("%s: %+v", row.name, user.Extra)
		}
	}
	if counts := s.Counts()[TokenReviews]; counts.Requests != 8 {
		t.Errorf("%+v", counts)
	}
}

// The token of an agent whose node has gone holds no more.
func TestTokenOfTheGone(t *testing.T) {
	s, of := start(t, 3, Options{})
	reviews := clientset(t, s).AuthenticationV1().TokenReviews()
	churner := of.NewChurner(world.Churn{NodesPerMinute: 60, NodeLife: 5 * time.Second})
	churner.Step(time.Second)
	review := &authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: of.Token("node-00003")}}
	for i, want := range []bool{true, false} {
		answer, err := reviews.Create(t.Context(), review, metav1.CreateOptions{})
		if err != nil || answer.Status.Authenticated != want {
			t.Errorf("%d: %+v, %v", i, answer, err)
		}
		churner.Step(10 * time.Second)
	}
}

func TestAccessReview(t *testing.T) {
	s, _ := start(t, 1, Options{})
	reviews := clientset(t, s).AuthorizationV1().SubjectAccessReviews()
	for _, row := range []struct {
		denied []string
		want   bool
	}{{nil, true}, {[]string{"bob"}, true}, {[]string{"bob", "alice"}, false}, {[]string{"*"}, false}, {nil, true}} {
		s.Deny(row.denied...)
		answer, err := reviews.Create(t.Context(), &authorizationv1.SubjectAccessReview{
			Spec: authorizationv1.SubjectAccessReviewSpec{
				User:               "alice",
				ResourceAttributes: &authorizationv1.ResourceAttributes{Verb: "list", Resource: "pods"},
			},
		}, metav1.CreateOptions{})
		if err != nil || answer.Status.Allowed != row.want || answer.Spec.User != "alice" {
			t.Errorf("%v: %+v, %v", row.denied, answer, err)
		}
	}
}

func TestBadReview(t *testing.T) {
	s, _ := start(t, 1, Options{})
	for _, body := range []string{"", "{", "[]", `{"spec":7}`} {
		for _, path := range []string{"authentication.k8s.io/v1/tokenreviews", "authorization.k8s.io/v1/subjectaccessreviews"} {
			response, err := ask(t.Context(), client(t, s, true), s, "POST", "/apis/"+path, "application/json", body)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode != 400 {
				t.Errorf("%q: %d", body, response.StatusCode)
			}
		}
	}
}

func TestAuthConfig(t *testing.T) {
	s, _ := start(t, 1, Options{Bookmarks: 50 * time.Millisecond})
	maps := clientset(t, s).CoreV1().ConfigMaps("kube-system")
	if _, err := maps.List(t.Context(), metav1.ListOptions{}); err == nil {
		t.Error("all ConfigMaps were listed")
	}
	options := metav1.ListOptions{FieldSelector: "metadata.name=" + authConfigName}
	list, err := maps.List(t.Context(), options)
	if err != nil || len(list.Items) != 1 {
		t.Fatal(list, err)
	}
	data := list.Items[0].Data
	if data["requestheader-client-ca-file"] != string(s.proxyCA.PEM) || data["client-ca-file"] != string(s.clientCA.PEM) ||
		data["requestheader-allowed-names"] != `["front-proxy-client"]` {
		t.Errorf("%v", data)
	}
	seconds := int64(30)
	options.ResourceVersion, options.TimeoutSeconds, options.AllowWatchBookmarks = list.ResourceVersion, &seconds, true
	watch, err := maps.Watch(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Stop()
	if event := <-watch.ResultChan(); event.Type != "BOOKMARK" {
		t.Errorf("%+v", event)
	}
}

func TestVersion(t *testing.T) {
	s, _ := start(t, 1, Options{})
	version, err := clientset(t, s).Discovery().ServerVersion()
	if err != nil || version.GitVersion != "v1.36.3" {
		t.Errorf("%v, %v", version, err)
	}
}
