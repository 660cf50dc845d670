package cluster

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"tacho.test/process"
)

// SyncPeriod is how often the HPA looks. The default is 15 s; tests have less patience.
const SyncPeriod = 5 * time.Second

// CPUInitialization is how long the HPA mistrusts the CPU of a pod that has just started.
const CPUInitialization = 20 * time.Second

// EtcdURL is where etcd listens.
const EtcdURL = "http://127.0.0.1:2379"

// Issuer of service-account tokens.
const Issuer = "https://kubernetes.default.svc." + Domain

var controllers = []string{
	"horizontal-pod-autoscaler-controller", "deployment-controller", "replicaset-controller",
	"daemonset-controller", "serviceaccount-controller", "serviceaccount-token-controller",
	"namespace-controller", "clusterrole-aggregation-controller", "endpointslice-controller",
	"root-ca-certificate-publisher-controller", "garbage-collector-controller",
	"disruption-controller", "job-controller", "endpoints-controller",
}

// Cluster is the control plane.
type Cluster struct {
	folder, programs string

	CA, FrontProxy *Authority
	TokenKey       *rsa.PrivateKey
	Admin          *rest.Config
	Client         *kubernetes.Clientset

	etcd, server, manager *process.Process
}

// Start brings up the control plane and returns when it is ready. programs is the folder of the
// binaries, folder that of everything it writes.
func Start(ctx context.Context, programs, folder string) (*Cluster, error) {
	c := &Cluster{folder: folder, programs: programs}
	if err := os.MkdirAll(c.Path("logs"), 0o700); err != nil {
		return nil, err
	}
	for _, step := range []func(context.Context) error{
		c.makeCertificates, c.startEtcd, c.firstStart, c.waitForDefaults,
	} {
		if err := step(ctx); err != nil {
			c.Stop()
			return nil, err
		}
	}
	return c, nil
}

// Path of a file of the control plane.
func (c *Cluster) Path(parts ...string) string {
	return filepath.Join(append([]string{c.folder}, parts...)...)
}

// Program is one of the binaries that tests/e2e/build made.
func (c *Cluster) Program(name string) string { return filepath.Join(c.programs, name) }

// Kubeconfig is the administrator's.
func (c *Cluster) Kubeconfig() string { return c.Path("admin.kubeconfig") }

// Stop ends what runs.
func (c *Cluster) Stop() {
	c.manager.Stop(3 * time.Second)
	c.server.Stop(10 * time.Second)
	c.etcd.Stop(3 * time.Second)
}

func (c *Cluster) makeCertificates(context.Context) (err error) {
	if c.CA, err = NewAuthority("cluster-ca"); err != nil {
		return err
	}
	if c.FrontProxy, err = NewAuthority("front-proxy-ca"); err != nil {
		return err
	}
	if c.TokenKey, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		return err
	}
	server, err := c.CA.Issue(Subject{Name: "kube-apiserver", IPs: []string{APIAddress, "127.0.0.1"},
		DNS: []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"}})
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(c.TokenKey.Public())
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(c.Path("ca.crt"), c.CA.PEM, 0o600),
		os.WriteFile(c.Path("front-proxy-ca.crt"), c.FrontProxy.PEM, 0o600),
		server.Write(c.Path("server.crt"), c.Path("server.key")),
		c.WriteProxyClient(Subject{Name: "front-proxy-client"}),
		os.WriteFile(c.Path("token.pub"), encode("PUBLIC KEY", public), 0o600),
		os.WriteFile(c.Path("token.key"), encode("RSA PRIVATE KEY",
			x509.MarshalPKCS1PrivateKey(c.TokenKey)), 0o600),
		c.makeUsers())
}

// WriteProxyClient gives kube-apiserver another certificate to show to aggregated servers. It is
// used from its next start on.
func (c *Cluster) WriteProxyClient(subject Subject) error {
	pair, err := c.FrontProxy.Issue(subject)
	if err != nil {
		return err
	}
	return pair.Write(c.Path("proxy-client.crt"), c.Path("proxy-client.key"))
}

