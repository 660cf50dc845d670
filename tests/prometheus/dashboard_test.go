package prometheus

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

type panel struct {
	Title, Type string
	Targets     []struct{ Expr string }
	Panels      []panel
}

// What a panel needs of the kernel; where the test's machine lacks it, an empty answer is right.
func absent(expression string) string {
	controllers, _ := os.ReadFile(filepath.Join(os.Getenv("TACHO_V2"), "cgroup.controllers"))
	has := func(name string) bool { return strings.Contains(" "+string(controllers)+" ", name) }
	pressure := func() bool {
		_, err := os.Stat("/proc/pressure/cpu")
		return err == nil
	}
	switch {
	case strings.Contains(expression, "container_fs_") && !has("io"):
		return "the cgroup v2 tree of this machine has no io controller"
	case strings.Contains(expression, "_cfs_") && !has("cpu "):
		return "the cgroup v2 tree of this machine has no cpu controller"
	case strings.Contains(expression, "container_pressure_") && !pressure():
		return "this kernel counts no pressure"
	case strings.Contains(expression, "container_spec_memory_limit_bytes"):
		return "no pod of this test has a memory limit"
	case strings.Contains(expression, "tacho_aggregator_samples_dropped_total"):
		return ""
	}
	return ""
}

func TestEveryQueryOfTheDashboardHasAnAnswer(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(source, "charts/tacho/files/dashboard.json"))
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct{ Panels []panel }
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	variables := strings.NewReplacer("$__rate_interval", "10s", "$namespace", ".*", "$pod", ".*")
	asked := 0
	for _, panel := range dashboard.Panels {
		for i, target := range panel.Targets {
			asked++
			t.Run(fmt.Sprintf("%s %d", panel.Title, i+1), func(t *testing.T) {
				expression := variables.Replace(target.Expr)
				err := within(20*time.Second, func() error {
					samples, err := query(expression)
					if err == nil && len(samples) == 0 && absent(expression) == "" {
						err = fmt.Errorf("%s: no answer", expression)
					}
					if err == nil && len(samples) == 0 {
						t.Skip(absent(expression))
					}
					return err
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
	}
	if asked < 20 {
		t.Errorf("only %d queries were found in the dashboard", asked)
	}
}
