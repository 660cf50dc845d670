// Package kubelet is a kubelet for tests: nodes of one machine whose pods are real processes in
// real cgroups, under the names and with the files, tokens, probes and statuses that a kubelet
// gives them. It binds pods to nodes, too, as there is no scheduler.
package kubelet

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	listers "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
)

// Options of a kubelet. All of them are needed.
type Options struct {
	Client      kubernetes.Interface
	Folder      string            // for everything that it writes
	Cgroup      string            // below the roots of the trees, begins with "/"; nodes stand in it
	Trees       []string          // mount points that have it: cgroup v2 first, v1 memory if there is one
	Shim        string            // program
	Programs    map[string]string // by the name of their image
	Environment []string          // for all programs but loads
	Files       []string          // that containers find in /etc
	Logf        func(format string, arguments ...any)
}

// Kubelet serves all nodes.
type Kubelet struct {
	Options
	context context.Context
	stop    context.CancelFunc
	work    sync.WaitGroup

	pods       listers.PodLister
	secrets    listers.SecretLister
	configMaps listers.ConfigMapLister

	mutex     sync.Mutex
	nodes     map[string]*node
	order     []string // of nodes
	workers   map[types.UID]*worker
	binding   map[types.UID]*placing
	addresses int // that were given out
	frozen    bool
	crashes   []string
}

// Start begins to serve pods; nodes are added later.
func Start(ctx context.Context, options Options) (*Kubelet, error) {
	if err := os.MkdirAll(options.Folder, 0o755); err != nil {
		return nil, err
	}
	k := &Kubelet{Options: options, nodes: map[string]*node{},
		workers: map[types.UID]*worker{}, binding: map[types.UID]*placing{}}
	k.context, k.stop = context.WithCancel(ctx)
	factory := informers.NewSharedInformerFactory(options.Client, 0)
	pods := factory.Core().V1().Pods()
	k.pods = pods.Lister()
	k.secrets = factory.Core().V1().Secrets().Lister()
	k.configMaps = factory.Core().V1().ConfigMaps().Lister()
	_, err := pods.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { k.podChanged(object.(*v1.Pod)) },
		UpdateFunc: func(_, object any) { k.podChanged(object.(*v1.Pod)) },
		DeleteFunc: func(object any) { k.podGone(object) },
	})
	if err != nil {
		return nil, err
	}
	if err := startDNS(k.context, factory, k.Logf); err != nil {
		return nil, err
	}
	factory.Start(k.context.Done())
	for what, synced := range factory.WaitForCacheSync(k.context.Done()) {
		if !synced {
			return nil, fmt.Errorf("listing %v failed", what)
		}
	}
	return k, nil
}

// Stop ends every container without touching the API's objects, and removes their cgroups.
func (k *Kubelet) Stop() {
	if k == nil {
		return
	}
	k.stop()
	k.work.Wait()
	for _, node := range k.nodes {
		node.close()
	}
}

func (k *Kubelet) podChanged(pod *v1.Pod) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if k.context.Err() != nil {
		return
	}
	if pod.Spec.NodeName == "" {
		k.schedule(pod)
		return
	}
	node := k.nodes[pod.Spec.NodeName]
	if node == nil {
		return
	}
	if w := k.workers[pod.UID]; w != nil {
		w.tell(pod)
		return
	}
	if pod.Status.Phase == v1.PodSucceeded || pod.Status.Phase == v1.PodFailed {
		if pod.DeletionTimestamp == nil {
			return // of an earlier worker
		}
	}
	w := newWorker(k, node, pod)
	k.workers[pod.UID] = w
	k.work.Add(1)
	go func() {
		defer k.work.Done()
		w.run()
		k.mutex.Lock()
		delete(k.workers, pod.UID)
		k.mutex.Unlock()
	}()
}

