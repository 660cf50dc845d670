// Program kubedouble serves a made-up cluster until a signal, so that tacho-aggregator can be started
// against it by hand:
//
//	kubedouble --nodes 5000 --kubeconfig K --certs C --churn 100 --fleet-lines F &
//	tacho-aggregator --kubeconfig K --tls-cert-file C/serving.crt --tls-private-key-file C/serving.key
//	  --agent-service-account tacho-system/tacho-agent
//
// C has besides ca.crt, front-proxy.crt, .key and admin.crt, .key (see kubedouble.WriteFiles).
// GET /double/counts tells what was asked; POST /double/fault?kind=lists&delay=100ms&rate=0.5&how=429
// (kinds: lists, watches, reviews, tokenreviews, accessreviews; how: 500, 429, abort, cut) orders
// delays and errors.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"tacho.test/bench/scale/kubedouble"
	"tacho.test/bench/scale/world"
)

type settings struct {
	world                         world.Options
	double                        kubedouble.Options
	churn                         world.Churn
	churnAfter                    time.Duration
	kubeconfig, certs, fleetLines string
}

func readFlags() *settings {
	s := &settings{}
	flag.IntVar(&s.world.Nodes, "nodes", 5000, "nodes")
	flag.IntVar(&s.world.PodsPerNode, "pods", 30, "mean of the pods of a node")
	flag.IntVar(&s.world.Containers, "containers", 2, "containers of a pod")
	flag.Uint64Var(&s.world.Seed, "seed", 1, "another one is another world")
	flag.StringVar(&s.double.Listen, "listen", "127.0.0.1:0", "where to listen")
	flag.IntVar(&s.double.ManagedFields, "managed-fields", 1024, "bytes of managedFields of an object; -1: none")
	flag.BoolVar(&s.double.NoWatchList, "no-watch-list", false, "be an older server, without WatchList")
	flag.StringVar(&s.kubeconfig, "kubeconfig", "", "`file` to write, for the aggregator")
	flag.StringVar(&s.certs, "certs", "", "`folder` to write certificates and keys into")
	flag.Float64Var(&s.churn.PodsPerSecond, "churn", 0, "pods that are replaced a second")
	flag.DurationVar(&s.churnAfter, "churn-after", 0, "when that begins")
	flag.Float64Var(&s.churn.NodesPerMinute, "churn-nodes", 0, "extra nodes that come and go a minute")
	flag.DurationVar(&s.churn.NodeReports, "node-reports", 5*time.Minute, "how often a node's status changes; 0: never")
	flag.StringVar(&s.fleetLines, "fleet-lines", "", "`file` (or -) for the lines of the fleet, changes included")
	flag.Parse()
	return s
}

// tellFleet writes the world as it is, and from then on its changes.
func tellFleet(ctx context.Context, of *world.World, name string) error {
	file := os.Stdout
	if name != "-" {
		var err error
		if file, err = os.Create(name); err != nil {
			return err
		}
	}
	lines := make(chan string, 1<<16)
	all, cancel := of.Subscribe(func(event world.Event) {
		if line := of.FleetLine(event); line != "" {
			select {
			case lines <- line: // a fleet that reads slowly holds the world up
			case <-ctx.Done():
			}
		}
	})
	if err := of.FleetLines(file, all); err != nil {
		cancel()
		return err
	}
	if _, err := io.WriteString(file, "run\n"); err != nil {
		cancel()
		return err
	}
	go func() {
		defer cancel()
		out := bufio.NewWriter(file)
		for {
			select {
			case line := <-lines:
				_, _ = out.WriteString(line)
				if len(lines) == 0 && out.Flush() != nil {
					log.Fatal("the fleet reads no more")
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	return nil
}

func (s *settings) change(ctx context.Context, of *world.World) {
	select {
	case <-time.After(s.churnAfter):
		of.NewChurner(s.churn).Run(ctx)
	case <-ctx.Done():
	}
}

func (s *settings) run(ctx context.Context) error {
	began := time.Now()
	of, err := world.New(s.world)
	if err != nil {
		return err
	}
	double, err := kubedouble.Start(of, s.double)
	if err != nil {
		return err
	}
	defer double.Close()
	if s.kubeconfig != "" {
		err = double.WriteKubeconfig(s.kubeconfig)
	}
	if err == nil && s.certs != "" {
		err = double.WriteFiles(s.certs)
	}
	if err == nil && s.fleetLines != "" {
		err = tellFleet(ctx, of, s.fleetLines)
	}
	if err != nil {
		return err
	}
	nodes, pods := of.Counts()
	fmt.Fprintf(os.Stderr, "%d nodes with %d pods, made in %d ms, at %s\n", nodes, pods,
		time.Since(began).Milliseconds(), double.URL())
	s.change(ctx, of)
	<-ctx.Done()
	encoder := json.NewEncoder(os.Stderr)
	encoder.SetIndent("", "  ")
	return encoder.Encode(double.Counts())
}

func main() {
	log.SetFlags(0)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := readFlags().run(ctx); err != nil {
		log.Fatal("kubedouble: ", err)
	}
}
