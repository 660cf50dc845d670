// Package e2e proves tacho against a real control plane. It is started by tests/e2e/run, in
// namespaces of its own; see README.md.
package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	aggregator "k8s.io/kube-aggregator/pkg/client/clientset_generated/clientset"
	metrics "k8s.io/metrics/pkg/client/clientset/versioned"
	"tacho.test/e2e/cluster"
	"tacho.test/e2e/kubelet"
)

// The world that all tests share.
var (
	ctx       context.Context
	plane     *cluster.Cluster
	node      *kubelet.Kubelet
	figures   *metrics.Clientset
	services  *aggregator.Clientset
	nodeNames = []string{"n1", "n2", "n3"}
)

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	var stop context.CancelFunc
	ctx, stop = signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if os.Getenv("E2E_SCRATCH") == "" {
		fmt.Println("start the suite by make e2e, or tests/e2e/run")
		return 1
	}
	defer keepLogs()
	defer tearDown()
	began := time.Now()
	if err := setUp(); err != nil {
		fmt.Println("setting up:", err)
		return 1
	}
	fmt.Printf("control plane and %d nodes stand after %.1f s\n", len(nodeNames), time.Since(began).Seconds())
	code := m.Run()
	if os.Getenv("E2E_KEEP") != "" {
		fmt.Printf("kept until Ctrl-C. To look at it:\n  nsenter -t %s -m -n -p env KUBECONFIG=%s PATH=%s:$PATH bash\n",
			outerPID(), plane.Kubeconfig(), os.Getenv("E2E_PROGRAMS"))
		<-ctx.Done()
	}
	return code
}

// outerPID is our process id as those outside of our namespace know it: bash' child, by its name.
func outerPID() string {
	return "$(pgrep -nx e2e.test)"
}

func scratch(parts ...string) string {
	return filepath.Join(append([]string{os.Getenv("E2E_SCRATCH")}, parts...)...)
}

func setUp() (err error) {
	if err := cluster.SetUpNetwork(); err != nil {
		return err
	}
	if plane, err = cluster.Start(ctx, os.Getenv("E2E_PROGRAMS"), scratch("plane")); err != nil {
		return err
	}
	if figures, err = metrics.NewForConfig(plane.Admin); err != nil {
		return err
	}
	if services, err = aggregator.NewForConfig(plane.Admin); err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(os.Getenv("E2E_LOGS"), "kubelet.log"))
	if err != nil {
		return err
	}
	build := os.Getenv("E2E_BUILD")
	node, err = kubelet.Start(ctx, kubelet.Options{
		Client: plane.Client, Folder: scratch("nodes"), Cgroup: os.Getenv("E2E_CGROUP"),
		Trees: strings.Split(os.Getenv("E2E_TREES"), ":"), Shim: os.Getenv("E2E_SHIM"),
		Programs: map[string]string{"load": os.Getenv("E2E_LOAD"),
			"tacho-agent":      filepath.Join(build, "tacho-agent"),
			"tacho-aggregator": filepath.Join(build, "tacho-aggregator")},
		Environment: []string{"LSAN_OPTIONS=suppressions=/etc/lsan.supp:print_suppressions=0",
			"ASAN_OPTIONS=" + os.Getenv("ASAN_OPTIONS")},
		Files: []string{filepath.Join(os.Getenv("E2E_SOURCE"), "tests", "lsan.supp")},
		Logf: func(format string, arguments ...any) {
			fmt.Fprintf(log, time.Now().Format("15:04:05.000 ")+format+"\n", arguments...)
		},
	})
	if err != nil {
		return err
	}
	for _, name := range nodeNames {
		if err := node.AddNode(ctx, name, map[string]string{"tacho.test/pool": "a"}); err != nil {
			return err
		}
	}
	return nil
}

func tearDown() {
	node.Stop()
	if plane != nil {
		plane.Stop()
	}
}

// keepLogs copies what is worth reading after a failure to where make clean removes it.
func keepLogs() {
	target := os.Getenv("E2E_LOGS")
	patterns := []string{scratch("plane", "logs", "*.log"), scratch("nodes", "*", "var/log/pods/*tacho*")}
	for _, pattern := range patterns {
		found, _ := filepath.Glob(pattern)
		for _, path := range found {
			_ = exec.Command("cp", "-r", path, target).Run()
		}
	}
}
