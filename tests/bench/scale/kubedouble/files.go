package kubedouble

import (
	"os"
	"path/filepath"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"tacho.test/e2e/cluster"
)

// RESTConfig is how Go's clients reach the double.
func (s *Server) RESTConfig() *rest.Config {
	return &rest.Config{
		Host: s.URL(), BearerToken: s.token, TLSClientConfig: rest.TLSClientConfig{CAData: s.servingCA.PEM},
		QPS: -1,
	}
}

// WriteKubeconfig writes the file with which tacho-aggregator reaches it.
func (s *Server) WriteKubeconfig(file string) error {
	config := clientcmdapi.NewConfig()
	config.Clusters["double"] = &clientcmdapi.Cluster{Server: s.URL(), CertificateAuthorityData: s.servingCA.PEM}
	config.AuthInfos["aggregator"] = &clientcmdapi.AuthInfo{Token: s.token}
	config.Contexts["double"] = &clientcmdapi.Context{Cluster: "double", AuthInfo: "aggregator"}
	config.CurrentContext = "double"
	return clientcmd.WriteToFile(*config, file)
}

// FrontProxy issues the certificate of whom the aggregator believes X-Remote-User.
func (s *Server) FrontProxy() (*cluster.Pair, error) {
	return s.proxyCA.Issue(cluster.Subject{Name: frontProxyName})
}

// Client issues the certificate of a user of those groups, for asking the aggregator directly.
func (s *Server) Client(user string, groups ...string) (*cluster.Pair, error) {
	return s.clientCA.Issue(cluster.Subject{Name: user, Groups: groups})
}

// Serving issues a certificate for the aggregator, of the authority in ca.crt.
func (s *Server) Serving() (*cluster.Pair, error) {
	return s.servingCA.Issue(cluster.Subject{
		Name: "tacho-aggregator",
		DNS: []string{"tacho-aggregator", "tacho-aggregator.tacho-system",
			"tacho-aggregator.tacho-system.svc", "localhost"},
		IPs: []string{"127.0.0.1", "::1"},
	})
}

// WriteFiles writes what the programs around the aggregator need into a folder:
//
//	ca.crt                     who signed the certificates of the aggregator and of the double
//	serving.crt, .key          for the aggregator: API and agents' port
//	front-proxy.crt, .key      for clients that ask as kube-apiserver does, with X-Remote-User
//	front-proxy-ca.crt         who signed that (the aggregator reads it in the ConfigMap)
//	admin.crt, .key            for clients that ask directly, as a user in system:masters
func (s *Server) WriteFiles(folder string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	for _, one := range []struct {
		name  string
		issue func() (*cluster.Pair, error)
	}{
		{"serving", s.Serving},
		{"front-proxy", s.FrontProxy},
		{"admin", func() (*cluster.Pair, error) { return s.Client("admin", "system:masters") }},
	} {
		pair, err := one.issue()
		if err != nil {
			return err
		}
		path := filepath.Join(folder, one.name)
		if err := pair.Write(path+".crt", path+".key"); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(folder, "ca.crt"), s.servingCA.PEM, 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "front-proxy-ca.crt"), s.proxyCA.PEM, 0o600)
}
