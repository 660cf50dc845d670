package beside

import (
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"tacho.test/bench/scale/world"
)

func TestTable(t *testing.T) {
	results := newResults(world.Snapshot{Pods: []*world.Pod{{Containers: 10}, {Containers: 20}}})
	for name, cost := range map[string]float64{MetricsServer: 10, Tacho: 1} {
		server := results.server(name)
		server.Collecting = &Collecting{Cores: 0.5, PerCPUSecond: 100 / cost}
		server.MemoryIdle = &Memory{ResidentKiB: uint64(cost) * 1024, PeakKiB: 2048}
		server.MemoryLoaded = server.MemoryIdle
		for range 2 { // half of it is collecting
			server.add("HPA", &Asked{Requests: 500, Seconds: 2, CPUSeconds: 2 * cost}, cost/2)
		}
	}
	results.finish()
	if results.Containers != 30 {
		t.Errorf("%d containers", results.Containers)
	}
	asked := results.Servers[MetricsServer].Asked["HPA"]
	if asked.Requests != 1000 || asked.AnswersCPUSeconds != 20 || asked.PerCPUSecond != 50 ||
		len(asked.Rounds) != 2 || asked.Rounds[1] != 50 {
		t.Errorf("%+v", asked)
	}
	for name, ratio := range map[string]float64{"HPA": 10, "collecting": 10, "memory idle": 10, "memory peak": 1} {
		if math.Abs(results.Ratios[name]-ratio) > 1e-9 {
			t.Errorf("%s: %v", name, results.Ratios[name])
		}
	}
	var text strings.Builder
	results.Table(&text)
	if !strings.Contains(text.String(), "HPA                      requests per CPU second                    50.0            500     10.0\n") {
		t.Error(text.String())
	}
}

func TestAutoscaled(t *testing.T) {
	all, err := world.New(world.Options{Nodes: nodes})
	if err != nil {
		t.Fatal(err)
	}
	paths := autoscaled(all)
	if len(paths) != world.HPAPods/world.TenPods {
		t.Errorf("%d paths", len(paths))
	}
	for _, path := range paths {
		if !strings.HasPrefix(path, group+"/namespaces/"+world.HPANamespace+"/pods?labelSelector=") {
			t.Errorf("%s", path)
		}
	}
}

func TestUsage(t *testing.T) {
	before, err := cpuSeconds(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for began := time.Now(); time.Since(began) < 10*time.Second; {
		after, err := cpuSeconds(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		if after >= before+0.05 {
			memory, err := memory(os.Getpid())
			if err != nil || memory.ResidentKiB < 1024 || memory.PeakKiB < memory.ResidentKiB/2 ||
				memory.AnonymousKiB == 0 {
				t.Errorf("%+v, %v", memory, err)
			}
			return
		}
	}
	t.Error("ten busy seconds cost nothing")
}
