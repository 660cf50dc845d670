// Command beside measures tacho's aggregator and metrics-server side by side. It moves into namespaces
// of its own, which end with it, and so does all that it started.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"tacho.test/bench/scale/beside"
)

// inside is set in the environment of the process that runs in the namespaces.
const inside = "BESIDE_INSIDE"

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "beside:", err)
		os.Exit(1)
	}
}

func run() error {
	var options beside.Options
	flag.StringVar(&options.Programs, "programs", "", "folder of etcd, kube-apiserver and kube-controller-manager")
	flag.StringVar(&options.MetricsServer, "metrics-server", "", "its program")
	flag.StringVar(&options.Aggregator, "aggregator", "", "tacho-aggregator; without it metrics-server alone is measured")
	flag.StringVar(&options.Fleet, "fleet", "", "the program that is all agents")
	flag.StringVar(&options.Asker, "asker", "", "the program that asks as the HPA does")
	flag.StringVar(&options.Folder, "folder", "", "where everything is written that is needed meanwhile; must not exist")
	flag.DurationVar(&options.Idle, "idle", 0, "how long collecting is looked at (45s)")
	flag.DurationVar(&options.Ask, "ask", 0, "how long each kind of request is made of each server (15s)")
	file := flag.String("results", "", "file for the results, as JSON")
	flag.Parse()
	if os.Getenv(inside) == "" {
		return moveInside()
	}
	if err := os.Mkdir(options.Folder, 0o700); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	began := time.Now()
	options.Logf = func(format string, arguments ...any) {
		fmt.Fprintf(os.Stderr, "%6.1f  %s\n", time.Since(began).Seconds(), fmt.Sprintf(format, arguments...))
	}
	results, err := beside.Run(ctx, options)
	if err != nil {
		return err
	}
	results.Table(os.Stdout)
	if *file == "" {
		return nil
	}
	text, err := json.MarshalIndent(results, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(*file, append(text, '\n'), 0o644)
}

// moveInside replaces this process by itself in namespaces for network, processes and mounts.
func moveInside() error {
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	arguments := append([]string{"unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc",
		"--kill-child", self}, os.Args[1:]...)
	return syscall.Exec(unshare, arguments, append(os.Environ(), inside+"=1"))
}
