package prometheus

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"
	"tacho.test/process"
)

var (
	scratch = os.Getenv("TACHO_SCRATCH")
	build   = os.Getenv("TACHO_BUILD")
	source  = os.Getenv("TACHO_SOURCE")
	server  string // Prometheus' own address
	agent   string // the agent's
	api     string // the aggregator's
	token   string
)

func TestMain(m *testing.M) {
	if what := os.Getenv("TRAFFIC"); what != "" {
		fmt.Fprintln(os.Stderr, traffic(what, os.Getenv("TRAFFIC_FILE")))
		os.Exit(1)
	}
	if scratch == "" {
		fmt.Fprintln(os.Stderr, "these tests are run by tests/prometheus/run")
		os.Exit(2)
	}
	stop, err := start()
	code := 1
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	} else {
		code = m.Run()
	}
	stop()
	os.Exit(code)
}

func program(name string) string { return filepath.Join(os.Getenv("TACHO_PROGRAMS"), name) }

// freePort is one that nobody has at the moment.
func freePort() string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// start starts the aggregator, an agent, what stands for kube-state-metrics, and Prometheus.
func start() (stop func(), err error) {
	var running []*process.Process
	stop = func() {
		for i := len(running) - 1; i >= 0; i-- {
			running[i].Stop(5 * time.Second)
		}
	}
	run := func(name, program string, arguments ...string) error {
		p, err := process.Start(process.Launch{Name: name, Log: filepath.Join(scratch, name+".log"),
			Program: program, Arguments: arguments})
		if err == nil {
			running = append(running, p)
		}
		return err
	}
	pushed := freePort()
	agent, server = freePort(), freePort()
	certificates, secret := filepath.Join(scratch, "certs"), filepath.Join(scratch, "secret")
	if err := run("aggregator", filepath.Join(build, "tacho-aggregator"), "--standalone", "--bind-address=127.0.0.1",
		"--secure-port=0", "--listen=tls+tcp://"+pushed, "--cert-dir="+certificates, "--agent-secret-file="+secret,
		"--write-kubeconfig="+filepath.Join(scratch, "kubeconfig")); err != nil {
		return stop, err
	}
	if err := within(20*time.Second, readKubeconfig); err != nil {
		return stop, fmt.Errorf("%w\n%s", err, running[0].Tail(10))
	}
	if err := run("agent", filepath.Join(build, "tacho-agent"), "--standalone", "--aggregator=tls+tcp://"+pushed,
		"--ca-file="+filepath.Join(certificates, "ca.crt"), "--secret-file="+secret, "--node-name=node-1",
		"--cgroup-root="+os.Getenv("TACHO_CGROUP"), "--log-root="+filepath.Join(scratch, "log"),
		"--metrics-address="+agent); err != nil {
		return stop, err
	}
	state, err := serveState()
	if err != nil {
		return stop, err
	}
	config := filepath.Join(scratch, "prometheus.yaml")
	if err := os.WriteFile(config, []byte(configuration(state)), 0o600); err != nil {
		return stop, err
	}
	if err := run("prometheus", program("prometheus"), "--config.file="+config, "--web.listen-address="+server,
		"--storage.tsdb.path="+filepath.Join(scratch, "tsdb"), "--log.level=warn"); err != nil {
		return stop, err
	}
	return stop, within(30*time.Second, func() error {
		answer, err := http.Get("http://" + server + "/-/ready")
		if err != nil {
			return err
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			return errors.New(answer.Status)
		}
		return nil
	})
}

func readKubeconfig() error {
	text, err := os.ReadFile(filepath.Join(scratch, "kubeconfig"))
	if err != nil {
		return err
	}
	var config struct {
		Clusters []struct{ Cluster struct{ Server string } }
		Users    []struct{ User struct{ Token string } }
	}
	if err := yaml.Unmarshal(text, &config); err != nil {
		return err
	}
	if len(config.Clusters) == 0 || len(config.Users) == 0 {
		return errors.New("the kubeconfig is empty")
	}
	api, token = strings.TrimPrefix(config.Clusters[0].Cluster.Server, "https://"), config.Users[0].User.Token
	return nil
}

// serveState stands for kube-state-metrics: which node each pod is on.
func serveState() (string, error) {
	var text strings.Builder
	text.WriteString("# TYPE kube_pod_info gauge\n")
	for _, pod := range []string{"steady", "cache", "echo", "talker"} {
		fmt.Fprintf(&text, "kube_pod_info{namespace=\"demo\",pod=%q,node=\"node-1\"} 1\n", pod)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	go http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		_, _ = io.WriteString(w, text.String())
	}))
	return listener.Addr().String(), nil
}

func configuration(state string) string {
	return fmt.Sprintf(`
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [%[1]s/tests/prometheus/mixin.yaml, %[1]s/charts/tacho/files/alerts.yaml]
scrape_configs:
  - job_name: cadvisor
    metrics_path: /metrics/cadvisor
    honor_timestamps: false
    relabel_configs: [{source_labels: [__metrics_path__], target_label: metrics_path}]
    static_configs: [{targets: [%[2]q], labels: {instance: node-1}}]
  - job_name: kubelet
    metrics_path: /metrics/resource
    relabel_configs: [{source_labels: [__metrics_path__], target_label: metrics_path}]
    static_configs: [{targets: [%[2]q], labels: {instance: node-1}}]
  - job_name: tacho-agent
    static_configs: [{targets: [%[2]q], labels: {instance: node-1}}]
    metric_relabel_configs: [{source_labels: [__name__], regex: tacho_.*, action: keep}]
  - job_name: tacho
    scheme: https
    tls_config: {ca_file: %[3]q}
    authorization: {credentials: %[4]q}
    static_configs: [{targets: [%[5]q]}]
  - job_name: kube-state-metrics
    honor_labels: true
    static_configs: [{targets: [%[6]q]}]
`, source, agent, filepath.Join(scratch, "certs", "ca.crt"), token, api, state)
}

// within tries until it succeeds.
func within(limit time.Duration, try func() error) error {
	for deadline := time.Now().Add(limit); ; time.Sleep(200 * time.Millisecond) {
		err := try()
		if err == nil || time.Now().After(deadline) {
			return err
		}
	}
}

type sample struct {
	Metric map[string]string
	Value  [2]any
}

func (s sample) number() float64 {
	var number float64
	_, _ = fmt.Sscan(s.Value[1].(string), &number)
	return number
}

// query asks Prometheus for what an expression gives now.
func query(expression string) ([]sample, error) {
	answer, err := http.Get("http://" + server + "/api/v1/query?query=" + url.QueryEscape(expression))
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	var result struct {
		Status, Error string
		Data          struct{ Result json.RawMessage }
	}
	if err := json.NewDecoder(answer.Body).Decode(&result); err != nil {
		return nil, err
	}
	if result.Status != "success" {
		return nil, fmt.Errorf("%s: %s", expression, result.Error)
	}
	var samples []sample
	return samples, json.Unmarshal(result.Data.Result, &samples)
}

// page fetches a page of metrics as a scraper sees it.
func page(t *testing.T, address string) []byte {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	request, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	answer, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK || len(text) == 0 {
		t.Fatalf("%s: %s, %v, %d bytes", address, answer.Status, err, len(text))
	}
	return text
}
