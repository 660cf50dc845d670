package kubelet

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"tacho.test/e2e/shim/spec"
)

// watch runs the container's probes until it ends, and says yes to those that it has not.
func (c *container) watch() {
	ctx, cancel := context.WithCancel(c.w.k.context)
	c.stopProbes = cancel
	c.started = c.spec.StartupProbe == nil
	c.ready = c.started && c.spec.ReadinessProbe == nil
	c.probe(ctx, c.spec.StartupProbe, func(yes bool) {
		if c.started = c.started || yes; yes {
			c.ready = c.ready || c.spec.ReadinessProbe == nil
		} else if !c.started {
			c.fail("startup")
		}
	}, func() bool { return !c.started })
	c.probe(ctx, c.spec.ReadinessProbe, func(yes bool) { c.ready = yes },
		func() bool { return c.started })
	c.probe(ctx, c.spec.LivenessProbe, func(yes bool) {
		if !yes {
			c.fail("liveness")
		}
	}, func() bool { return c.started })
}

func (c *container) fail(probe string) {
	c.w.k.crashed("%s/%s %s failed its %s probe; its last lines:\n%s", c.w.namespace, c.w.name,
		c.spec.Name, probe, tailFile(c.logFile(), 2000))
	c.expected = true
	c.signalAll(false)
}

// probe asks in a goroutine and tells of changes in the worker's.
func (c *container) probe(ctx context.Context, p *v1.Probe, tell func(bool), wanted func() bool) {
	if p == nil {
		return
	}
	address, id := c.w.address, c.id
	inWorker := func(what func()) bool {
		finished := make(chan struct{})
		select {
		case c.w.asked <- func() {
			if c.running && c.id == id {
				what()
			}
			close(finished)
		}:
			<-finished
			return true
		case <-ctx.Done():
			return false
		}
	}
	go func() {
		successes, failures := int32(0), int32(0)
		wait := time.Duration(p.InitialDelaySeconds) * time.Second
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(wait):
			}
			wait = time.Duration(max(p.PeriodSeconds, 1)) * time.Second
			due := false
			var ask func() error
			if !inWorker(func() { due, ask = wanted(), c.asker(ctx, p, address) }) {
				return
			}
			if !due {
				wait = 100 * time.Millisecond // its turn comes when the startup probe is done
				continue
			}
			if err := ask(); err == nil {
				successes, failures = successes+1, 0
			} else {
				successes, failures = 0, failures+1
			}
			if successes >= max(p.SuccessThreshold, 1) {
				inWorker(func() { tell(true) })
			} else if failures >= max(p.FailureThreshold, 1) {
				inWorker(func() { tell(false) })
			}
		}
	}()
}

// asker is made in the worker's goroutine and called in another.
func (c *container) asker(ctx context.Context, p *v1.Probe, address string) func() error {
	limit := time.Duration(max(p.TimeoutSeconds, 1)) * time.Second
	what := func(context.Context) error { return errors.New("the test kubelet does not know this kind of probe") }
	switch {
	case p.HTTPGet != nil:
		action, port := p.HTTPGet, c.port(p.HTTPGet.Port)
		what = func(ctx context.Context) error { return get(ctx, action, address, port) }
	case p.TCPSocket != nil:
		target := net.JoinHostPort(address, fmt.Sprint(c.port(p.TCPSocket.Port)))
		what = func(ctx context.Context) error {
			connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", target)
			if err == nil {
				err = connection.Close()
			}
			return err
		}
	case p.Exec != nil:
		what = c.execute(p.Exec.Command)
	}
	return func() error {
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		return what(ctx)
	}
}

// execute runs a command inside of the container: its root, network, cgroup and user.
func (c *container) execute(command []string) func(context.Context) error {
	what := &spec.Container{Environment: []string{"PATH=" + os.Getenv("PATH")}, Processes: c.w.k.processFiles(c.cgroup())}
	user := &spec.Container{}
	c.applySecurity(user)
	what.Arguments = append([]string{"nsenter", "--target", fmt.Sprint(c.main.Process.Pid), "--mount", "--net",
		"--root", "--wd", "--setuid", fmt.Sprint(user.UID), "--setgid", fmt.Sprint(user.GID), "--"}, command...)
	text, _ := json.Marshal(what)
	file := filepath.Join(c.w.folder, c.spec.Name+"-probe.json")
	_ = os.WriteFile(file, text, 0o600)
	return func(ctx context.Context) error {
		out, err := exec.CommandContext(ctx, c.w.k.Shim, file).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	}
}

func get(ctx context.Context, action *v1.HTTPGetAction, address string, port int32) error {
	scheme := "http"
	if action.Scheme == v1.URISchemeHTTPS {
		scheme = "https"
	}
	if action.Host != "" {
		address = action.Host
	}
	url := fmt.Sprintf("%s://%s%s", scheme, net.JoinHostPort(address, fmt.Sprint(port)), action.Path)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	request.Header.Set("User-Agent", "kube-probe/1.36")
	for _, header := range action.HTTPHeaders {
		request.Header.Add(header.Name, header.Value)
	}
	// A kubelet does not verify, and opens a connection for each.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode < 200 || response.StatusCode >= 400 {
		return fmt.Errorf("%s: %s", url, response.Status)
	}
	return nil
}

func (c *container) port(port intstr.IntOrString) int32 {
	for _, known := range c.spec.Ports {
		if port.Type == intstr.String && known.Name == port.StrVal {
			return known.ContainerPort
		}
	}
	return port.IntVal
}
