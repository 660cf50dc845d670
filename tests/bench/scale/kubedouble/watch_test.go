package kubedouble

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tacho.test/bench/scale/world"
)

// A watch that begins with everything, and goes on with what changes.
func TestWatchList(t *testing.T) {
	s, of := start(t, 30, Options{})
	w := openWatch(t, s, client(t, s, true), "/api/v1/pods?watch=true&allowWatchBookmarks=true&"+running+
		"&resourceVersion=0&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=300")
	objects := map[string]*metav1.PartialObjectMetadata{}
	for {
		got := w.must()
		if got.kind == "BOOKMARK" {
			if got.object.Annotations["k8s.io/initial-events-end"] != "true" ||
				got.object.ResourceVersion != fmt.Sprint(of.Version()) {
				t.Fatalf("%+v", got.object)
			}
			break
		}
		if got.kind != "ADDED" {
			t.Fatalf("%+v", got)
		}
		objects[string(got.object.UID)] = got.object
	}
	samePods(t, objects, of)
	churner := of.NewChurner(world.Churn{PodsPerSecond: 50, NodesPerMinute: 20})
	for range 100 {
		churner.Step(100 * time.Millisecond)
	}
	takeUntil(w, objects, of.Version(), t)
	samePods(t, objects, of)
	if counts := s.Counts()[WatchPods]; counts.Requests != 1 || counts.Initial != 1 || counts.Active != 1 {
		t.Errorf("%+v", counts)
	}
}

// takeUntil takes events up to the one of this version, or the last one of a pod before it.
func takeUntil(w *stream, objects map[string]*metav1.PartialObjectMetadata, version uint64, t *testing.T) {
	t.Helper()
	last := uint64(0)
	for last < version {
		got := w.must()
		at, err := strconv.ParseUint(got.object.ResourceVersion, 10, 64)
		if err != nil || at <= last {
			t.Fatalf("version %s behind %d", got.object.ResourceVersion, last)
		}
		last = at
		uid := string(got.object.UID)
		switch got.kind {
		case "ADDED":
			if objects[uid] != nil {
				t.Fatalf("%s was there", got.object.Name)
			}
			objects[uid] = got.object
		case "MODIFIED":
			if objects[uid] == nil {
				t.Fatalf("%s was not there", got.object.Name)
			}
			objects[uid] = got.object
		case "DELETED":
			if objects[uid] == nil {
				t.Fatalf("%s was not there", got.object.Name)
			}
			delete(objects, uid)
		default:
			t.Fatalf("%+v", got)
		}
	}
}

// A watch goes on where another one, or a list, ended; each event comes once.
func TestResume(t *testing.T) {
	for _, http2 := range []bool{true, false} {
		s, of := start(t, 30, Options{})
		list := getList(t, s, "/api/v1/pods?resourceVersion=0")
		objects := byUID(list.Items)
		churner := of.NewChurner(world.Churn{PodsPerSecond: 100})
		version := list.ResourceVersion
		for range 5 {
			churner.Step(time.Second)
			w := openWatch(t, s, client(t, s, http2), "/api/v1/pods?watch=true&resourceVersion="+version)
			takeUntil(w, objects, of.Version(), t)
			w.body.Close()
			version = fmt.Sprint(of.Version())
		}
		samePods(t, objects, of)
		wait(t, "the watches end", func() bool { return s.Counts()[WatchPods].Active == 0 })
	}
}

