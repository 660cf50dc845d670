// Package beside measures tacho's aggregator and metrics-server side by side: the same nodes and pods
// in one real kube-apiserver, the same requests. What is compared is work per second of each server's
// own CPU time.
package beside

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"tacho.test/bench/scale/world"
)

// Options of a run. Zero durations take the defaults.
type Options struct {
	Programs      string // folder of etcd, kube-apiserver and kube-controller-manager
	MetricsServer string
	Aggregator    string // "": metrics-server alone
	Fleet         string
	Asker         string // "": the HPA's requests are made here, too
	Folder        string // for everything that is written

	World *world.World // nil: 300 nodes, 30 pods on each in the mean, 2 containers in each

	Idle time.Duration // how long collecting is looked at
	Ask  time.Duration // how long each kind of request is made, of each server
	Logf func(format string, arguments ...any)
}

// nodes of the table.
const nodes = 300

func (o *Options) complete() (err error) {
	if o.Programs == "" || o.MetricsServer == "" || o.Folder == "" {
		return errors.New("the control plane's programs, metrics-server and a folder are needed")
	}
	if (o.Aggregator == "") != (o.Fleet == "") {
		return errors.New("the aggregator and the fleet go together")
	}
	if o.World == nil {
		if o.World, err = world.New(world.Options{Nodes: nodes}); err != nil {
			return err
		}
	}
	if len(autoscaled(o.World)) == 0 {
		return errors.New("the world is too small: nothing in it is autoscaled")
	}
	if o.Idle == 0 {
		o.Idle = 45 * time.Second
	}
	if o.Ask == 0 {
		o.Ask = 15 * time.Second
	}
	if o.Logf == nil {
		o.Logf = func(string, ...any) {}
	}
	for _, program := range []*string{&o.MetricsServer, &o.Aggregator, &o.Fleet, &o.Asker} {
		if *program == "" {
			continue
		}
		absolute, err := filepath.Abs(*program)
		if err != nil {
			return err
		}
		if _, err := os.Stat(absolute); err != nil {
			return err
		}
		*program = absolute
	}
	return nil
}

// Run makes the world and measures. It needs a network namespace of its own (see cmd/beside), as all
// nodes have addresses there, and takes some six minutes.
func Run(ctx context.Context, options Options) (*Results, error) {
	if err := options.complete(); err != nil {
		return nil, err
	}
	stage, err := newStage(ctx, &options)
	if err != nil {
		return nil, err
	}
	defer stage.stop()
	results := newResults(stage.world)
	for _, step := range []struct {
		what string
		do   func(context.Context, *Results) error
	}{
		{"waiting until every server answers rightly", stage.settle},
		{"collecting", stage.measureIdle},
		{"asking", stage.measureAnswers},
		{"memory", stage.measureMemory},
		{"checking all answers again", stage.checkAgain},
	} {
		options.Logf("%s", step.what)
		if err := step.do(ctx, results); err != nil {
			return nil, fmt.Errorf("%s: %w", step.what, err)
		}
	}
	results.finish()
	return results, nil
}
