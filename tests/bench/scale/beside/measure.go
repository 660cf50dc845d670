package beside

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// rounds is how often the servers take turns with each kind of request, so that what else happens on
// the machine meets both.
const rounds = 3

// measureIdle looks at what collecting alone costs. It is the same time for both.
func (s *stage) measureIdle(ctx context.Context, results *Results) error {
	before, err := s.collected(ctx)
	if err != nil {
		return err
	}
	if err := pause(ctx, s.options.Idle); err != nil {
		return err
	}
	after, err := s.collected(ctx)
	if err != nil {
		return err
	}
	for i, server := range s.servers {
		collecting := &Collecting{
			Seconds:     after[i].at.Sub(before[i].at).Seconds(),
			CPUSeconds:  after[i].cpu - before[i].cpu,
			NodeSamples: after[i].samples - before[i].samples,
		}
		if collecting.NodeSamples == 0 || collecting.CPUSeconds <= 0 {
			return fmt.Errorf("%s collects nothing", server.name)
		}
		server.idle = collecting.CPUSeconds / collecting.Seconds
		collecting.PerCPUSecond = float64(collecting.NodeSamples) / collecting.CPUSeconds
		collecting.Cores = server.idle
		memory, err := memory(server.process.PID)
		if err != nil {
			return err
		}
		results.server(server.name).Collecting = collecting
		results.server(server.name).MemoryIdle = memory
	}
	return nil
}

// moment is how far a server is.
type moment struct {
	at      time.Time
	cpu     float64
	samples uint64
}

func (s *stage) collected(ctx context.Context) ([]moment, error) {
	moments := make([]moment, len(s.servers))
	for i, server := range s.servers {
		var err error
		moment := &moments[i]
		if server.name == MetricsServer {
			moment.samples = s.nodes.Scrapes()
		} else if moment.samples, err = selfMetric(ctx, server, "tacho_aggregator_samples_total"); err != nil {
			return nil, err
		}
		if moment.at, moment.cpu, err = now(server); err != nil {
			return nil, err
		}
	}
	return moments, nil
}

// selfMetric is the sum of a server's own metric.
func selfMetric(ctx context.Context, server *server, name string) (sum uint64, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+server.host+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	request.Header = (&question{accept: "text/plain", as: administrator}).header()
	answer, err := server.client.Do(request)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	found := false
	for lines.Scan() {
		rest, ok := strings.CutPrefix(lines.Text(), name)
		if !ok || rest[0] != ' ' && rest[0] != '{' {
			continue
		}
		fields := strings.Fields(rest)
		value, err := strconv.ParseUint(fields[len(fields)-1], 10, 64)
		if err != nil {
			return 0, err
		}
		sum, found = sum+value, true
	}
	if !found {
		return 0, fmt.Errorf("%s does not tell %s: %s", server.name, name, answer.Status)
	}
	return sum, lines.Err()
}

func (s *stage) measureAnswers(ctx context.Context, results *Results) error {
	for _, q := range questions(autoscaled(s.options.World)) {
		for range rounds {
			for _, server := range s.servers {
				if q.http2 && server.name == Tacho {
					continue // it speaks HTTP/1.1 alone
				}
				asked, err := s.askBest(ctx, server, &q, s.options.Ask/rounds)
				if err != nil {
					return fmt.Errorf("%s: %w", server.name, err)
				}
				results.server(server.name).add(q.name, asked, server.idle)
			}
		}
		for _, server := range s.servers {
			if asked := results.server(server.name).Asked[q.name]; asked != nil {
				s.options.Logf("%s: %s: %.1f per CPU second", q.name, server.name, asked.PerCPUSecond)
			}
		}
	}
	return nil
}

// askBest leaves the HPA's requests to the program that is made for them, if it is there: it costs the
// machine less than ours.
func (s *stage) askBest(ctx context.Context, server *server, q *question, limit time.Duration) (*Asked, error) {
	if s.options.Asker != "" && q.as.name == autoscaler.name && !q.http2 {
		return s.askByAsker(ctx, server, q, limit)
	}
	return s.ask(ctx, server, q, limit)
}

// checkAgain tells whether figures are still right after all of this.
func (s *stage) checkAgain(ctx context.Context, _ *Results) error {
	for _, server := range s.servers {
		if err := checkAnswers(ctx, server, s.world); err != nil {
			return fmt.Errorf("%s: %w", server.name, err)
		}
	}
	return nil
}

func (s *stage) measureMemory(_ context.Context, results *Results) error {
	for _, server := range s.servers {
		memory, err := memory(server.process.PID)
		if err != nil {
			return err
		}
		results.server(server.name).MemoryLoaded = memory
	}
	return nil
}
