// cadvisor is cAdvisor's manager as the kubelet has it, with what tacho's agent is measured by: CPU
// and memory of every cgroup, once a second.
//
//	cadvisor PREFIX COUNT
//
// It says "complete" on standard error when it has figures of COUNT cgroups whose path begins with
// PREFIX, and goes on until it is ended.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/google/cadvisor/cache/memory"
	"github.com/google/cadvisor/container"
	info "github.com/google/cadvisor/info/v1"
	"github.com/google/cadvisor/manager"
	"github.com/google/cadvisor/utils/sysfs"
)

// What the kubelet keeps of each cgroup.
const kept = 2 * time.Minute

func start() (manager.Manager, error) {
	interval, dynamic := time.Second, false
	every := manager.HousekeepingConfig{Interval: &interval, AllowDynamic: &dynamic}
	metrics := container.MetricSet{container.CpuUsageMetrics: {}, container.MemoryUsageMetrics: {}}
	m, err := manager.New(memory.New(kept, nil), sysfs.NewRealSysFs(), every, metrics, http.DefaultClient,
		[]string{"/"}, nil, "", 0)
	if err != nil {
		return nil, err
	}
	return m, m.Start()
}

// count is how many cgroups with this prefix have figures.
func count(m manager.Manager, prefix string) (int, error) {
	all, err := m.SubcontainersInfo("/", &info.ContainerInfoRequest{NumStats: 1})
	have := 0
	for _, one := range all {
		if strings.HasPrefix(one.Name, prefix) && len(one.Stats) > 0 && one.Spec.HasMemory {
			have++
		}
	}
	return have, err
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("usage: cadvisor PREFIX COUNT")
	}
	wanted, err := strconv.Atoi(os.Args[2])
	if err != nil {
		log.Fatalf("COUNT: %v", err)
	}
	m, err := start()
	if err != nil {
		log.Fatalf("starting cAdvisor's manager: %v", err)
	}
	for have := -1; have < wanted; time.Sleep(time.Second) {
		if have, err = count(m, os.Args[1]); err != nil {
			log.Fatalf("reading: %v", err)
		}
		fmt.Fprintf(os.Stderr, "%d cgroups\n", have)
	}
	fmt.Fprintln(os.Stderr, "complete")
	select {}
}
