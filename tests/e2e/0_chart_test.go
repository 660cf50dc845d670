package e2e

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// The chart by itself.
func TestChart(t *testing.T) {
	t.Run("lint", helmLint)
	t.Run("every branch", helmBranches)
}

func helmLint(t *testing.T) {
	if a := helm(t, "lint", chart()); a.code != 0 {
		t.Errorf("helm lint: %s%s", a.out, a.err)
	}
	if a := helm(t, "lint", "--strict", chart()); a.code != 0 {
		t.Errorf("helm lint --strict: %s%s", a.out, a.err)
	}
}

// Others' kinds that the chart can make, as open as a kind can be.
const foreignKind = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: %[1]ss.%[3]s}
spec:
  group: %[3]s
  names: {kind: %[2]s, plural: %[1]ss, singular: %[1]s}
  scope: Namespaced
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
---
`

func foreignKinds(t *testing.T) {
	t.Helper()
	var text strings.Builder
	for _, kind := range [][2]string{{"ServiceMonitor", "monitoring.coreos.com"}, {"PodMonitor", "monitoring.coreos.com"},
		{"Certificate", "cert-manager.io"}, {"Issuer", "cert-manager.io"}} {
		fmt.Fprintf(&text, foreignKind, strings.ToLower(kind[0]), kind[0], kind[1])
	}
	file := scratch("kinds.yaml")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	kubectl(t, "apply -f "+file)
	kubectl(t, "wait --for=condition=Established --timeout=30s -f "+file)
	t.Cleanup(func() { try(t, "delete --wait=false -f "+file) })
}

// Values that take each branch of the templates at least once; chart's own README names them.
var branches = map[string][]string{
	"defaults":          nil,
	"one replica":       {"--set", "replicas=1"},
	"five replicas":     {"--set", "replicas=5,podDisruptionBudget.maxUnavailable=,podDisruptionBudget.minAvailable=2"},
	"no budget":         {"--set", "podDisruptionBudget.enabled=false"},
	"no v1":             {"--set", "apiService.v1.create=false"},
	"no APIService":     {"--set", "apiService.create=false"},
	"no custom metrics": {"--set", "customMetrics.enabled=false"},
	"insecure":          {"--set", "apiService.insecureSkipTLSVerify=true"},
	"annotated":         {"--set", "apiService.annotations.a=b,service.annotations.a=b,service.labels.a=b,podAnnotations.a=b,podLabels.a=b,deploymentAnnotations.a=b,commonLabels.team=x,serviceAccount.annotations.a=b"},
	"agents annotated":  {"--set", "agent.podAnnotations.a=b,agent.podLabels.a=b,agent.daemonSetAnnotations.a=b,agent.serviceAccount.annotations.a=b"},
	"other names":       {"--set", "fullnameOverride=figures"},
	"another name":      {"--set", "nameOverride=figures"},
	"host network":      {"--set", "hostNetwork.enabled=true,agent.hostNetwork.enabled=true"},
	"no RBAC":           {"--set", "rbac.create=false"},
	"own accounts":      {"--set", "serviceAccount.create=false,serviceAccount.name=a,agent.serviceAccount.create=false,agent.serviceAccount.name=b"},
	"monitors":          {"--set", "metrics.enabled=true,serviceMonitor.enabled=true,serviceMonitor.additionalLabels.a=b"},
	"no policies":       {"--set", "networkPolicy.enabled=false"},
	"egress":            {"--set", "networkPolicy.egress.enabled=true", "--set-json", `networkPolicy.egress.apiServerCIDRs=["10.0.0.0/8"]`},
	"cert-manager":      {"--set", "tls.type=cert-manager"},
	"an issuer":         {"--set", "tls.type=cert-manager,tls.certManager.existingIssuer.enabled=true,tls.certManager.existingIssuer.name=x"},
	"existing secret":   {"--set", "tls.type=existingSecret,tls.existingSecret.name=mine"},
	"scheduling":        {"--set", "schedulerName=s,agent.schedulerName=s,nodeSelector.a=b,agent.nodeSelector.a=b", "--set-json", `tolerations=[{"operator":"Exists"}]`},
	"extra volumes":     {"--set-json", `extraVolumes=[{"name":"x","emptyDir":{}}]`, "--set-json", `extraVolumeMounts=[{"name":"x","mountPath":"/x"}]`},
	"pull secrets":      {"--set-json", `imagePullSecrets=[{"name":"x"}]`},
	"spread":            {"--set-json", `topologySpreadConstraints=[{"topologyKey":"a","maxSkew":1,"whenUnsatisfiable":"ScheduleAnyway"}]`},
	"IPv4 only":         {"--set", "bindAddress=0.0.0.0"},
	"metrics-server's":  {"--set-json", `args=["--kubelet-insecure-tls","--kubelet-preferred-address-types=InternalIP"]`},
	"without own probe": {"--set-json", `livenessProbe=null`},
}

// Each is rendered by helm and taken by kube-apiserver, which validates every object.
func helmBranches(t *testing.T) {
	foreignKinds(t)
	name := namespace(t)
	makeSecret(t, name, "mine")
	for _, what := range slices.Sorted(maps.Keys(branches)) {
		values := branches[what]
		t.Run(what, func(t *testing.T) {
			arguments := append([]string{"template", "other", chart(), "--namespace", name,
				"--api-versions=monitoring.coreos.com/v1", "--api-versions=cert-manager.io/v1", "--validate", "--dry-run=server"}, values...)
			rendered := helm(t, arguments...)
			if rendered.code != 0 {
				t.Fatalf("helm template: %s", rendered.err)
			}
			file := scratch("branch.yaml")
			if err := os.WriteFile(file, []byte(rendered.out), 0o600); err != nil {
				t.Fatal(err)
			}
			out := kubectl(t, "apply --dry-run=server --validate=strict -f "+file)
			if strings.Count(out, "\n") < 5 {
				t.Errorf("only these objects: %s", out)
			}
		})
	}
}

func makeSecret(t *testing.T, namespace, name string) {
	t.Helper()
	authority := plane.CA
	pair := issue(t, authority, subjectOfAggregator())
	files := []string{scratch("s.crt"), scratch("s.key"), scratch("s.ca")}
	for i, text := range [][]byte{pair.Certificate, pair.Key, authority.PEM} {
		if err := os.WriteFile(files[i], text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	kubectl(t, fmt.Sprintf("create secret generic %s -n %s --type=kubernetes.io/tls --from-file=tls.crt=%s --from-file=tls.key=%s --from-file=ca.crt=%s",
		name, namespace, files[0], files[1], files[2]))
}
