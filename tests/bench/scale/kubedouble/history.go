package kubedouble

import (
	"sync"

	"tacho.test/bench/scale/world"
)

// history is the newest events of one resource, for the watches of it: kube-apiserver's watch cache.
type history struct {
	mutex     sync.Mutex
	ring      []world.Event
	first     uint64 // number of the oldest event that is kept
	next      uint64 // number of the event to come
	forgotten uint64 // what happened up to this version is not known any more
	version   uint64 // the world's
	changed   chan struct{}
}

func newHistory(size int) *history {
	return &history{ring: make([]world.Event, size), changed: make(chan struct{})}
}

func (h *history) begin(version uint64) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.forgotten = max(h.forgotten, version)
	h.version = max(h.version, version)
}

func (h *history) drop() {
	h.forgotten = h.ring[h.first%uint64(len(h.ring))].Version
	h.ring[h.first%uint64(len(h.ring))] = world.Event{}
	h.first++
}

// add keeps the event, if it is one of this resource; its version counts in any case.
func (h *history) add(event world.Event, ours bool) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.version = event.Version
	if !ours {
		return
	}
	if h.next-h.first == uint64(len(h.ring)) {
		h.drop()
	}
	h.ring[h.next%uint64(len(h.ring))] = event
	h.next++
	close(h.changed)
	h.changed = make(chan struct{})
}

// forget all events.
func (h *history) forget() {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	for h.first < h.next {
		h.drop()
	}
	h.forgotten = max(h.forgotten, h.version)
}

// behind is the number of the first event behind a version; false when some of them are forgotten.
func (h *history) behind(version uint64) (uint64, bool) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if version < h.forgotten {
		return 0, false
	}
	low, high := h.first, h.next
	for low < high {
		middle := low + (high-low)/2
		if h.ring[middle%uint64(len(h.ring))].Version > version {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return low, true
}

// read takes at most cap(into) events from that number on. With none: `changed` is closed at the
// next, and `version` is told as far as the watcher knows everything. False when some are forgotten.
func (h *history) read(
	from uint64, into []world.Event,
) (events []world.Event, version uint64, changed <-chan struct{}, ok bool) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if from < h.first {
		return nil, 0, nil, false
	}
	into = into[:0]
	for ; from < h.next && len(into) < cap(into); from++ {
		into = append(into, h.ring[from%uint64(len(h.ring))])
	}
	return into, h.version, h.changed, true
}

// oldest is the first version from which a watch can begin.
func (h *history) oldest() uint64 {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return h.forgotten
}
