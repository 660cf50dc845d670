package kubelet

import (
	"os"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// token is one that was requested for a pod and is in use.
type token struct {
	text            string
	issued, expires time.Time
}

// due follows the kubelet's rule: after four fifths of its life, or a day.
func (t *token) due() bool {
	life := t.expires.Sub(t.issued)
	return time.Since(t.issued) > min(life*4/5, 24*time.Hour)
}

// addToken puts a token that is bound to the pod into a projected volume.
func (w *worker) addToken(content payload, source *v1.ServiceAccountTokenProjection) error {
	key := source.Audience + " " + source.Path
	if have := w.tokens[key]; have == nil || have.due() {
		fresh, err := w.requestToken(source)
		if err != nil && have == nil {
			return err
		}
		if err == nil {
			w.tokens[key] = fresh
		}
	}
	content[source.Path] = file{[]byte(w.tokens[key].text), w.tokenMode()}
	return nil
}

// A kubelet lets only those read it who need to: all containers' one user, or the fsGroup.
func (w *worker) tokenMode() os.FileMode {
	if w.group() >= 0 {
		return 0o600
	}
	return 0o644
}

func (w *worker) requestToken(source *v1.ServiceAccountTokenProjection) (*token, error) {
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{
		ExpirationSeconds: source.ExpirationSeconds,
		BoundObjectRef: &authenticationv1.BoundObjectReference{Kind: "Pod", APIVersion: "v1",
			Name: w.name, UID: w.uid},
	}}
	if source.Audience != "" {
		request.Spec.Audiences = []string{source.Audience}
	}
	issued := time.Now()
	answer, err := w.k.Client.CoreV1().ServiceAccounts(w.namespace).CreateToken(w.k.context,
		w.pod.Spec.ServiceAccountName, request, metav1.CreateOptions{})
	if err != nil {
		return nil, err
	}
	return &token{answer.Status.Token, issued, answer.Status.ExpirationTimestamp.Time}, nil
}
