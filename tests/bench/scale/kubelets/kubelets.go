// Package kubelets tells metrics-server figures of containers as the kubelets of many nodes would.
// Each node has an address of its own on the loopback; one server answers on all of them.
package kubelets

import (
	"compress/gzip"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Path of what metrics-server reads.
const Path = "/metrics/resource"

// Node is one kubelet.
type Node struct {
	Name      string
	Address   string // of 127.0.0.0/8, without a port
	NanoCores uint64 // what the whole machine uses
	Bytes     uint64
	Pods      []Pod
}

// Pod is one of a node.
type Pod struct {
	Namespace, Name string
	Containers      []Container
}

// Container uses always the same.
type Container struct {
	Name      string
	NanoCores uint64
	Bytes     uint64
}

// Options say where kubelets listen.
type Options struct {
	Port int // 0: any, see Port
	// Certificate of the kubelet with an address. Asked once for each.
	Certificate func(address string) (*tls.Certificate, error)
}

// Kubelets is the server of all nodes.
type Kubelets struct {
	server  *http.Server
	port    int
	options Options
	pages   map[string]*page // by address

	mutex        sync.Mutex
	certificates map[string]*tls.Certificate

	scrapes, bytes atomic.Uint64
}

// Start listens on all addresses of this network namespace, and serves until Stop.
func Start(nodes []Node, options Options) (*Kubelets, error) {
	k := &Kubelets{options: options, pages: map[string]*page{}, certificates: map[string]*tls.Certificate{}}
	began := time.Now()
	for i := range nodes {
		if k.pages[nodes[i].Address] != nil {
			return nil, fmt.Errorf("two kubelets have the address %s", nodes[i].Address)
		}
		k.pages[nodes[i].Address] = newPage(&nodes[i], began)
	}
	k.server = &http.Server{Handler: k, ReadHeaderTimeout: time.Minute,
		TLSConfig: &tls.Config{GetCertificate: k.certificate}}
	listener, err := net.Listen("tcp4", fmt.Sprintf(":%d", options.Port))
	if err != nil {
		return nil, err
	}
	k.port = listener.Addr().(*net.TCPAddr).Port
	go func() { _ = k.server.ServeTLS(listener, "", "") }()
	return k, nil
}

// Stop ends the server and its connections.
func (k *Kubelets) Stop() {
	if k != nil {
		_ = k.server.Close()
	}
}

// Port that all of them have.
func (k *Kubelets) Port() int { return k.port }

// Scrapes that were answered so far.
func (k *Kubelets) Scrapes() uint64 { return k.scrapes.Load() }

// Bytes of text that were sent so far, before compression.
func (k *Kubelets) Bytes() uint64 { return k.bytes.Load() }

func (k *Kubelets) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	address := host(hello.Conn.LocalAddr())
	if k.pages[address] == nil {
		return nil, fmt.Errorf("no kubelet has the address %s", address)
	}
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if k.certificates[address] == nil {
		certificate, err := k.options.Certificate(address)
		if err != nil {
			return nil, err
		}
		k.certificates[address] = certificate
	}
	return k.certificates[address], nil
}

func host(address net.Addr) string {
	host, _, _ := net.SplitHostPort(address.String())
	return host
}

var compressors = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

// ServeHTTP answers like the kubelet, which compresses whenever it may.
func (k *Kubelets) ServeHTTP(answer http.ResponseWriter, request *http.Request) {
	local, _ := request.Context().Value(http.LocalAddrContextKey).(net.Addr)
	page := k.pages[host(local)]
	if page == nil || request.URL.Path != Path {
		http.NotFound(answer, request)
		return
	}
	answer.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8; escaping=underscores")
	k.scrapes.Add(1)
	if !strings.Contains(request.Header.Get("Accept-Encoding"), "gzip") {
		k.write(page, func(text []byte) { _, _ = answer.Write(text) })
		return
	}
	answer.Header().Set("Content-Encoding", "gzip")
	compressor := compressors.Get().(*gzip.Writer)
	compressor.Reset(answer)
	k.write(page, func(text []byte) { _, _ = compressor.Write(text) })
	_ = compressor.Close()
	compressors.Put(compressor)
}

func (k *Kubelets) write(page *page, write func([]byte)) {
	text := page.render(time.Now())
	k.bytes.Add(uint64(len(text)))
	write(text)
}