// RotateFrontProxy puts a new authority in the place of the old one, in the file that
// kube-apiserver watches; both are believed until the old one is dropped.
func (c *Cluster) RotateFrontProxy() error {
	authority, err := NewAuthority("front-proxy-ca")
	if err != nil {
		return err
	}
	both := append(append([]byte{}, c.FrontProxy.PEM...), authority.PEM...)
	if err := os.WriteFile(c.Path("front-proxy-ca.crt"), both, 0o600); err != nil {
		return err
	}
	c.FrontProxy = authority
	return nil
}

// DropOldFrontProxy leaves only the newest authority.
func (c *Cluster) DropOldFrontProxy() error {
	return os.WriteFile(c.Path("front-proxy-ca.crt"), c.FrontProxy.PEM, 0o600)
}

func (c *Cluster) makeUsers() error {
	admin, err := c.CA.Issue(Subject{Name: "admin", Groups: []string{"system:masters"}})
	if err != nil {
		return err
	}
	manager, err := c.CA.Issue(Subject{Name: "system:kube-controller-manager"})
	if err != nil {
		return err
	}
	if c.Admin, err = c.WriteKubeconfig(c.Kubeconfig(), admin); err != nil {
		return err
	}
	c.Admin.QPS, c.Admin.Burst = 500, 1000
	if c.Client, err = kubernetes.NewForConfig(c.Admin); err != nil {
		return err
	}
	_, err = c.WriteKubeconfig(c.Path("manager.kubeconfig"), manager)
	return err
}

// WriteKubeconfig writes a kubeconfig for whom the pair names; nil for nobody.
func (c *Cluster) WriteKubeconfig(file string, pair *Pair) (*rest.Config, error) {
	user := &clientcmdapi.AuthInfo{}
	if pair != nil {
		user.ClientCertificateData, user.ClientKeyData = pair.Certificate, pair.Key
	}
	config := clientcmdapi.Config{
		Clusters: map[string]*clientcmdapi.Cluster{"c": {
			Server: "https://" + APIAddress, CertificateAuthorityData: c.CA.PEM}},
		AuthInfos:      map[string]*clientcmdapi.AuthInfo{"u": user},
		Contexts:       map[string]*clientcmdapi.Context{"c": {Cluster: "c", AuthInfo: "u"}},
		CurrentContext: "c",
	}
	if err := clientcmd.WriteToFile(config, file); err != nil {
		return nil, err
	}
	return clientcmd.NewDefaultClientConfig(config, nil).ClientConfig()
}

func (c *Cluster) start(name string, arguments ...string) (*process.Process, error) {
	return process.Start(process.Launch{Name: name, Log: c.Path("logs", name+".log"), Program: c.Program(name),
		Arguments: arguments})
}

func (c *Cluster) startEtcd(context.Context) (err error) {
	c.etcd, err = c.start("etcd", "--unsafe-no-fsync",
		"--data-dir="+c.Path("etcd"), "--listen-client-urls="+EtcdURL,
		"--advertise-client-urls="+EtcdURL, "--log-level=error",
		"--listen-peer-urls=http://127.0.0.1:2380")
	return err
}

func (c *Cluster) firstStart(ctx context.Context) error { return c.StartServer(ctx) }

// StartServer starts kube-apiserver, with more flags if given, and kube-controller-manager, and waits
// until the server is ready.
func (c *Cluster) StartServer(ctx context.Context, flags ...string) error {
	if err := c.startServer(flags); err != nil {
		return err
	}
	if err := c.WaitReady(ctx); err != nil {
		return err
	}
	return c.startManager()
}

