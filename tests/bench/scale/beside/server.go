package beside

import (
	"fmt"
	"net/http"

	"tacho.test/e2e/cluster"
	"tacho.test/process"
)

// Names of the two in results.
const (
	MetricsServer = "metrics-server"
	Tacho         = "tacho"
)

const agentsPort = 4460

// server is one of the two.
type server struct {
	name    string
	host    string // that its certificate names
	port    int
	process *process.Process
	client  *http.Client // as the front proxy
	idle    float64      // CPU seconds a second for collecting alone
}

// identity writes a serving certificate and the kubeconfig of a user, both named after the server.
func (s *stage) identity(name, host, user string) (certificate, key, kubeconfig string, err error) {
	pair, err := s.plane.CA.Issue(cluster.Subject{Name: host, DNS: []string{host}})
	if err != nil {
		return "", "", "", err
	}
	certificate, key, kubeconfig = s.path(name+".crt"), s.path(name+".key"), s.path(name+".kubeconfig")
	if err := pair.Write(certificate, key); err != nil {
		return "", "", "", err
	}
	if pair, err = s.plane.CA.Issue(cluster.Subject{Name: user}); err != nil {
		return "", "", "", err
	}
	_, err = s.plane.WriteKubeconfig(kubeconfig, pair)
	return certificate, key, kubeconfig, err
}

func (s *stage) start(server *server, program string, arguments ...string) (_ *server, err error) {
	if server.client, err = s.proxyClient(server); err != nil {
		return nil, err
	}
	server.process, err = process.Start(process.Launch{Name: server.name, Log: s.path(server.name + ".log"),
		Program: program, Arguments: arguments})
	return server, err
}

func (s *stage) startMetricsServer() (*server, error) {
	server := &server{name: MetricsServer, host: "metrics-server.kube-system.svc", port: 4443}
	certificate, key, kubeconfig, err := s.identity(server.name, server.host, metricsServerUser)
	if err != nil {
		return nil, err
	}
	// as its own manifests have it, besides the paths
	return s.start(server, s.options.MetricsServer,
		"--bind-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", server.port),
		"--tls-cert-file="+certificate, "--tls-private-key-file="+key,
		"--kubeconfig="+kubeconfig, "--authentication-kubeconfig="+kubeconfig,
		"--authorization-kubeconfig="+kubeconfig,
		"--kubelet-preferred-address-types=InternalIP,ExternalIP,Hostname",
		"--kubelet-use-node-status-port", "--kubelet-certificate-authority="+s.plane.Path("ca.crt"),
		"--metric-resolution=15s")
}

func (s *stage) startAggregator() (*server, error) {
	server := &server{name: Tacho, host: "tacho." + home + ".svc", port: 5443}
	certificate, key, kubeconfig, err := s.identity(server.name, server.host, aggregatorUser)
	if err != nil {
		return nil, err
	}
	return s.start(server, s.options.Aggregator,
		"--bind-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", server.port),
		"--tls-cert-file="+certificate, "--tls-private-key-file="+key, "--kubeconfig="+kubeconfig,
		fmt.Sprintf("--listen=tls+tcp://*:%d", agentsPort),
		"--agent-service-account="+home+"/"+agentAccount, "--agent-audience="+agentAudience)
}
