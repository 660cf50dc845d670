package kubelet

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

const (
	tick        = 250 * time.Millisecond
	refreshTime = 5 * time.Second // a real kubelet takes a minute
	maxBackOff  = 10 * time.Second
)

// worker looks after one pod. Its fields belong to its goroutine, but for the channels.
type worker struct {
	k               *Kubelet
	node            *node
	pod             *v1.Pod
	namespace, name string
	uid             types.UID

	updates  chan *v1.Pod
	asked    chan func()
	woken    chan struct{} // a container has ended
	vanished chan struct{}
	done     chan struct{}

	folder, cgroup string
	address        string
	sandbox        *sandbox
	containers     []*container // init containers first
	tokens         map[string]*token
	refreshed      time.Time
	unready        bool
	finished       bool // all containers that are not sidecars have ended for good
	startTime      metav1.Time
	conditions     []v1.PodCondition
	published      string
}

func newWorker(k *Kubelet, n *node, pod *v1.Pod) *worker {
	w := &worker{k: k, node: n, pod: pod, namespace: pod.Namespace, name: pod.Name, uid: pod.UID,
		updates: make(chan *v1.Pod, 1), asked: make(chan func()), woken: make(chan struct{}, 1),
		vanished: make(chan struct{}), done: make(chan struct{}),
		folder: filepath.Join(n.folder, "pods", localUID(pod)), cgroup: n.podCgroup(pod),
		tokens: map[string]*token{}, startTime: metav1.NewTime(time.Now())}
	for i := range pod.Spec.InitContainers {
		w.containers = append(w.containers, newContainer(w, &pod.Spec.InitContainers[i], true))
	}
	for i := range pod.Spec.Containers {
		w.containers = append(w.containers, newContainer(w, &pod.Spec.Containers[i], false))
	}
	return w
}

// tell hands over the newest version of the pod; an older one that was not seen yet is replaced.
func (w *worker) tell(pod *v1.Pod) {
	select {
	case <-w.updates:
	default:
	}
	select {
	case w.updates <- pod:
	default:
	}
}

// gone is called when the API has the pod no more.
func (w *worker) gone() {
	select {
	case <-w.vanished:
	default:
		close(w.vanished)
	}
}

func (w *worker) logf(format string, arguments ...any) {
	w.k.Logf("%s %s/%s: %s", w.node.name, w.namespace, w.name, fmt.Sprintf(format, arguments...))
}

func (w *worker) container(name string) (*container, error) {
	for _, c := range w.containers {
		if c.spec.Name == name && c.running {
			return c, nil
		}
	}
	return nil, fmt.Errorf("pod %s/%s has no running container %s", w.namespace, w.name, name)
}

func (w *worker) run() {
	defer close(w.done)
	defer w.cleanUp()
	if !w.setUp() {
		return
	}
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		if w.pod.DeletionTimestamp != nil {
			w.terminate()
			return
		}
		w.advance()
		w.publish()
		select {
		case pod := <-w.updates:
			w.pod = pod
		case ask := <-w.asked:
			ask()
		case <-w.woken:
		case <-w.vanished:
			return
		case <-w.k.context.Done():
			return
		case <-ticker.C:
			if time.Since(w.refreshed) > refreshTime {
				if err := w.fillVolumes(); err != nil {
					w.logf("%v", err)
				}
			}
		}
	}
}

// setUp makes what all containers share, and tries again as long as something is missing.
func (w *worker) setUp() bool {
	for {
		err := w.trySetUp()
		if err == nil {
			return true
		}
		w.logf("setting up: %v", err)
		select {
		case pod := <-w.updates:
			w.pod = pod
		case <-w.vanished:
			return false
		case <-w.k.context.Done():
			return false
		case <-time.After(time.Second):
		}
		if w.pod.DeletionTimestamp != nil {
			w.deleteObject()
			return false
		}
	}
}

func (w *worker) trySetUp() error {
	if w.sandbox == nil {
		if err := w.makeSandbox(); err != nil {
			return err
		}
	}
	if err := w.writeResolverFiles(); err != nil {
		return err
	}
	return w.fillVolumes()
}

