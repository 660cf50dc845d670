// Program bench-scale measures the aggregator with a large cluster around it, and prints what it
// reached. `make bench-scale` starts it; tests/bench/scale/README.md tells of its parts.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"tacho.test/bench/scale/report"
	"tacho.test/bench/scale/run"
)

// That may be open, where more than are needed can be had.
const openFiles = 65536

type settings struct {
	run.Options
	out, logs, revision string
	keep                bool
}

func readFlags() *settings {
	s := &settings{}
	var only, beside string
	flag.StringVar(&s.Build, "build", "build", "`folder` of the programs")
	flag.StringVar(&only, "only", "", "comma separated `measures`:\n"+run.Names())
	flag.IntVar(&s.Nodes, "nodes", 0, "of the large cluster (default 5000)")
	flag.BoolVar(&s.Quick, "quick", false, "300 nodes, and a few seconds of everything")
	flag.DurationVar(&s.Soak, "soak", time.Hour, "how long the soak is")
	flag.StringVar(&s.out, "out", "", "`file` of the results (default BUILD/bench-scale/results.json)")
	flag.StringVar(&s.logs, "logs", "", "`folder` where logs are left when something fails (default BUILD/bench-scale/logs)")
	flag.StringVar(&s.revision, "revision", "", "of the source, for the results")
	flag.StringVar(&beside, "beside", "", "`command` that measures beside metrics-server, its words parted by blanks")
	flag.BoolVar(&s.keep, "keep", false, "leave the logs in any case")
	flag.Parse()
	if only != "" {
		s.Only = strings.Split(only, ",")
	}
	s.Beside = strings.Fields(beside)
	folder := filepath.Join(s.Build, "bench-scale")
	if s.out == "" {
		s.out = filepath.Join(folder, "results.json")
	}
	if s.logs == "" {
		s.logs = filepath.Join(folder, "logs")
	}
	return s
}

func logger(to io.Writer) func(string, ...any) {
	begin := time.Now()
	return func(format string, arguments ...any) {
		fmt.Fprintf(to, "%4.0f s  %s\n", time.Since(begin).Seconds(), fmt.Sprintf(format, arguments...))
	}
}

// measure returns the status to end with.
func measure(ctx context.Context, s *settings) (int, error) {
	scratch, err := os.MkdirTemp("", "tacho-bench-scale-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(scratch)
	s.Scratch, s.Logf = scratch, logger(os.Stderr)
	bench, err := run.New(s.Options)
	if err != nil {
		return 2, err
	}
	if err := run.RaiseLimits(openFiles, bench.Files()); err != nil {
		return 1, err
	}
	results, err := bench.Run(ctx, func(results *report.Results) error {
		results.Machine.Revision = s.revision
		return results.Write(s.out)
	})
	fmt.Print(results.Table())
	if tally := os.Getenv("RESULTS"); tally != "" {
		err = cmp.Or(err, results.Tally(tally))
	}
	failed := err != nil || results.Failed()
	if failed || s.keep {
		if err := keepLogs(scratch, s.logs); err != nil {
			fmt.Fprintln(os.Stderr, err)
		} else {
			fmt.Fprintln(os.Stderr, "logs:", s.logs)
		}
	}
	fmt.Fprintf(os.Stderr, "%d measures passed, %d failed, %d skipped; %d goals were not reached; %s\n",
		results.Count(report.Passed), results.Count(report.Failed), results.Count(report.Skipped), results.Missed(), s.out)
	if failed {
		return 1, err
	}
	return 0, nil
}

// keepLogs leaves the logs, and no keys.
func keepLogs(scratch, logs string) error {
	files, err := filepath.Glob(filepath.Join(scratch, "*", "*.log"))
	if err != nil {
		return err
	}
	if err := os.RemoveAll(logs); err != nil {
		return err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		to := filepath.Join(logs, filepath.Base(filepath.Dir(file)), filepath.Base(file))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(to, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func main() {
	s := readFlags()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	status, err := measure(ctx, s)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-scale:", err)
	}
	os.Exit(status)
}
