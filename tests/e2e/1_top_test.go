package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

const (
	nodeHeader      = "NAME CPU(cores) CPU(%) MEMORY(bytes) MEMORY(%)"
	podHeader       = "NAME CPU(cores) MEMORY(bytes)"
	containerHeader = "POD NAME CPU(cores) MEMORY(bytes)"
)

// What a person sees of the API: kubectl top, get, explain.
func TestTop(t *testing.T) {
	needTacho(t)
	name := namespace(t)
	makePod(t, name, "web", map[string]string{"app": "web", "tier": "front"},
		podSpec(load("app", "cpu=100", "memory=30"), load("log", "cpu=20", "memory=10")))
	makePod(t, name, "db", map[string]string{"app": "db", "tier": "back"},
		podSpec(load("store", "cpu=40", "memory=90")))
	readyPods(t, name, "", 2)
	covered(t, name, "web", 10*time.Second)
	covered(t, name, "db", 10*time.Second)
	time.Sleep(15 * time.Second) // then a window has nothing of their start, when they fill their memory
	for _, test := range []struct {
		what string
		run  func(*testing.T, string)
	}{
		{"node", topNode}, {"pod", topPod}, {"everywhere", topEverywhere}, {"selectors", topSelectors},
		{"containers", topContainers}, {"sorting", topSorting}, {"get", getObjects}, {"forms", getForms},
		{"tables", getTables}, {"explain", explain}, {"discovery", discovery}, {"watch", watchObjects},
		{"unknown names", unknownNames},
	} {
		t.Run(test.what, func(t *testing.T) { test.run(t, name) })
	}
	t.Run("one version alone", oneVersion)
}

func milli(t testing.TB, text string) int {
	t.Helper()
	value, err := strconv.Atoi(strings.TrimSuffix(text, "m"))
	if err != nil || !strings.HasSuffix(text, "m") {
		t.Fatalf("%q are no millicores", text)
	}
	return value
}

func mebi(t testing.TB, text string) int {
	t.Helper()
	value, err := strconv.Atoi(strings.TrimSuffix(text, "Mi"))
	if err != nil || !strings.HasSuffix(text, "Mi") {
		t.Fatalf("%q are no mebibytes", text)
	}
	return value
}

func between(t testing.TB, what string, value, low, high int) {
	t.Helper()
	if value < low || value > high {
		t.Errorf("%s is %d, not within %d..%d", what, value, low, high)
	}
}

func wantNames(t testing.TB, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got %v, not %v", got, want)
	}
}

func topNode(t *testing.T, _ string) {
	table := rows(t, kubectl(t, "top node"), nodeHeader)
	wantNames(t, column(table, 0), nodeNames...)
	for _, row := range table {
		between(t, "CPU of "+row[0], milli(t, row[1]), 1, 64000)
		if mebi(t, row[3]) < 1 || !strings.HasSuffix(row[4], "%") {
			t.Errorf("row %v", row)
		}
	}
	wantNames(t, column(rows(t, kubectl(t, "top node n2"), nodeHeader), 0), "n2")
	wantNames(t, column(rows(t, kubectl(t, "top node -l kubernetes.io/hostname=n3"), nodeHeader), 0), "n3")
	for _, by := range []string{"cpu", "memory"} {
		table := rows(t, kubectl(t, "top node --sort-by="+by), nodeHeader)
		if len(table) != len(nodeNames) {
			t.Errorf("--sort-by=%s shows %v", by, table)
		}
	}
}

func topPod(t *testing.T, name string) {
	table := rows(t, kubectl(t, "top pod -n "+name), podHeader)
	wantNames(t, column(table, 0), "db", "web")
	between(t, "CPU of db", milli(t, table[0][1]), 30, 50)
	between(t, "memory of db", mebi(t, table[0][2]), 88, 96)
	between(t, "CPU of web", milli(t, table[1][1]), 100, 140)
	between(t, "memory of web", mebi(t, table[1][2]), 39, 47)
	wantNames(t, column(rows(t, kubectl(t, "top pod web -n "+name), podHeader), 0), "web")
	json := rows(t, kubectl(t, "top pod --use-protocol-buffers=false -n "+name), podHeader)
	wantNames(t, column(json, 0), "db", "web")
	plain := strings.Fields(kubectl(t, "top pod db --no-headers -n "+name))
	if len(plain) != 3 || plain[0] != "db" {
		t.Errorf("--no-headers prints %v", plain)
	}
	sum := strings.Split(strings.TrimSpace(kubectl(t, "top pod --sum -n "+name)), "\n")
	total := strings.Fields(sum[len(sum)-1])
	between(t, "sum of CPU", milli(t, total[0]), 130, 190)
	between(t, "sum of memory", mebi(t, total[1]), 127, 143)
}

