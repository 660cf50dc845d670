package kubedouble

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tacho.test/bench/scale/world"
)

const (
	chunkSize = 64 << 10
	// How long before its end a watch is told the last bookmark, as kube-apiserver does.
	lastBookmark = 2 * time.Second
)

// watcher is one watch under way.
type watcher struct {
	server    *Server
	res       *resource
	q         *question
	to        http.ResponseWriter
	flush     func()
	next      uint64 // number of the next event
	told      uint64 // the version up to which everything was told
	chunk     []byte
	objects   int64
	deadline  time.Time
	end       *time.Timer
	bookmarks *time.Timer
}

func (w *watcher) put(event string, object *metav1.PartialObjectMetadata) error {
	w.chunk = appendFrame(w.chunk, event, objectType, object)
	w.objects++
	if len(w.chunk) >= chunkSize {
		return w.send()
	}
	return nil
}

func (w *watcher) send() error {
	if len(w.chunk) == 0 {
		return nil
	}
	_, err := w.to.Write(w.chunk)
	w.flush()
	w.server.desk.change(w.res.watch, func(c *Counts) {
		c.Bytes += int64(len(w.chunk))
		c.Objects += w.objects
	})
	w.chunk, w.objects = w.chunk[:0], 0
	return err
}

// initial tells all objects there are, and that they are all.
func (w *watcher) initial(all *world.Snapshot) error {
	for _, i := range itemsOf(all, w.res.pods, w.q.selector) {
		if err := w.put("ADDED", w.server.maker.item(i)); err != nil {
			return err
		}
	}
	if w.q.initial && w.q.bookmarks {
		if err := w.put("BOOKMARK", bookmark(all.Version, true)); err != nil {
			return err
		}
	}
	w.told = all.Version
	return w.send()
}

func (w *watcher) matches(event world.Event) bool {
	if event.Pod != nil {
		return w.q.selector.Empty() || w.q.selector.Matches(item{pod: event.Pod}.labels())
	}
	return w.q.selector.Empty() || w.q.selector.Matches(item{node: event.Node}.labels())
}

// Labels of an object never change in a world: what is added under a selector stays under it.
func (w *watcher) tell(events []world.Event) error {
	for _, event := range events {
		if w.matches(event) {
			if err := w.put(event.Type.String(), w.server.maker.object(event)); err != nil {
				return err
			}
		}
		w.told = event.Version
	}
	w.next += uint64(len(events))
	return w.send()
}

func (w *watcher) mark(version uint64) error {
	if !w.q.bookmarks || version == 0 {
		return nil
	}
	if err := w.put("BOOKMARK", bookmark(version, false)); err != nil {
		return err
	}
	return w.send()
}

// nextBookmark is due in time, and once shortly before the end.
func (w *watcher) nextBookmark() time.Duration {
	wait := w.server.options.Bookmarks
	if last := time.Until(w.deadline) - lastBookmark; last > 0 {
		return min(wait, last)
	}
	return wait
}

// follow tells events until the time is over, or the client has gone or does not keep up.
func (w *watcher) follow(r *http.Request) error {
	room := make([]world.Event, 0, 256)
	for {
		events, version, changed, ok := w.res.history.read(w.next, room)
		if !ok {
			w.server.desk.change(w.res.watch, func(c *Counts) { c.Behind++ })
			return nil
		}
		if len(events) > 0 {
			if err := w.tell(events); err != nil {
				return err
			}
			continue
		}
		w.told = max(w.told, version)
		select {
		case <-changed:
		case <-w.bookmarks.C:
			w.bookmarks.Reset(w.nextBookmark())
			if err := w.mark(w.told); err != nil {
				return err
			}
		case <-w.end.C:
			return nil
		case <-r.Context().Done():
			return nil
		case <-w.server.ending:
			return nil
		}
	}
}

// beginsWithAll tells whether the watch begins with what there is: asked for, or by no version or 0.
func (q *question) beginsWithAll() bool { return q.initial || q.version == 0 }

// begin finds where the watch begins; false when it was refused.
func (w *watcher) begin(r *http.Request) (all *world.Snapshot, ok bool) {
	version := w.q.version
	if w.q.beginsWithAll() {
		all = w.server.snapshotAt(0)
		version = all.Version
		w.server.desk.change(w.res.watch, func(c *Counts) { c.Initial++ })
	}
	w.next, ok = w.res.history.behind(version)
	w.told = version
	if ok {
		return all, true
	}
	w.server.desk.change(w.res.watch, func(c *Counts) { c.Gone++ })
	return nil, false
}

// watch answers a watch. That its version is too old is told in an event, as kube-apiserver does.
func (s *Server) watch(to http.ResponseWriter, r *http.Request, res *resource, q *question) {
	if s.tooLarge(to, r, q) {
		return
	}
	w := &watcher{server: s, res: res, q: q, to: to, flush: to.(http.Flusher).Flush}
	all, ok := w.begin(r)
	to.Header().Set("Content-Type", protobufType+";stream=watch")
	to.WriteHeader(http.StatusOK)
	if !ok {
		status := statusOf(http.StatusGone, metav1.StatusReasonExpired,
			fmt.Sprintf("too old resource version: %d (%d)", q.version, res.history.oldest()), 0)
		_, _ = to.Write(appendFrame(nil, "ERROR", statusType, status))
		return
	}
	w.flush()
	w.deadline = time.Now().Add(q.timeout)
	w.end = time.NewTimer(q.timeout)
	defer w.end.Stop()
	w.bookmarks = time.NewTimer(w.nextBookmark())
	defer w.bookmarks.Stop()
	if all != nil {
		if err := w.initial(all); err != nil {
			return
		}
	}
	_ = w.follow(r) // a client that has gone
}

// tooLarge answers a version that is not yet, and may be one of another world.
func (s *Server) tooLarge(w http.ResponseWriter, r *http.Request, q *question) bool {
	current := s.world.Version()
	if q.version <= current {
		return false
	}
	refuse(w, r, http.StatusGatewayTimeout, metav1.StatusReasonTimeout,
		fmt.Sprintf("Too large resource version: %d, current: %d", q.version, current), 1)
	return true
}

// resourceHandler answers lists and watches of one resource.
func (s *Server) resourceHandler(res *resource) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		kind := res.list
		if flag(r.URL.Query(), "watch") {
			kind = res.watch
		}
		leave, proceed := s.desk.enter(kind, w, r)
		if !proceed {
			leave()
			return
		}
		defer leave()
		accept := r.Header.Get("Accept")
		if !wantsProtobuf(r) || !strings.Contains(accept, "as=PartialObjectMetadata") {
			refuse(w, r, http.StatusNotAcceptable, metav1.StatusReasonNotAcceptable,
				"the double has metadata only, in protobuf only", 0)
			return
		}
		q, err := readQuestion(r.URL.Query(), res.pods)
		switch {
		case err != nil:
			refuse(w, r, http.StatusBadRequest, metav1.StatusReasonBadRequest, err.Error(), 0)
		case q.watch && q.initial && s.options.NoWatchList:
			refuse(w, r, http.StatusUnprocessableEntity, metav1.StatusReasonInvalid,
				"sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch unless the "+
					"WatchList feature gate is enabled", 0)
		case q.watch:
			s.watch(w, r, res, q)
		default:
			s.list(w, r, res, q)
		}
	}
}