func (w *worker) makeSandbox() (err error) {
	id := filepath.Join(w.cgroup, randomID())
	if err := w.k.makeCgroup(w.cgroup, true); err != nil {
		return err
	}
	if err := w.k.makeCgroup(id, false); err != nil {
		return err
	}
	if w.pod.Spec.HostNetwork {
		w.address = w.node.address
	} else if w.address == "" {
		w.address = w.k.nextAddress()
	}
	ours := !w.pod.Spec.HostNetwork && w.wantsNetwork()
	w.sandbox, err = newSandbox(w.address, ours, w.k.processFiles(id))
	return err
}

// A network costs some 50 ms; loads have nothing to say.
func (w *worker) wantsNetwork() bool {
	for _, c := range w.containers {
		if imageName(c.spec.Image) != loadImage {
			return true
		}
	}
	return false
}

func (w *worker) network() string {
	if w.pod.Spec.HostNetwork {
		return w.node.host.network()
	}
	return w.sandbox.network()
}

// advance starts what is due: init containers one after the other, sidecars among them stay.
func (w *worker) advance() {
	for _, c := range w.containers {
		if !c.init || c.completed {
			continue
		}
		c.keepRunning()
		if !c.sidecar || !c.started {
			return
		}
	}
	w.finished = true
	for _, c := range w.containers {
		if c.init {
			continue
		}
		c.keepRunning()
		w.finished = w.finished && c.completed
	}
	for _, c := range w.containers {
		if w.finished && c.sidecar && c.running {
			c.expected = true
			c.signalAll(false)
		}
	}
}

// terminate ends the pod as its grace period allows, then deletes its object.
func (w *worker) terminate() {
	w.publish()
	grace := 30 * time.Second
	if seconds := w.pod.DeletionGracePeriodSeconds; seconds != nil {
		grace = time.Duration(*seconds) * time.Second
	}
	deadline := time.Now().Add(grace)
	w.sleepBeforeStop(deadline)
	for _, c := range w.containers {
		if c.running {
			c.expected = true
			c.signalAll(false)
		}
	}
	for w.anyRunning() && time.Now().Before(deadline) {
		w.serveAsked(20 * time.Millisecond)
		for _, c := range w.containers {
			c.notice()
		}
	}
	for _, c := range w.containers {
		if c.running && grace > 0 {
			w.k.crashed("%s/%s %s did not end within %s of being asked to", w.namespace, w.name, c.spec.Name, grace)
		}
		c.killNow()
	}
	w.publish()
	w.cleanUp()
	w.deleteObject()
}

func (w *worker) sleepBeforeStop(deadline time.Time) {
	for _, c := range w.containers {
		hook := c.spec.Lifecycle
		if !c.running || hook == nil || hook.PreStop == nil || hook.PreStop.Sleep == nil {
			continue
		}
		until := time.Now().Add(time.Duration(hook.PreStop.Sleep.Seconds) * time.Second)
		for time.Now().Before(until) && time.Now().Before(deadline) {
			w.serveAsked(50 * time.Millisecond)
			w.publish() // probes go on
		}
	}
}

func (w *worker) serveAsked(limit time.Duration) {
	select {
	case ask := <-w.asked:
		ask()
	case <-time.After(limit):
	}
}

func (w *worker) anyRunning() bool {
	for _, c := range w.containers {
		if c.running {
			return true
		}
	}
	return false
}

func (w *worker) deleteObject() {
	none := int64(0)
	options := metav1.DeleteOptions{GracePeriodSeconds: &none,
		Preconditions: &metav1.Preconditions{UID: &w.uid}}
	for w.k.context.Err() == nil {
		err := w.k.Client.CoreV1().Pods(w.namespace).Delete(w.k.context, w.name, options)
		if err == nil || permanent(err) {
			return
		}
		select {
		case <-w.vanished:
			return
		case <-time.After(500 * time.Millisecond): // kube-apiserver is away
		}
	}
}

// permanent errors are kube-apiserver's own word.
func permanent(err error) bool {
	return apierrors.IsNotFound(err) || apierrors.IsConflict(err) || apierrors.IsInvalid(err) ||
		apierrors.IsForbidden(err)
}

// cleanUp leaves nothing of the pod but its log files, which are worth reading.
func (w *worker) cleanUp() {
	for _, c := range w.containers {
		c.killNow()
		c.removeLink()
	}
	w.sandbox.close()
	w.sandbox = nil
	err := errors.Join(w.k.removeCgroup(w.cgroup), os.RemoveAll(w.folder))
	if err != nil {
		w.logf("cleaning up: %v", err)
	}
}