func topEverywhere(t *testing.T, name string) {
	table := rows(t, kubectl(t, "top pod -A"), "NAMESPACE NAME CPU(cores) MEMORY(bytes)")
	names := map[string]bool{}
	for _, row := range table {
		names[row[0]+"/"+row[1]] = true
	}
	if !names[name+"/db"] || !names[name+"/web"] {
		t.Errorf("our pods are missing in %v", table)
	}
	ours := 0
	for full := range names {
		if strings.HasPrefix(full, home+"/") {
			ours++
		}
	}
	if ours != 2+len(nodeNames) {
		t.Errorf("%d pods of tacho itself are in %v", ours, table)
	}
	if !slices.IsSortedFunc(table, func(a, b []string) int {
		return strings.Compare(a[0]+" "+a[1], b[0]+" "+b[1])
	}) {
		t.Errorf("not sorted by namespace and name: %v", table)
	}
}

func topSelectors(t *testing.T, name string) {
	for selector, want := range map[string][]string{
		"app=web": {"web"}, "app!=web": {"db"}, "app in (web,db)": {"db", "web"}, "!app": nil,
		"app notin (db),tier": {"web"}, "tier=front,app=web": {"web"}, "tier": {"db", "web"},
	} {
		a := try(t, "top pod -n "+name, "-l", selector)
		if want == nil {
			wantContains(t, a.out+a.err, "No resources found")
			continue
		}
		wantNames(t, column(rows(t, a.out, podHeader), 0), want...)
	}
	if a := try(t, "top pod -l a=(b -n "+name); a.code == 0 {
		t.Errorf("a selector that can't be read was taken: %s", a.out)
	}
}

func topContainers(t *testing.T, name string) {
	table := rows(t, kubectl(t, "top pod --containers -n "+name), containerHeader)
	wantNames(t, column(table, 0), "db", "web", "web")
	got := column(table, 1)
	slices.Sort(got)
	wantNames(t, got, "app", "log", "store")
	for _, row := range table {
		if row[1] == "log" {
			between(t, "CPU of log", milli(t, row[2]), 15, 28)
			between(t, "memory of log", mebi(t, row[3]), 10, 14)
		}
	}
}

func topSorting(t *testing.T, name string) {
	wantNames(t, column(rows(t, kubectl(t, "top pod --sort-by=cpu -n "+name), podHeader), 0), "web", "db")
	wantNames(t, column(rows(t, kubectl(t, "top pod --sort-by=memory -n "+name), podHeader), 0), "db", "web")
}

func unknownNames(t *testing.T, name string) {
	for line, want := range map[string]string{
		"top pod nobody -n " + name: `"nobody" not found`, "top node nowhere": `"nowhere" not found`,
		"get podmetrics nobody -n " + name: `"` + name + `/nobody" not found`,
	} {
		a := try(t, line)
		if a.code == 0 {
			t.Errorf("kubectl %s succeeded: %s", line, a.out)
		}
		if !strings.Contains(a.err, want) && !strings.Contains(a.err, "not found") {
			t.Errorf("kubectl %s says %s", line, a.err)
		}
	}
	if out := try(t, "top pod -n nowhere"); !strings.Contains(out.out+out.err, "No resources found") {
		t.Errorf("an empty namespace: %s%s", out.out, out.err)
	}
}

