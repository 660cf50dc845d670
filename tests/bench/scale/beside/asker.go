package beside

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// askerReport is what asker says at the end, as far as it is of use here.
type askerReport struct {
	Requests     uint64            `json:"requests"`
	Errors       map[string]uint64 `json:"errors"`
	FirstError   string            `json:"first_error"`
	BodyBytes    uint64            `json:"body_bytes"`
	Seconds      float64           `json:"seconds"`
	ServerCPU    float64           `json:"server_cpu_s"`
	Microseconds struct {
		P50 float64 `json:"p50"`
		P99 float64 `json:"p99"`
		Max float64 `json:"max"`
	} `json:"latency_us"`
}

// askByAsker is what ask does, by a program that makes requests at a fraction of the cost.
func (s *stage) askByAsker(ctx context.Context, server *server, q *question, limit time.Duration) (*Asked, error) {
	targets := s.path("targets")
	if err := os.WriteFile(targets, []byte(strings.Join(q.paths, "\n")+"\n"), 0o600); err != nil {
		return nil, err
	}
	seconds := max(1, int(limit.Round(time.Second).Seconds()))
	command := exec.CommandContext(ctx, s.options.Asker, "hpa", "--address=127.0.0.1",
		"--port="+strconv.Itoa(server.port), "--server-name="+server.host, "--ca="+s.plane.Path("ca.crt"),
		"--cert="+s.plane.Path("proxy-client.crt"), "--key="+s.plane.Path("proxy-client.key"),
		"--targets="+targets, fmt.Sprintf("--connections=%d", q.connections), fmt.Sprintf("--items=%d", q.items),
		fmt.Sprintf("--warmup=%.0f", warmUp.Seconds()), fmt.Sprintf("--seconds=%d", seconds),
		fmt.Sprintf("--server-pid=%d", server.process.PID))
	var said bytes.Buffer
	command.Stderr = &said
	out, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("asker: %w: %s", err, &said)
	}
	var report askerReport
	if err := json.Unmarshal(out, &report); err != nil {
		return nil, fmt.Errorf("asker: %w: %s", err, out)
	}
	if len(report.Errors) > 0 || report.Requests == 0 {
		return nil, fmt.Errorf("asker: %s: %v: %s", q.name, report.Errors, report.FirstError)
	}
	return &Asked{Requests: report.Requests, Bytes: report.BodyBytes, Seconds: report.Seconds,
		CPUSeconds: report.ServerCPU, LatencyMs: &Latency{P50: report.Microseconds.P50 / 1000,
			P99: report.Microseconds.P99 / 1000, Max: report.Microseconds.Max / 1000}}, nil
}
