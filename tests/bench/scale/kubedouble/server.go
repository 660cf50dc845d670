// Package kubedouble is kube-apiserver as far as tacho-aggregator asks it, for worlds that are too
// large for a real one here: lists and watches of pods and nodes as metadata in protobuf, token and
// access reviews, and the ConfigMap of the front proxy's authority. What it says of a world follows
// the world's changes. Delays and errors can be ordered, and everything is counted.
//
// What it is not: no signature is verified, everybody who has its token may do everything, and no
// other resource and no other form than those exist.
package kubedouble

import (
	"cmp"
	"crypto/rand"
	"crypto/subtle"
	"crypto/tls"
	"encoding/base64"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/version"

	"tacho.test/bench/scale/world"
	"tacho.test/e2e/cluster"
)

// Options of a double; the zero value is fine.
type Options struct {
	Listen        string        // "": 127.0.0.1 and a free port
	ManagedFields int           // bytes of an object's managedFields; 0: 1024, negative: none
	Bookmarks     time.Duration // how often watches are told one; 0: a minute, as kube-apiserver
	History       int           // events of a resource that are kept for watches; 0: 100,000
	NoWatchList   bool          // refuse watches that begin with all objects, as servers before 1.34
}

// Server is a double that listens.
type Server struct {
	options Options
	world   *world.World
	maker   *maker
	desk    desk

	connections connections

	listener net.Listener
	http     *http.Server
	cancel   func() // of the subscription
	ending   chan struct{}
	close    sync.Once

	servingCA, clientCA, proxyCA *cluster.Authority
	token                        string

	pods, nodes *resource

	denied atomic.Pointer[[]string] // never nil

	mutex sync.Mutex
	paged []*world.Snapshot // of lists whose further pages may be asked for
}

// HTTP2Streams is what kube-apiserver allows a connection.
const HTTP2Streams = 100

// Start makes a double of the world, which listens when it returns.
func Start(of *world.World, options Options) (*Server, error) {
	options.Listen = cmp.Or(options.Listen, "127.0.0.1:0")
	options.ManagedFields = max(0, cmp.Or(options.ManagedFields, 1024))
	options.Bookmarks = cmp.Or(options.Bookmarks, time.Minute)
	options.History = cmp.Or(options.History, 100_000)
	s := &Server{
		options: options,
		world:   of,
		maker:   newMaker(options.ManagedFields),
		desk:    desk{counts: map[Kind]*Counts{}, faults: map[Kind]Fault{}},

		connections: connections{open: map[net.Conn]bool{}},

		ending: make(chan struct{}),
		token:  randomToken(),
	}
	s.Deny()
	s.pods = &resource{"pods", true, ListPods, WatchPods, newHistory(options.History)}
	s.nodes = &resource{"nodes", false, ListNodes, WatchNodes, newHistory(options.History)}
	config, err := s.makeAuthorities()
	if err != nil {
		return nil, err
	}
	if s.listener, err = net.Listen("tcp", options.Listen); err != nil {
		return nil, err
	}
	s.subscribe()
	s.serve(config)
	return s, nil
}

func randomToken() string {
	bytes := make([]byte, 32)
	_, _ = rand.Read(bytes) // never fails
	return base64.RawURLEncoding.EncodeToString(bytes)
}

func (s *Server) makeAuthorities() (*tls.Config, error) {
	for _, authority := range []struct {
		to   **cluster.Authority
		name string
	}{{&s.servingCA, "double-serving-ca"}, {&s.clientCA, "double-client-ca"}, {&s.proxyCA, "double-front-proxy-ca"}} {
		made, err := cluster.NewAuthority(authority.name)
		if err != nil {
			return nil, err
		}
		*authority.to = made
	}
	pair, err := s.servingCA.Issue(cluster.Subject{
		Name: "kube-apiserver", DNS: []string{"localhost", "kubernetes.default.svc"}, IPs: []string{"127.0.0.1", "::1"},
	})
	if err != nil {
		return nil, err
	}
	certificate, err := tls.X509KeyPair(pair.Certificate, pair.Key)
	return &tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{certificate}, NextProtos: []string{"h2", "http/1.1"},
	}, err
}

// subscribe hears all events behind the version at which histories begin.
func (s *Server) subscribe() {
	all, cancel := s.world.Subscribe(func(event world.Event) {
		s.pods.history.add(event, event.Pod != nil)
		s.nodes.history.add(event, event.Node != nil)
	})
	s.cancel = cancel
	s.pods.history.begin(all.Version)
	s.nodes.history.begin(all.Version)
}

// --- serving ---------------------------------------------------------------------------------------

func (s *Server) serve(config *tls.Config) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/pods", s.resourceHandler(s.pods))
	mux.HandleFunc("GET /api/v1/nodes", s.resourceHandler(s.nodes))
	mux.HandleFunc("GET /api/v1/namespaces/kube-system/configmaps", s.authConfigHandler)
	mux.HandleFunc("POST /apis/authentication.k8s.io/v1/tokenreviews", s.tokenReview)
	mux.HandleFunc("POST /apis/authorization.k8s.io/v1/subjectaccessreviews", s.accessReview)
	mux.HandleFunc("GET /version", s.versionHandler)
	mux.HandleFunc("/", s.unknown)
	all := http.NewServeMux()
	all.HandleFunc("GET /double/counts", s.countsHandler)
	all.HandleFunc("POST /double/fault", s.faultHandler)
	all.Handle("/", s.authenticated(mux))
	s.http = &http.Server{
		Handler:           all,
		ConnContext:       withConnection,
		ConnState:         s.connections.changed,
		ReadHeaderTimeout: 30 * time.Second,
		IdleTimeout:       5 * time.Minute,
		ErrorLog:          log.New(io.Discard, "", 0), // clients that go are no errors
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: HTTP2Streams},
	}
	go func() { _ = s.http.Serve(tls.NewListener(s.listener, config)) }() // ends by Close
}

func (s *Server) authenticated(next http.Handler) http.Handler {
	want := []byte("Bearer " + s.token)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), want) != 1 {
			refuse(w, r, http.StatusUnauthorized, metav1.StatusReasonUnauthorized, "Unauthorized", 0)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Server) versionHandler(w http.ResponseWriter, r *http.Request) {
	leave, proceed := s.desk.enter(Others, w, r)
	defer leave()
	if proceed {
		answerJSON(w, http.StatusOK, version.Info{Major: "1", Minor: "36", GitVersion: "v1.36.3"})
	}
}

func (s *Server) unknown(w http.ResponseWriter, r *http.Request) {
	leave, proceed := s.desk.enter(Others, w, r)
	defer leave()
	if proceed {
		refuse(w, r, http.StatusNotFound, metav1.StatusReasonNotFound,
			"the server could not find the requested resource", 0)
	}
}

// URL of the server.
func (s *Server) URL() string { return "https://" + s.listener.Addr().String() }

// ForgetHistory lets watches go on from no version that was: they are told 410, and list again.
func (s *Server) ForgetHistory() {
	s.pods.history.forget()
	s.nodes.history.forget()
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.paged = nil
}

// Close ends it, and cuts every connection.
func (s *Server) Close() {
	s.close.Do(func() {
		s.cancel()
		close(s.ending)
		_ = s.http.Close()
	})
}
