package run

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"tacho.test/bench/scale/check"
	"tacho.test/bench/scale/kubedouble"
	"tacho.test/bench/scale/meter"
	"tacho.test/bench/scale/world"
)

// Paths of the lists that are checked.
const (
	allPods  = "/apis/metrics.k8s.io/v1beta1/pods"
	allNodes = "/apis/metrics.k8s.io/v1beta1/nodes"
)

// Each node's agent sends once an interval; a figure may be older by what the way takes.
const onTheWay = 200 * time.Millisecond

// Stage is a cluster of a size: the world, kube-apiserver's double, the aggregator and the agents.
type Stage struct {
	Nodes, Pods, Containers int
	Pace                    Pace
	World                   *world.World
	Double                  *kubedouble.Server
	Aggregator              *Aggregator
	Fleet                   *Fleet
	Tracker                 *check.Tracker
	Connected               time.Duration // how long the agents took

	bench  *Bench
	folder string
}

// newStage returns when every node and pod is served.
func (b *Bench) newStage(ctx context.Context, nodes int, pace Pace, flags ...string) (
	_ *Stage, err error) {
	s := &Stage{Nodes: nodes, Pace: pace, bench: b,
		folder: filepath.Join(b.options.Scratch, fmt.Sprintf("stage-%d", nodes))}
	defer func() {
		if err != nil {
			s.End()
		}
	}()
	if err = os.RemoveAll(s.folder); err == nil {
		err = os.MkdirAll(s.folder, 0o755)
	}
	if err != nil {
		return nil, err
	}
	b.logf("a stage of %d nodes, %s every %s", nodes, pace.Metrics, pace.Interval)
	if err = s.makeWorld(); err != nil {
		return nil, err
	}
	limits := []string{fmt.Sprintf("--max-nodes=%d", max(1000, nodes*11/10)),
		fmt.Sprintf("--max-pods=%d", max(10_000, s.Pods*11/10))}
	if s.Aggregator, err = b.startAggregator(ctx, s.folder, append(limits, flags...)...); err != nil {
		return nil, err
	}
	if s.Fleet, err = b.startFleet(s.folder, s.World, s.Aggregator.AgentsPort, pace); err != nil {
		return nil, err
	}
	s.Connected, err = s.Fleet.WaitConnected(ctx, 4*time.Minute)
	if err == nil {
		err = s.WaitServed(ctx, time.Minute)
	}
	return s, err
}

func (s *Stage) makeWorld() (err error) {
	options := world.Options{Nodes: s.Nodes, Seed: 1}
	if s.World, err = world.New(options); err != nil {
		return err
	}
	_, s.Pods = s.World.Counts()
	s.Containers = s.Pods * s.World.Options().Containers
	if s.Double, err = kubedouble.Start(s.World, kubedouble.Options{}); err != nil {
		return err
	}
	s.Tracker = check.Track(s.World)
	if err := s.Double.WriteFiles(filepath.Join(s.folder, "certs")); err != nil {
		return err
	}
	return s.Double.WriteKubeconfig(filepath.Join(s.folder, "kubeconfig"))
}

// End ends all of it.
func (s *Stage) End() {
	if s == nil {
		return
	}
	s.Fleet.End()
	if s.Aggregator != nil {
		s.Aggregator.Stop(5 * time.Second)
		s.Aggregator.Client.Close()
		s.Aggregator.Admin.Close()
	}
	if s.Tracker != nil {
		s.Tracker.Stop()
	}
	if s.Double != nil {
		s.Double.Close()
	}
}

// ended tells how the aggregator or the fleet ended, if one has.
func (s *Stage) ended() error {
	switch {
	case s == nil:
		return nil
	case !s.Aggregator.Alive():
		return s.Aggregator.HowEnded()
	case !s.Fleet.Alive():
		return s.Fleet.HowEnded()
	}
	return nil
}

func (s *Stage) rss() (int64, error) { return meter.ReadRSS(s.Aggregator.PID) }

// Late is the age from which a figure is late.
func (s *Stage) Late() time.Duration { return s.Pace.Interval + onTheWay }

// complete tells what is missing: nil when it serves every node and pod there is.
func (s *Stage) complete(ctx context.Context) error {
	series, err := s.Aggregator.Series(ctx)
	if err != nil {
		return err
	}
	return s.missing(series)
}

// missing tells it by what the aggregator said of itself.
func (s *Stage) missing(series meter.Series) error {
	nodes, pods := s.World.Counts()
	served, joined := series.Get("tacho_aggregator_nodes"), series.Get("tacho_aggregator_pods_joined")
	if int(served) < nodes || int(joined) < pods {
		return fmt.Errorf("%.0f of %d nodes and %.0f of %d pods are served", served, nodes, joined, pods)
	}
	return nil
}

// WaitServed waits until every node and pod is served, with figures.
func (s *Stage) WaitServed(ctx context.Context, limit time.Duration) error {
	begin := time.Now()
	for {
		err := s.complete(ctx)
		if err == nil { // names come before figures
			err = s.right(ctx)
		}
		if err == nil {
			return nil
		}
		if !s.Aggregator.Alive() {
			return s.Aggregator.HowEnded()
		}
		if time.Since(begin) > limit {
			return fmt.Errorf("after %s %w\n%s", limit, err, s.Aggregator.Tail(10))
		}
		if err := sleep(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
}

// right is nil when a list has all that it must have.
func (s *Stage) right(ctx context.Context) error {
	checked, err := s.Check(ctx, false)
	if err == nil && !checked.Right() {
		err = errors.New(checked.String())
	}
	return err
}

// Check asks for all pods, or all nodes, and holds them against the world.
func (s *Stage) Check(ctx context.Context, nodes bool) (*check.Report, error) {
	path := allPods
	if nodes {
		path = allNodes
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	answer, err := s.Aggregator.Client.Get(ctx, path, check.Protobuf)
	if err != nil {
		return nil, err
	}
	return s.Tracker.Compare(answer, nodes, s.Late())
}

// Churn lets Deployments roll, and nodes report, until the function that it returns is called.
func (s *Stage) Churn(ctx context.Context, podsPerSecond float64) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.World.NewChurner(world.Churn{PodsPerSecond: podsPerSecond, NodeReports: 5 * time.Minute}).Run(ctx)
	}()
	return func() {
		cancel()
		<-done
	}
}
