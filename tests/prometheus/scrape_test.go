package prometheus

import (
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestEveryTargetIsScraped(t *testing.T) {
	err := within(20*time.Second, func() error {
		samples, err := query("up == 1")
		if err == nil && len(samples) != 5 {
			err = fmt.Errorf("%d targets of 5 are up", len(samples))
		}
		return err
	})
	if err != nil {
		down, _ := query("up == 0")
		t.Fatalf("%v; down: %v", err, down)
	}
	if took, err := query("max(scrape_samples_post_metric_relabeling == 0)"); err != nil || len(took) > 0 {
		t.Errorf("a target without samples: %v %v", took, err)
	}
}

func promtool(t *testing.T, stdin []byte, arguments ...string) {
	t.Helper()
	command := exec.Command(program("promtool"), arguments...)
	command.Stdin = bytes.NewReader(stdin)
	output, err := command.CombinedOutput()
	if err != nil || bytes.Contains(output, []byte("FAILED")) {
		t.Errorf("promtool %s: %v\n%s", strings.Join(arguments, " "), err, output)
	}
}

func TestPagesKeepPrometheusConventions(t *testing.T) {
	for name, address := range map[string]string{
		"aggregator":     "https://" + api + "/metrics",
		"agent":          "http://" + agent + "/metrics",
		"agent/cadvisor": "http://" + agent + "/metrics/cadvisor",
		"agent/resource": "http://" + agent + "/metrics/resource",
	} {
		t.Run(name, func(t *testing.T) {
			text := page(t, address)
			if name != "aggregator" {
				text = oursOnly(text)
			}
			promtool(t, text, "check", "metrics")
		})
	}
}

// oursOnly leaves out names that are not ours to choose: cAdvisor's are not all by the conventions.
func oursOnly(text []byte) []byte {
	var kept []string
	for _, line := range strings.SplitAfter(string(text), "\n") {
		if strings.Contains(line, "container_spec_") || strings.Contains(line, "container_threads") {
			continue
		}
		kept = append(kept, line)
	}
	return []byte(strings.Join(kept, ""))
}

func TestAlertsFireWhenTheyShould(t *testing.T) {
	promtool(t, nil, "check", "rules", filepath.Join(source, "charts/tacho/files/alerts.yaml"))
	promtool(t, nil, "test", "rules", filepath.Join(source, "tests/prometheus/alerts.test.yaml"))
}

func TestNoRuleFails(t *testing.T) {
	time.Sleep(2 * time.Second) // each was evaluated
	samples, err := query("sum(prometheus_rule_evaluation_failures_total) or vector(0)")
	if err != nil || len(samples) != 1 || samples[0].number() != 0 {
		t.Errorf("%v %v", samples, err)
	}
	firing, err := query(`ALERTS{alertstate="firing"}`)
	if err != nil || len(firing) != 0 {
		t.Errorf("alerts fire where all is well: %v %v", firing, err)
	}
}