func getObjects(t *testing.T, name string) {
	for _, resource := range []string{"podmetrics", "pods.metrics.k8s.io", "pods.v1.metrics.k8s.io", "pods.v1beta1.metrics.k8s.io"} {
		table := rows(t, kubectl(t, "get "+resource+" -n "+name), "NAME CPU MEMORY WINDOW")
		wantNames(t, column(table, 0), "db", "web")
	}
	for _, resource := range []string{"nodemetrics", "nodes.metrics.k8s.io", "nodes.v1.metrics.k8s.io", "nodes.v1beta1.metrics.k8s.io"} {
		table := rows(t, kubectl(t, "get "+resource), "NAME CPU MEMORY WINDOW")
		wantNames(t, column(table, 0), nodeNames...)
	}
	labels := kubectl(t, "get podmetrics web -L app,tier -n "+name)
	wantContains(t, labels, "front", "TIER")
	wantNames(t, column(rows(t, kubectl(t, "get podmetrics -l tier=back -n "+name), "NAME CPU MEMORY WINDOW"), 0), "db")
	wantNames(t, column(rows(t, kubectl(t, "get podmetrics --field-selector metadata.name=db -n "+name), "NAME CPU MEMORY WINDOW"), 0), "db")
	all := rows(t, kubectl(t, "get podmetrics -A"), "NAMESPACE NAME CPU MEMORY WINDOW")
	if !slices.Contains(column(all, 0), name) {
		t.Errorf("-A does not show namespace %s: %v", name, all)
	}
	if names := kubectl(t, "get podmetrics -o name -n "+name); names != "podmetrics.metrics.k8s.io/db\npodmetrics.metrics.k8s.io/web\n" &&
		names != "pods.metrics.k8s.io/db\npods.metrics.k8s.io/web\n" {
		t.Errorf("-o name prints %q", names)
	}
}

// object is a PodMetrics or NodeMetrics as anybody would read it.
type object struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   metav1.ObjectMeta
	Timestamp  time.Time `json:"timestamp"`
	Window     string    `json:"window"`
	Usage      map[string]string
	Containers []struct {
		Name  string
		Usage map[string]string
	}
}

func wantObject(t *testing.T, what string, text []byte, decode func([]byte, any) error, kind string) object {
	t.Helper()
	var o object
	if err := decode(text, &o); err != nil {
		t.Fatalf("%s: %v\n%s", what, err, text)
	}
	if o.Kind != kind || !strings.HasPrefix(o.APIVersion, "metrics.k8s.io/v1") {
		t.Errorf("%s is %s %s", what, o.APIVersion, o.Kind)
	}
	if age := time.Since(o.Timestamp); age < -2*time.Second || age > 5*time.Second {
		t.Errorf("%s is %s old", what, age)
	}
	if window, err := time.ParseDuration(o.Window); err != nil || window < time.Second || window > 17*time.Second {
		t.Errorf("%s has the window %s", what, o.Window)
	}
	return o
}

func getForms(t *testing.T, name string) {
	fromYAML := func(text []byte, to any) error { return yaml.Unmarshal(text, to) }
	pod := wantObject(t, "-o json", []byte(kubectl(t, "get podmetrics web -o json -n "+name)), json.Unmarshal, "PodMetrics")
	if pod.Metadata.Labels["tier"] != "front" || pod.Metadata.Namespace != name || len(pod.Containers) != 2 {
		t.Errorf("-o json gives %+v", pod)
	}
	wantObject(t, "-o yaml", []byte(kubectl(t, "get podmetrics web -o yaml -n "+name)), fromYAML, "PodMetrics")
	object := wantObject(t, "node -o json", []byte(kubectl(t, "get nodemetrics n1 -o json")), json.Unmarshal, "NodeMetrics")
	if object.Metadata.Labels["kubernetes.io/hostname"] != "n1" || object.Usage["cpu"] == "" || object.Usage["memory"] == "" {
		t.Errorf("node -o json gives %+v", object)
	}
	wantObject(t, "node -o yaml", []byte(kubectl(t, "get nodemetrics n1 -o yaml")), fromYAML, "NodeMetrics")
	if wide := kubectl(t, "get podmetrics -o wide -n "+name); len(strings.Split(strings.TrimSpace(wide), "\n")) != 3 {
		t.Errorf("-o wide prints %s", wide)
	}
	if cpu := kubectl(t, "get podmetrics db -n "+name, "-o", "jsonpath={.containers[0].name}"); cpu != "store" {
		t.Errorf("jsonpath gives %q", cpu)
	}
	for _, version := range []string{"v1", "v1beta1"} {
		path := fmt.Sprintf("/apis/metrics.k8s.io/%s/namespaces/%s/pods/db", version, name)
		o := wantObject(t, version, []byte(kubectl(t, "get --raw "+path)), json.Unmarshal, "PodMetrics")
		if o.APIVersion != "metrics.k8s.io/"+version {
			t.Errorf("%s answers with %s", path, o.APIVersion)
		}
	}
}