func TestTooOld(t *testing.T) {
	s, of := start(t, 30, Options{History: 50})
	version := of.Version()
	churner := of.NewChurner(world.Churn{PodsPerSecond: 100})
	churner.Step(time.Second)
	check := func(version uint64) {
		t.Helper()
		w := openWatch(t, s, client(t, s, true), fmt.Sprint("/api/v1/pods?watch=true&resourceVersion=", version))
		if got := w.must(); got.kind != "ERROR" || got.status.Code != http.StatusGone ||
			got.status.Reason != metav1.StatusReasonExpired {
			t.Errorf("%+v", got)
		}
		if got, err := w.next(); got != nil || err != nil {
			t.Errorf("%+v, %v", got, err)
		}
	}
	check(version)
	version = of.Version()
	churner.Step(10 * time.Millisecond)
	w := openWatch(t, s, client(t, s, true), fmt.Sprint("/api/v1/pods?watch=true&resourceVersion=", version))
	w.must()
	s.ForgetHistory()
	check(version)
	if s.Counts()[WatchPods].Gone != 2 {
		t.Errorf("%+v", s.Counts())
	}
	// The watch that had seen all goes on.
	churner.Step(10 * time.Millisecond)
	w.must()
}

func TestBookmarksAndEnd(t *testing.T) {
	s, of := start(t, 30, Options{Bookmarks: 100 * time.Millisecond})
	version := of.Version()
	// Nodes' changes count in the bookmarks of pods.
	of.NewChurner(world.Churn{NodeReports: time.Second}).Step(time.Second)
	began, bookmarks := time.Now(), 0
	w := openWatch(t, s, client(t, s, true), fmt.Sprint(
		"/api/v1/pods?watch=true&allowWatchBookmarks=true&timeoutSeconds=1&resourceVersion=", version))
	for {
		got, err := w.next()
		if err != nil {
			t.Fatal(err)
		}
		if got == nil {
			break
		}
		if got.kind != "BOOKMARK" || got.object.ResourceVersion != fmt.Sprint(of.Version()) {
			t.Errorf("%+v", got)
		}
		bookmarks++
	}
	if took := time.Since(began); bookmarks == 0 || took < 900*time.Millisecond {
		t.Errorf("%d bookmarks in %v", bookmarks, took)
	}
}

// The last bookmark comes shortly before the end, so that the next watch has little to catch up.
func TestLastBookmark(t *testing.T) {
	s, of := start(t, 1, Options{})
	w := openWatch(t, s, client(t, s, true), "/api/v1/nodes?watch=true&allowWatchBookmarks=true&timeoutSeconds=3"+
		"&resourceVersion="+fmt.Sprint(of.Version()))
	if got := w.must(); got.kind != "BOOKMARK" {
		t.Errorf("%+v", got)
	}
	if got, err := w.next(); got != nil || err != nil {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestWatchSelected(t *testing.T) {
	s, of := start(t, 30, Options{})
	w := openWatch(t, s, client(t, s, true), "/api/v1/nodes?watch=true&allowWatchBookmarks=true&resourceVersion=0"+
		"&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&labelSelector=topology.kubernetes.io%2Fzone%3Deu-central-1a")
	for i := range 11 {
		if got := w.must(); (got.kind == "BOOKMARK") != (i == 10) {
			t.Fatalf("%d: %+v", i, got)
		}
	}
	of.NewChurner(world.Churn{NodeReports: time.Second}).Step(time.Second)
	for range 10 {
		if got := w.must(); got.object.Labels["topology.kubernetes.io/zone"] != "eu-central-1a" {
			t.Fatalf("%+v", got)
		}
	}
}

func TestNoWatchList(t *testing.T) {
	s, _ := start(t, 1, Options{NoWatchList: true})
	wantStatus(t, s, "/api/v1/pods?watch=true&resourceVersion=0&sendInitialEvents=true&resourceVersionMatch=NotOlderThan",
		watchAccept, http.StatusUnprocessableEntity, metav1.StatusReasonInvalid)
}

func TestClose(t *testing.T) {
	s, of := start(t, 1, Options{})
	w := openWatch(t, s, client(t, s, true), fmt.Sprint("/api/v1/pods?watch=true&resourceVersion=", of.Version()))
	s.Close()
	if got, _ := w.next(); got != nil {
		t.Errorf("%+v", got)
	}
	of.NewChurner(world.Churn{PodsPerSecond: 10}).Step(time.Second) // nobody listens any more
	s.Close()
}