func (c *Cluster) startServer(flags []string) (err error) {
	c.server, err = c.start("kube-apiserver",
		append(flags, "--etcd-servers="+EtcdURL,
			"--bind-address=0.0.0.0", "--secure-port=443", "--advertise-address="+Gateway,
			"--endpoint-reconciler-type=none", "--service-cluster-ip-range="+ServiceRange,
			"--tls-cert-file="+c.Path("server.crt"), "--tls-private-key-file="+c.Path("server.key"),
			"--client-ca-file="+c.Path("ca.crt"), "--authorization-mode=Node,RBAC",
			"--service-account-key-file="+c.Path("token.pub"), "--service-account-issuer="+Issuer,
			"--service-account-signing-key-file="+c.Path("token.key"),
			"--requestheader-client-ca-file="+c.Path("front-proxy-ca.crt"),
			"--requestheader-allowed-names=front-proxy-client",
			"--requestheader-username-headers=X-Remote-User",
			"--requestheader-uid-headers=X-Remote-Uid",
			"--requestheader-group-headers=X-Remote-Group",
			"--requestheader-extra-headers-prefix=X-Remote-Extra-",
			"--proxy-client-cert-file="+c.Path("proxy-client.crt"),
			"--proxy-client-key-file="+c.Path("proxy-client.key"),
			"--enable-aggregator-routing=true", // to endpoints, as nobody serves ClusterIPs
			"--cert-dir="+c.Path("server-certs"))...)
	return err
}

// StopServer ends kube-apiserver, which by itself would wait for watches, for a minute; and
// kube-controller-manager, which would take up to a minute to ask again once the server is back.
func (c *Cluster) StopServer() { c.stopServer(2 * time.Second) }

// StopManager ends kube-controller-manager alone: nobody collects garbage any more, nor makes
// service accounts in new namespaces.
func (c *Cluster) StopManager() { c.manager.Stop(0) }

// KillServer ends it without a word.
func (c *Cluster) KillServer() { c.stopServer(0) }

func (c *Cluster) stopServer(grace time.Duration) {
	c.manager.Stop(0)
	c.server.Stop(grace)
}

// WaitReady waits until kube-apiserver serves.
func (c *Cluster) WaitReady(ctx context.Context) error {
	return Wait(ctx, 90*time.Second, "kube-apiserver's /readyz", func() error {
		if !c.server.Alive() {
			return fmt.Errorf("kube-apiserver ended:\n%s", c.server.Tail(20))
		}
		_, err := c.Client.RESTClient().Get().AbsPath("/readyz").Timeout(2 * time.Second).DoRaw(ctx)
		return err
	})
}

func (c *Cluster) startManager() (err error) {
	kubeconfig := c.Path("manager.kubeconfig")
	c.manager, err = c.start("kube-controller-manager",
		"--kubeconfig="+kubeconfig, "--authentication-kubeconfig="+kubeconfig,
		"--authorization-kubeconfig="+kubeconfig, "--leader-elect=false",
		"--controllers="+strings.Join(controllers, ","), "--use-service-account-credentials",
		"--service-account-private-key-file="+c.Path("token.key"),
		"--root-ca-file="+c.Path("ca.crt"), "--bind-address=127.0.0.1",
		"--cert-dir="+c.Path("manager-certs"),
		"--horizontal-pod-autoscaler-sync-period="+SyncPeriod.String(),
		"--horizontal-pod-autoscaler-downscale-stabilization=10s",
		"--horizontal-pod-autoscaler-initial-readiness-delay=2s",
		"--horizontal-pod-autoscaler-cpu-initialization-period="+CPUInitialization.String())
	return err
}

// The first pods want the namespace's service account and the CA to be there.
func (c *Cluster) waitForDefaults(ctx context.Context) error {
	return Wait(ctx, 60*time.Second, "service account and CA of namespace default", func() error {
		return c.NamespaceReady(ctx, "default")
	})
}

// Wait asks again and again until what returns nil; its last error is part of ours.
func Wait(ctx context.Context, limit time.Duration, what string, ask func() error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		err := ask()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited %s for %s: %w", limit, what, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
