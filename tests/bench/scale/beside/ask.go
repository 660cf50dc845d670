package beside

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"sort"
	"sync"
	"sync/atomic"
	"time"
)

// warmUp is how long requests are made before they count.
const warmUp = time.Second

// proxyClient asks a server as kube-apiserver would: with the front proxy's certificate, over
// connections that stay.
func (s *stage) proxyClient(server *server) (*http.Client, error) {
	authorities := x509.NewCertPool()
	if !authorities.AppendCertsFromPEM(s.plane.CA.PEM) {
		return nil, fmt.Errorf("the cluster's CA can't be read")
	}
	address := fmt.Sprintf("127.0.0.1:%d", server.port)
	return &http.Client{Timeout: time.Minute, Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
		TLSClientConfig: &tls.Config{RootCAs: authorities, ServerName: server.host,
			Certificates: []tls.Certificate{s.proxy}},
		TLSNextProto:        map[string]func(string, *tls.Conn) http.RoundTripper{}, // no HTTP/2
		MaxIdleConnsPerHost: 64, DisableCompression: true,
	}}, nil
}

// overHTTP2 is the same client, but for the protocol.
func overHTTP2(client *http.Client) *http.Client {
	transport := client.Transport.(*http.Transport).Clone()
	transport.TLSNextProto, transport.ForceAttemptHTTP2 = nil, true
	return &http.Client{Timeout: client.Timeout, Transport: transport}
}

// tally is what was answered.
type tally struct {
	answers, failures, bytes atomic.Uint64
	counting                 atomic.Bool

	mutex     sync.Mutex
	latencies []time.Duration
	failure   error // the last
}

// get makes one request and returns the size of the answer.
func get(ctx context.Context, client *http.Client, server *server, path string, header http.Header) (int64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+server.host+path, nil)
	if err != nil {
		return 0, err
	}
	request.Header = header
	answer, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	size, err := io.Copy(io.Discard, answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", path, answer.Status)
	}
	return size, err
}

// keepAsking makes request after request over one connection, starting somewhere in the paths.
func (t *tally) keepAsking(ctx context.Context, client *http.Client, server *server, q *question, at int) {
	var latencies []time.Duration
	header := q.header()
	for ; ctx.Err() == nil; at++ {
		began := time.Now()
		size, err := get(ctx, client, server, q.paths[at%len(q.paths)], header)
		if ctx.Err() != nil {
			break
		}
		if !t.counting.Load() {
			continue
		}
		if err != nil {
			t.failures.Add(1)
			t.mutex.Lock()
			t.failure = err
			t.mutex.Unlock()
			continue
		}
		t.answers.Add(1)
		t.bytes.Add(uint64(size))
		latencies = append(latencies, time.Since(began))
	}
	t.mutex.Lock()
	t.latencies = append(t.latencies, latencies...)
	t.mutex.Unlock()
}

// ask makes as many requests as the server answers in a time, and counts what they cost it.
func (s *stage) ask(ctx context.Context, server *server, q *question, limit time.Duration) (*Asked, error) {
	client := server.client
	if q.http2 {
		client = overHTTP2(client)
	}
	defer client.CloseIdleConnections()
	asking, stop := context.WithCancel(ctx)
	defer stop()
	var tally tally
	var group sync.WaitGroup
	for i := range q.connections {
		group.Go(func() { tally.keepAsking(asking, client, server, q, i*len(q.paths)/q.connections) })
	}
	if err := pause(ctx, warmUp); err != nil {
		return nil, err
	}
	began, before, err := now(server)
	if err != nil {
		return nil, err
	}
	tally.counting.Store(true)
	if err := pause(ctx, limit); err != nil {
		return nil, err
	}
	ended, after, err := now(server)
	if err != nil {
		return nil, err
	}
	tally.counting.Store(false)
	stop()
	group.Wait()
	asked := &Asked{Requests: tally.answers.Load(), Bytes: tally.bytes.Load(),
		Seconds: ended.Sub(began).Seconds(), CPUSeconds: after - before}
	asked.LatencyMs = latency(tally.latencies)
	if failures := tally.failures.Load(); failures > 0 {
		return nil, fmt.Errorf("%s: %d of %d requests failed: %w", q.name, failures,
			failures+asked.Requests, tally.failure)
	}
	return asked, nil
}

func now(server *server) (time.Time, float64, error) {
	cpu, err := cpuSeconds(server.process.PID)
	return time.Now(), cpu, err
}

func pause(ctx context.Context, length time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(length):
		return nil
	}
}

func latency(all []time.Duration) *Latency {
	if len(all) == 0 {
		return nil
	}
	sort.Slice(all, func(i, j int) bool { return all[i] < all[j] })
	at := func(part float64) float64 {
		return float64(all[int(part*float64(len(all)-1))].Microseconds()) / 1000
	}
	return &Latency{P50: at(0.5), P99: at(0.99), Max: at(1)}
}
