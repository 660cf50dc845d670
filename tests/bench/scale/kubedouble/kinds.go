package kubedouble

import (
	"context"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Kind of request; each has its counts and faults.
type Kind string

// The kinds. A watch that begins with all objects (WatchList) is a watch.
const (
	ListPods         Kind = "list pods"
	ListNodes        Kind = "list nodes"
	WatchPods        Kind = "watch pods"
	WatchNodes       Kind = "watch nodes"
	TokenReviews     Kind = "token reviews"
	AccessReviews    Kind = "access reviews"
	AuthConfigLists  Kind = "list authentication config"
	AuthConfigWatchs Kind = "watch authentication config"
	Others           Kind = "others"
)

// Groups of kinds, for SetFault.
var (
	Lists   = []Kind{ListPods, ListNodes, AuthConfigLists}
	Watches = []Kind{WatchPods, WatchNodes, AuthConfigWatchs}
	Reviews = []Kind{TokenReviews, AccessReviews}
)

// Counts of a kind.
type Counts struct {
	Requests     int64 // all that came
	Failed       int64 // by a fault
	Active, Peak int64 // under way: now, and the most at a time
	Initial      int64 // watches that began with all objects
	Objects      int64 // listed, or told in events
	Bytes        int64 // of bodies
	Gone         int64 // answered 410
	Behind       int64 // watches that did not keep up and were ended
}

// How a request fails.
type How int

// The ways.
const (
	Answer500 How = iota
	Answer429     // with Retry-After
	Abort         // no answer: the stream is reset (HTTP/2), the connection closed (HTTP/1.1)
	Cut           // the connection is closed, with all that goes on in it
)

// Fault is what happens to requests of a kind; the zero Fault is none.
type Fault struct {
	Delay      time.Duration // of each, before anything else
	Rate       float64       // of those that fail: 0 to 1
	How        How
	RetryAfter int // seconds, of Answer429; 0: 1
}

// desk holds counts and faults of all kinds.
type desk struct {
	mutex  sync.Mutex
	counts map[Kind]*Counts
	faults map[Kind]Fault
}

func (d *desk) change(kind Kind, change func(*Counts)) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if d.counts[kind] == nil {
		d.counts[kind] = &Counts{}
	}
	change(d.counts[kind])
}

func (d *desk) fault(kind Kind) Fault {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	return d.faults[kind]
}

// enter counts a request, and lets it fail where it shall: then it is answered, and false returned.
// leave is to be called in any case.
func (d *desk) enter(kind Kind, w http.ResponseWriter, r *http.Request) (leave func(), proceed bool) {
	d.change(kind, func(c *Counts) {
		c.Requests++
		c.Active++
		c.Peak = max(c.Peak, c.Active)
	})
	leave = func() { d.change(kind, func(c *Counts) { c.Active-- }) }
	fault := d.fault(kind)
	if fault.Delay > 0 {
		select {
		case <-time.After(fault.Delay):
		case <-r.Context().Done():
		}
	}
	if fault.Rate <= 0 || rand.Float64() >= fault.Rate {
		return leave, true
	}
	d.change(kind, func(c *Counts) { c.Failed++ })
	fail(fault, w, r, leave)
	return leave, false
}

func fail(fault Fault, w http.ResponseWriter, r *http.Request, leave func()) {
	switch fault.How {
	case Answer500:
		refuse(w, r, http.StatusInternalServerError, metav1.StatusReasonInternalError,
			"Internal error occurred: so it was ordered", 0)
	case Answer429:
		refuse(w, r, http.StatusTooManyRequests, metav1.StatusReasonTooManyRequests,
			"too many requests, please try again later", max(1, fault.RetryAfter))
	case Cut:
		if conn, ok := r.Context().Value(connectionKey{}).(net.Conn); ok {
			_ = conn.Close()
		}
		fallthrough
	case Abort:
		leave()
		panic(http.ErrAbortHandler)
	}
}

// --- for the users of the package -------------------------------------------------------------------

// SetFault sets what happens to requests of these kinds from now on; watches that are open stay.
func (s *Server) SetFault(fault Fault, kinds ...Kind) {
	s.desk.mutex.Lock()
	defer s.desk.mutex.Unlock()
	for _, kind := range kinds {
		s.desk.faults[kind] = fault
	}
}

// Counts of all kinds that were asked so far.
func (s *Server) Counts() map[Kind]Counts {
	s.desk.mutex.Lock()
	defer s.desk.mutex.Unlock()
	counts := make(map[Kind]Counts, len(s.desk.counts))
	for kind, count := range s.desk.counts {
		counts[kind] = *count
	}
	return counts
}

// ForgetCounts begins to count anew, but for what is under way.
func (s *Server) ForgetCounts() {
	s.desk.mutex.Lock()
	defer s.desk.mutex.Unlock()
	for _, count := range s.desk.counts {
		*count = Counts{Active: count.Active, Peak: count.Active}
	}
}

// --- connections -----------------------------------------------------------------------------------

type connectionKey struct{}

func withConnection(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connectionKey{}, conn)
}

// connections that are open.
type connections struct {
	mutex sync.Mutex
	open  map[net.Conn]bool
}

// changed is the server's ConnState.
func (c *connections) changed(conn net.Conn, state http.ConnState) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	switch state {
	case http.StateNew:
		c.open[conn] = true
	case http.StateClosed, http.StateHijacked:
		delete(c.open, conn)
	}
}

// Cut closes all connections with what goes on in them, watches too; new ones are taken.
func (s *Server) Cut() {
	s.connections.mutex.Lock()
	open := slices.Collect(maps.Keys(s.connections.open))
	s.connections.mutex.Unlock()
	for _, conn := range open {
		_ = conn.Close()
	}
}
