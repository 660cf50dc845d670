package e2e

import (
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiregistration "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
)

// A release of it, by a real helm.
func TestHelm(t *testing.T) {
	needTacho(t)
	t.Run("upgrade without a hole", helmUpgrade)
	t.Run("uninstall leaves nothing", helmUninstall)
	t.Run("in place of metrics-server", helmInPlace)
	install(t)
	wait(t, 60*time.Second, "both APIServices", servicesAvailable)
}

// Two replicas take each other's place while somebody asks all the time.
func helmUpgrade(t *testing.T) {
	watch := startAsking(t)
	install(t, "--set", "podAnnotations.upgraded=yes", "--set", "agent.podAnnotations.upgraded=yes")
	aggregators(t, 2)
	watch.wantNoFailure(t)
}

func helmUninstall(t *testing.T) {
	if a := helm(t, "uninstall", release, "--namespace", home, "--wait", "--timeout=90s"); a.code != 0 {
		t.Fatalf("helm uninstall: %s%s", a.out, a.err)
	}
	wait(t, 60*time.Second, "nothing of it", func() error {
		left := try(t, "get all,secrets,configmaps,serviceaccounts,networkpolicies,roles,rolebindings,poddisruptionbudgets -o name -A -l app.kubernetes.io/instance="+release).out
		left += try(t, "get clusterroles,clusterrolebindings,apiservices -o name -l app.kubernetes.io/instance="+release).out
		if left != "" {
			return fmt.Errorf("there are %s", left)
		}
		return nil
	})
	if a := try(t, "top node"); a.code == 0 {
		t.Error("somebody still answers kubectl top")
	}
}

// What metrics-server registers, in its own namespace, under the name that is ours then.
func helmInPlace(t *testing.T) {
	client := services.ApiregistrationV1().APIServices()
	theirs := &apiregistration.APIService{
		ObjectMeta: metav1.ObjectMeta{Name: "v1beta1.metrics.k8s.io", Labels: map[string]string{"k8s-app": "metrics-server"}},
		Spec: apiregistration.APIServiceSpec{Group: "metrics.k8s.io", Version: "v1beta1", GroupPriorityMinimum: 100,
			VersionPriority: 100, InsecureSkipTLSVerify: true,
			Service: &apiregistration.ServiceReference{Namespace: "kube-system", Name: "metrics-server"}}}
	if _, err := client.Create(ctx, theirs, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	install(t, "--take-ownership")
	wait(t, 60*time.Second, "both APIServices", servicesAvailable)
	wait(t, 30*time.Second, "figures", func() error { return nodesServed(len(nodeNames)) })
	service, err := client.Get(ctx, theirs.Name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if service.Spec.Service.Namespace != home || service.Spec.InsecureSkipTLSVerify || len(service.Spec.CABundle) == 0 {
		t.Errorf("the APIService is %+v", service.Spec)
	}
}
