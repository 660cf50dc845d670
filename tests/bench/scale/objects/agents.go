package objects

import (
	"context"
	"fmt"
	"sync"

	authenticationv1 "k8s.io/api/authentication/v1"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"tacho.test/bench/scale/world"
)

// Agents is the service account that tacho's agents are.
type Agents struct {
	Namespace, ServiceAccount, Audience string
}

// tokens makes a pod on each node and returns the token that it would find there, by node. The pods are
// not running: nobody has figures of them.
func (a *Agents) tokens(ctx context.Context, client *kubernetes.Clientset,
	nodes []*world.Node) (map[string]string, error) {
	account := &v1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: a.ServiceAccount}}
	accounts := client.CoreV1().ServiceAccounts(a.Namespace)
	if _, err := accounts.Create(ctx, account, metav1.CreateOptions{}); err != nil {
		return nil, err
	}
	var mutex sync.Mutex
	tokens := map[string]string{}
	err := each(ctx, nodes, func(ctx context.Context, node *world.Node) error {
		pod, err := client.CoreV1().Pods(a.Namespace).Create(ctx, a.pod(node.Name), metav1.CreateOptions{})
		if err != nil {
			return err
		}
		answer, err := accounts.CreateToken(ctx, a.ServiceAccount, a.request(pod), metav1.CreateOptions{})
		if err != nil {
			return fmt.Errorf("token of the agent on %s: %w", node.Name, err)
		}
		mutex.Lock()
		defer mutex.Unlock()
		tokens[node.Name] = answer.Status.Token
		return nil
	})
	return tokens, err
}

func (a *Agents) pod(node string) *v1.Pod {
	no := false
	return &v1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "token-of-" + node, Labels: map[string]string{"app": "token"}},
		Spec: v1.PodSpec{NodeName: node, ServiceAccountName: a.ServiceAccount, AutomountServiceAccountToken: &no,
			Containers: []v1.Container{{Name: "agent", Image: "example.com/agent:1"}}},
	}
}

func (a *Agents) request(pod *v1.Pod) *authenticationv1.TokenRequest {
	lifetime := int64(3600)
	return &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{
		Audiences: []string{a.Audience}, ExpirationSeconds: &lifetime,
		BoundObjectRef: &authenticationv1.BoundObjectReference{Kind: "Pod", APIVersion: "v1",
			Name: pod.Name, UID: pod.UID}}}
}
