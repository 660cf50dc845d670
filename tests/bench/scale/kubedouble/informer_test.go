package kubedouble

import (
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/tools/cache"

	"tacho.test/bench/scale/world"
)

func informer(t *testing.T, s *Server) cache.SharedIndexInformer {
	t.Helper()
	clients, err := metadata.NewForConfig(s.RESTConfig())
	if err != nil {
		t.Fatal(err)
	}
	pods := metadatainformer.NewFilteredMetadataInformer(clients, schema.GroupVersionResource{Version: "v1", Resource: "pods"},
		"", 0, cache.Indexers{}, func(options *metav1.ListOptions) { options.FieldSelector = "status.phase=Running" }).Informer()
	stop, running := make(chan struct{}), sync.WaitGroup{}
	running.Go(func() { pods.Run(stop) })
	t.Cleanup(func() {
		close(stop)
		running.Wait()
	})
	return pods
}

func known(pods cache.SharedIndexInformer) map[string]*metav1.PartialObjectMetadata {
	objects := map[string]*metav1.PartialObjectMetadata{}
	for _, object := range pods.GetStore().List() {
		pod := object.(*metav1.PartialObjectMetadata)
		objects[string(pod.UID)] = pod
	}
	return objects
}

func newestKnown(pods cache.SharedIndexInformer, of *world.World) func() bool {
	return func() bool {
		all := of.Snapshot()
		objects := known(pods)
		if len(objects) != len(all.Pods) {
			return false
		}
		for _, pod := range all.Pods {
			if objects[pod.UID] == nil {
				return false
			}
		}
		return true
	}
}

// What follows kube-apiserver in Kubernetes' own programs follows the double, too: by WatchList, by
// list and watch, through a rolling world, connections that are cut and a history that is forgotten.
func TestInformer(t *testing.T) {
	for _, noWatchList := range []bool{false, true} {
		s, of := start(t, 100, Options{NoWatchList: noWatchList})
		pods := informer(t, s)
		wait(t, "the informer has synced", pods.HasSynced)
		samePods(t, known(pods), of)
		churner := of.NewChurner(world.Churn{PodsPerSecond: 200, NodesPerMinute: 60, NodeLife: 3 * time.Second})
		for range 50 {
			churner.Step(100 * time.Millisecond)
		}
		wait(t, "the informer knows all", newestKnown(pods, of))
		samePods(t, known(pods), of)
		lists, watches := s.Counts()[ListPods], s.Counts()[WatchPods]
		if lists.Requests+watches.Initial != 1 || (lists.Requests == 1) != noWatchList {
			t.Errorf("it listed otherwise: %+v, %+v", lists, watches)
		}
		s.Cut()
		for range 10 {
			churner.Step(100 * time.Millisecond)
		}
		s.ForgetHistory()
		for range 10 {
			churner.Step(100 * time.Millisecond)
		}
		wait(t, "the informer knows all again", newestKnown(pods, of))
		samePods(t, known(pods), of)
	}
}
