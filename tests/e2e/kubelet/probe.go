package kubelet

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
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
			ask := false
			if !inWorker(func() { ask = wanted() }) {
				return
			}
			if !ask {
				wait = 100 * time.Millisecond // its turn comes when the startup probe is done
				continue
			}
			if err := c.ask(ctx, p, address); err == nil {
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

func (c *container) ask(ctx context.Context, p *v1.Probe, address string) error {
	limit := time.Duration(max(p.TimeoutSeconds, 1)) * time.Second
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	switch {
	case p.HTTPGet != nil:
		return c.get(ctx, p.HTTPGet, address)
	case p.TCPSocket != nil:
		target := net.JoinHostPort(address, fmt.Sprint(c.port(p.TCPSocket.Port)))
		connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", target)
		if err == nil {
			err = connection.Close()
		}
		return err
	}
	return fmt.Errorf("the test kubelet does not know this kind of probe")
}

func (c *container) get(ctx context.Context, action *v1.HTTPGetAction, address string) error {
	scheme := "http"
	if action.Scheme == v1.URISchemeHTTPS {
		scheme = "https"
	}
	if action.Host != "" {
		address = action.Host
	}
	url := fmt.Sprintf("%s://%s%s", scheme, net.JoinHostPort(address, fmt.Sprint(c.port(action.Port))), action.Path)
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
