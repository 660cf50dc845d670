package run

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"tacho.test/bench/scale/check"
	"tacho.test/bench/scale/meter"
	"tacho.test/process"
)

// Names of the certificate that kubedouble writes.
const serverName = "tacho-aggregator.tacho-system.svc"

// Aggregator is the real program, in cluster mode.
type Aggregator struct {
	*process.Process
	APIPort, AgentsPort int
	Client              *check.Client // as the front proxy, for the HPA
	Admin               *check.Client // directly, as system:masters

	folder, program string
	arguments       []string
}

// With what ends the line: it may be read while it is written.
var (
	apiPort    = regexp.MustCompile(`serves https://[^ ]*:(\d+)[,\s]`)
	agentsPort = regexp.MustCompile(`listening for agents on tls\+tcp://0\.0\.0\.0:(?:0: port )?(\d+)\s`)
)

// startAggregator starts it on free ports, and returns when it listens.
func (b *Bench) startAggregator(ctx context.Context, folder string, extra ...string) (*Aggregator, error) {
	a := &Aggregator{folder: folder, program: filepath.Join(b.options.Build, "tacho-aggregator")}
	certs := filepath.Join(folder, "certs")
	a.arguments = append([]string{
		"--kubeconfig=" + filepath.Join(folder, "kubeconfig"),
		"--bind-address=127.0.0.1",
		"--tls-cert-file=" + filepath.Join(certs, "serving.crt"),
		"--tls-private-key-file=" + filepath.Join(certs, "serving.key"),
		"--agent-service-account=tacho-system/tacho-agent",
		"--authorization-always-allow-paths=/metrics", // as the chart has it
	}, extra...)
	if err := a.start(ctx); err != nil {
		return nil, err
	}
	var err error
	base := fmt.Sprintf("https://127.0.0.1:%d", a.APIPort)
	if a.Client, err = newClient(base, certs, "front-proxy", hpaHeaders()); err == nil {
		a.Admin, err = newClient(base, certs, "admin", nil)
	}
	if err != nil {
		a.Kill()
	}
	return a, err
}

// Again starts it anew on the same ports, after it ended.
func (a *Aggregator) Again(ctx context.Context) error { return a.start(ctx) }

func (a *Aggregator) start(ctx context.Context) (err error) {
	arguments := append([]string{
		fmt.Sprintf("--secure-port=%d", a.APIPort),
		// agents have one address of 127.0.0.0/8 each
		fmt.Sprintf("--listen=tls+tcp://0.0.0.0:%d", a.AgentsPort),
	}, a.arguments...)
	log := filepath.Join(a.folder, "aggregator.log")
	before := int64(0) // of the log: an earlier start's lines are not ours
	if info, err := os.Stat(log); err == nil {
		before = info.Size()
	}
	if a.Process, err = process.Start(process.Launch{Name: "aggregator", Log: log, Program: a.program,
		Arguments: arguments}); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	for {
		said := a.Log()[before:]
		api, agents := apiPort.FindStringSubmatch(said), agentsPort.FindStringSubmatch(said)
		if api != nil && agents != nil {
			a.APIPort, _ = strconv.Atoi(api[1])
			a.AgentsPort, _ = strconv.Atoi(agents[1])
			return nil
		}
		select {
		case <-a.Ended():
			return a.HowEnded()
		case <-ctx.Done():
			a.Kill()
			return fmt.Errorf("waiting for the aggregator to listen: %w\n%s", ctx.Err(), a.Tail(20))
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// Who asks through kube-apiserver.
func hpaHeaders() http.Header {
	return http.Header{
		"X-Remote-User":  {"system:serviceaccount:kube-system:horizontal-pod-autoscaler"},
		"X-Remote-Group": {"system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"},
	}
}

func newClient(base, certs, name string, headers http.Header) (*check.Client, error) {
	pair, err := tls.LoadX509KeyPair(filepath.Join(certs, name+".crt"), filepath.Join(certs, name+".key"))
	if err != nil {
		return nil, err
	}
	authority, err := os.ReadFile(filepath.Join(certs, "ca.crt"))
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(authority) {
		return nil, errors.New("no certificate in ca.crt")
	}
	return check.NewClient(base, &tls.Config{RootCAs: pool, ServerName: serverName,
		Certificates: []tls.Certificate{pair}}, headers), nil
}

// Series is what it says about itself.
func (a *Aggregator) Series(ctx context.Context) (meter.Series, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	answer, err := a.Admin.Get(ctx, "/metrics", "text/plain")
	if err != nil {
		return nil, err
	}
	return meter.ParseSeries(answer.Body)
}

// Span is what it did and what that cost, between two looks at it.
type Span struct {
	meter.Usage
	before, after meter.Series
}

// Look is one of them.
type Look struct {
	cpu    meter.CPU
	series meter.Series
}

// Look looks at it.
func (a *Aggregator) Look(ctx context.Context) (Look, error) {
	series, err := a.Series(ctx)
	if err != nil {
		return Look{}, err
	}
	cpu, err := meter.ReadCPU(a.PID)
	return Look{cpu, series}, err
}

// Since is the span from a look until this one.
func (l Look) Since(before Look) Span {
	return Span{l.cpu.Since(before.cpu), before.series, l.series}
}

// Over looks at it over a time.
func (a *Aggregator) Over(ctx context.Context, wall time.Duration) (Span, error) {
	before, err := a.Look(ctx)
	if err != nil {
		return Span{}, err
	}
	if err := sleep(ctx, wall); err != nil {
		return Span{}, err
	}
	after, err := a.Look(ctx)
	if err != nil {
		return Span{}, err
	}
	return after.Since(before), nil
}

// Counter is how much one grew in the span.
func (s *Span) Counter(name string) float64 { return s.after.Since(s.before, name) }

// Histogram is what was added to one in the span.
func (s *Span) Histogram(name, label, value string) meter.Histogram {
	return s.after.Histogram(name, label, value).Since(s.before.Histogram(name, label, value))
}

// Messages are the agents' that were taken.
func (s *Span) Messages() float64 { return s.Counter("tacho_aggregator_messages_total") }

// Requests are those of HTTP that were answered.
func (s *Span) Requests() float64 { return s.Counter("tacho_aggregator_http_requests_total") }

// Threads by what they do. Without serving threads of their own, the main thread answers.
const mainThread = "tacho-aggregato" // the kernel keeps 15 characters

func (s *Span) servingThreads() string {
	if s.Has("serve-") {
		return "serve-"
	}
	return mainThread
}

// Serving is the CPU time of the threads that answer.
func (s *Span) Serving() time.Duration { return s.Of(s.servingThreads()) }

// Ingest is that of receiving and storing what agents send, TLS included.
func (s *Span) Ingest() time.Duration { return s.Of("ingest", "nng") }

// Kube is that of following Kubernetes' objects.
func (s *Span) Kube() time.Duration { return s.Of("kube") }

// Table of the threads in percent of a core, for the results.
func (s *Span) Table() map[string]float64 {
	table := map[string]float64{"total": s.Cores(s.Total) * 100}
	for name, used := range s.Threads {
		table[strings.TrimSpace(name)] = s.Cores(used) * 100
	}
	return table
}

func sleep(ctx context.Context, wall time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(wall):
		return nil
	}
}
