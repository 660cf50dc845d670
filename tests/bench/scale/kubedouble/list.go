package kubedouble

import (
	"net/http"
	"slices"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"tacho.test/bench/scale/world"
)

// resource is what a list or watch is of.
type resource struct {
	name        string
	pods        bool
	list, watch Kind
	history     *history
}

// item is an object in a list.
type item struct {
	key  string // the lists' order
	pod  *world.Pod
	node *world.Node
}

func (i item) labels() labels.Set {
	if i.pod != nil {
		return i.pod.Labels()
	}
	return i.node.Labels
}

func (m *maker) item(i item) *metav1.PartialObjectMetadata {
	if i.pod != nil {
		return m.pod(i.pod, i.pod.Version)
	}
	return m.node(i.node, i.node.Version)
}

func itemsOf(all *world.Snapshot, pods bool, selector labels.Selector) []item {
	var items []item
	if pods {
		items = make([]item, 0, len(all.Pods))
		for _, pod := range all.Pods {
			items = append(items, item{key: pod.Namespace + "/" + pod.Name, pod: pod})
		}
	} else {
		for _, node := range all.Nodes {
			items = append(items, item{key: node.Name, node: node})
		}
	}
	if selector.Empty() {
		return items
	}
	return slices.DeleteFunc(items, func(i item) bool { return !selector.Matches(i.labels()) })
}

// page is a part of a list.
type page struct {
	version   uint64
	items     []item
	next      string // a continue token, or ""
	remaining *int64
}

// snapshotAt is the world as it is, or as it was when a list began; nil when that is forgotten.
func (s *Server) snapshotAt(version uint64) *world.Snapshot {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if version == 0 {
		all := s.world.Snapshot()
		return &all
	}
	for i := range s.paged {
		if s.paged[i].Version == version {
			return s.paged[i]
		}
	}
	return nil
}

// keep holds a snapshot for the further pages of a list.
func (s *Server) keep(all *world.Snapshot) {
	const most = 4
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.paged = append(s.paged, all)
	if len(s.paged) > most {
		s.paged = slices.Delete(s.paged, 0, 1)
	}
}

// cut is the page that is asked for; false when what it goes on from is forgotten.
func (s *Server) cut(res *resource, q *question) (*page, bool) {
	wanted := uint64(0)
	if q.from != nil {
		wanted = q.from.Version
	} else if q.exact {
		wanted = q.version
	}
	all := s.snapshotAt(wanted)
	if all == nil {
		return nil, false
	}
	p := &page{version: all.Version, items: itemsOf(all, res.pods, q.selector)}
	if q.from != nil {
		begin, _ := slices.BinarySearchFunc(p.items, q.from.Start, compareKey)
		p.items = p.items[begin:]
	}
	// What is at hand is told whole, as by the watch cache.
	atHand := !q.newest && q.version == 0
	if q.limit == 0 || atHand || len(p.items) <= q.limit {
		return p, true
	}
	remaining := int64(len(p.items) - q.limit)
	p.remaining = &remaining
	p.next = place{metaVersion, all.Version, p.items[q.limit].key}.token()
	p.items = p.items[:q.limit]
	if wanted == 0 {
		s.keep(all)
	}
	return p, true
}

func compareKey(i item, key string) int {
	switch {
	case i.key < key:
		return -1
	case i.key > key:
		return 1
	}
	return 0
}

// list answers a list, whose objects are made one by one.
func (s *Server) list(w http.ResponseWriter, r *http.Request, res *resource, q *question) {
	if s.tooLarge(w, r, q) {
		return
	}
	p, ok := s.cut(res, q)
	if !ok {
		s.desk.change(res.list, func(c *Counts) { c.Gone++ })
		refuse(w, r, http.StatusGone, metav1.StatusReasonExpired,
			"The provided continue parameter is too old to display a consistent list result.", 0)
		return
	}
	s.answerPage(w, res, p)
}

func (s *Server) answerPage(w http.ResponseWriter, res *resource, p *page) {
	meta := metav1.ListMeta{
		ResourceVersion: strconv.FormatUint(p.version, 10), Continue: p.next, RemainingItemCount: p.remaining,
	}
	size := fieldSize(meta.Size())
	sizes := make([]int, len(p.items))
	for i := range p.items {
		sizes[i] = s.maker.item(p.items[i]).Size()
		size += fieldSize(sizes[i])
	}
	w.Header().Set("Content-Type", protobufType)
	w.Header().Set("Content-Length", strconv.Itoa(envelopeSize(listType, size)))
	s.desk.change(res.list, func(c *Counts) {
		c.Objects += int64(len(p.items))
		c.Bytes += int64(envelopeSize(listType, size))
	})
	chunk := make([]byte, 0, chunkSize+1<<14)
	chunk = appendEnvelopeBegin(chunk, listType, size)
	chunk = appendMessage(appendTag(chunk, listMeta, meta.Size()), &meta, meta.Size())
	for i := range p.items {
		chunk = appendMessage(appendTag(chunk, listItems, sizes[i]), s.maker.item(p.items[i]), sizes[i])
		if len(chunk) >= chunkSize {
			if _, err := w.Write(chunk); err != nil {
				return
			}
			chunk = chunk[:0]
		}
	}
	_, _ = w.Write(append(chunk, unknownEnd...))
}