func (k *Kubelet) podGone(object any) {
	pod, ok := object.(*v1.Pod)
	if !ok {
		pod, ok = object.(cache.DeletedFinalStateUnknown).Obj.(*v1.Pod)
	}
	if !ok {
		return
	}
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if w := k.workers[pod.UID]; w != nil {
		w.gone()
	}
}

func (k *Kubelet) worker(namespace, pod string) (*worker, error) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	for _, w := range k.workers {
		if w.namespace == namespace && w.name == pod {
			return w, nil
		}
	}
	return nil, fmt.Errorf("the test kubelet has no pod %s/%s", namespace, pod)
}

// SetLoad changes what a container of image "load" uses, from now on.
func (k *Kubelet) SetLoad(namespace, pod, container string, load Load) error {
	return k.ask(namespace, pod, func(w *worker) error {
		c, err := w.container(container)
		if err != nil {
			return err
		}
		return c.setLoad(load)
	})
}

// Kill ends the main process of a container with SIGKILL: it is restarted by the pod's policy.
func (k *Kubelet) Kill(namespace, pod, container string) error {
	return k.ask(namespace, pod, func(w *worker) error {
		c, err := w.container(container)
		if err != nil {
			return err
		}
		c.expected = true
		return c.main.Process.Kill()
	})
}

// SetReady answers for the readiness of a pod that has no probes of its own.
func (k *Kubelet) SetReady(namespace, pod string, ready bool) error {
	return k.ask(namespace, pod, func(w *worker) error {
		w.unready = !ready
		return nil
	})
}

// RenewTokens fetches a pod's projected tokens and files anew, as if their time had come.
func (k *Kubelet) RenewTokens(namespace, pod string) error {
	return k.ask(namespace, pod, func(w *worker) error {
		w.tokens = map[string]*token{}
		return w.fillVolumes()
	})
}

// Refresh lays out secrets and config maps of a pod now; otherwise that happens every few seconds.
func (k *Kubelet) Refresh(namespace, pod string) error {
	return k.ask(namespace, pod, func(w *worker) error { return w.fillVolumes() })
}

// ask runs a function in the worker of a pod.
func (k *Kubelet) ask(namespace, pod string, what func(*worker) error) error {
	w, err := k.worker(namespace, pod)
	if err != nil {
		return err
	}
	answer := make(chan error, 1)
	select {
	case w.asked <- func() { answer <- what(w) }:
	case <-w.done:
		return fmt.Errorf("pod %s/%s has ended", namespace, pod)
	}
	select {
	case err = <-answer:
		return err
	case <-w.done:
		return fmt.Errorf("pod %s/%s has ended", namespace, pod)
	}
}

// Log is all that a container has written so far, of all its starts.
func (k *Kubelet) Log(namespace, pod, container string) string {
	var all []byte
	files, _ := filepath.Glob(filepath.Join(k.Folder, "*", "var", "log", "pods",
		namespace+"_"+pod+"_*", container, "*.log"))
	for _, file := range files {
		text, _ := os.ReadFile(file)
		all = append(all, text...)
	}
	return string(all)
}

// VolumeFile is a file of a pod's volume as its containers see it.
func (k *Kubelet) VolumeFile(namespace, pod, volume, file string) ([]byte, error) {
	w, err := k.worker(namespace, pod)
	if err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(w.volumeFolder(volume), file))
}

// Crashes tells of every container of ours that ended though nobody had asked it to.
func (k *Kubelet) Crashes() []string {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	return append([]string{}, k.crashes...)
}

func (k *Kubelet) crashed(format string, arguments ...any) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	line := time.Now().Format("15:04:05 ") + fmt.Sprintf(format, arguments...)
	k.crashes = append(k.crashes, line)
}

// nextAddress is a pod's; 10.244.0.x is the bridge's.
func (k *Kubelet) nextAddress() string {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	k.addresses++
	return fmt.Sprintf("10.244.%d.%d", 1+k.addresses/250, 1+k.addresses%250)
}