func getTables(t *testing.T, name string) {
	table := rows(t, kubectl(t, "get podmetrics --sort-by=.metadata.name -n "+name), "NAME CPU MEMORY WINDOW")
	wantNames(t, column(table, 0), "db", "web")
	for _, row := range table {
		if _, err := time.ParseDuration(row[3]); err != nil {
			t.Errorf("window %q: %v", row[3], err)
		}
	}
	wantContains(t, kubectl(t, "get podmetrics --show-labels -n "+name), "app=web,tier=front")
	custom := kubectl(t, "get podmetrics web -n "+name, "-o", "custom-columns=N:.metadata.name,W:.window")
	wantContains(t, custom, "web")
}

func explain(t *testing.T, _ string) {
	wantContains(t, kubectl(t, "explain podmetrics --recursive"), "KIND:       PodMetrics",
		"containers", "usage", "timestamp", "window", "metadata")
	wantContains(t, kubectl(t, "explain nodemetrics --recursive"), "KIND:       NodeMetrics", "usage", "window")
	wantContains(t, kubectl(t, "explain podmetrics.containers.usage"), "FIELD: usage")
	wantContains(t, kubectl(t, "explain podmetrics --api-version=metrics.k8s.io/v1beta1"), "VERSION:    v1beta1")
	wantContains(t, kubectl(t, "explain podmetrics --output plaintext-openapiv2"), "PodMetrics")
}

func discovery(t *testing.T, _ string) {
	resources := kubectl(t, "api-resources --api-group=metrics.k8s.io")
	wantContains(t, resources, "NodeMetrics", "PodMetrics", "metrics.k8s.io/v1 ")
	wantContains(t, "\n"+kubectl(t, "api-versions"), "\nmetrics.k8s.io/v1\n", "\nmetrics.k8s.io/v1beta1\n")
	for _, version := range []string{"v1", "v1beta1"} {
		wantContains(t, kubectl(t, "get --raw /apis/metrics.k8s.io/"+version), "APIResourceList", "NodeMetrics", "PodMetrics")
	}
}

// A list, then the plain word that there is no watch, or a watch that really tells of changes.
func watchObjects(t *testing.T, name string) {
	a := try(t, "get podmetrics -w --request-timeout=5s -n "+name)
	wantContains(t, a.out, "db", "web")
	if !strings.Contains(a.err, "the server does not allow this method") && !strings.Contains(a.err, "watch is not supported") &&
		strings.Count(a.out, "\n") < 4 {
		t.Errorf("neither a watch nor a 405: %s%s", a.out, a.err)
	}
}

func oneVersion(t *testing.T) {
	client := services.ApiregistrationV1().APIServices()
	for _, version := range []string{"v1", "v1beta1"} {
		t.Run("without "+version, func(t *testing.T) {
			service, err := client.Get(ctx, version+".metrics.k8s.io", metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if err := client.Delete(ctx, service.Name, metav1.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
			defer wait(t, 60*time.Second, "both APIServices again", servicesAvailable)
			defer func() {
				service.ResourceVersion, service.UID = "", ""
				if _, err := client.Create(ctx, service, metav1.CreateOptions{}); err != nil {
					t.Error(err)
				}
			}()
			wait(t, 30*time.Second, "discovery without "+version, func() error {
				if strings.Contains("\n"+kubectl(t, "api-versions")+"\n", "\nmetrics.k8s.io/"+version+"\n") {
					return fmt.Errorf("it still names it")
				}
				return nil
			})
			wantNames(t, column(rows(t, kubectl(t, "get nodemetrics"), "NAME CPU MEMORY WINDOW"), 0), nodeNames...)
			top := try(t, "top node")
			if version == "v1" && top.code != 0 {
				t.Errorf("kubectl top fails without v1: %s", top.err)
			}
			if version == "v1beta1" && top.code == 0 { // kubectl 1.37 and later know v1
				t.Logf("kubectl top works with v1 alone")
			}
		})
	}
}
