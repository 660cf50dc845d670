package kubelet

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	v1 "k8s.io/api/core/v1"
	"tacho.test/e2e/shim/spec"
)

type container struct {
	w             *worker
	spec          *v1.Container
	init, sidecar bool

	id                    string
	main                  *exec.Cmd
	loads                 []*exec.Cmd
	link                  string
	running, started      bool // started: its startup probe said yes
	completed             bool // and is not to run again
	ready                 bool
	expected              bool // that it ends
	restarts              int
	exitCode              int
	startedAt, finishedAt time.Time
	nextStart             time.Time
	last                  *v1.ContainerStateTerminated
	failure               string // why it could not be started
	exited                chan int
	stopProbes            func()
}

func newContainer(w *worker, spec *v1.Container, init bool) *container {
	sidecar := init && spec.RestartPolicy != nil && *spec.RestartPolicy == v1.ContainerRestartPolicyAlways
	return &container{w: w, spec: spec, init: init, sidecar: sidecar, stopProbes: func() {}}
}

func randomID() string {
	bytes := make([]byte, 32)
	_, _ = rand.Read(bytes)
	return hex.EncodeToString(bytes)
}

// keepRunning starts the container when it is due, and again by the pod's restart policy.
func (c *container) keepRunning() {
	if c.running {
		c.notice()
		return
	}
	if c.completed || time.Now().Before(c.nextStart) {
		return
	}
	if c.id != "" {
		c.restarts++
	}
	if err := c.start(); err != nil {
		c.w.logf("starting %s: %v", c.spec.Name, err)
		c.failure = err.Error()
		c.nextStart = time.Now().Add(time.Second)
		return
	}
	c.failure = ""
	c.watch()
}

// notice takes note of the end of the main process, if it has ended.
func (c *container) notice() {
	select {
	case code := <-c.exited:
		c.ended(code)
	default:
	}
}

func (c *container) ended(code int) {
	c.exitCode, c.finishedAt = code, time.Now()
	c.running, c.ready, c.started = false, false, false
	c.stopProbes()
	c.endLoads()
	c.last = c.terminated()
	if imageName(c.spec.Image) != loadImage && (!c.expected || code != 0 && code != 128+int(syscall.SIGKILL)) {
		c.w.k.crashed("%s/%s %s ended with status %d; its last lines:\n%s", c.w.namespace, c.w.name,
			c.spec.Name, code, tailFile(c.logFile(), 4000))
	}
	policy := c.w.pod.Spec.RestartPolicy
	switch {
	case c.sidecar:
		c.completed = c.w.finished || c.w.pod.DeletionTimestamp != nil
	case c.init:
		c.completed = code == 0
	default:
		c.completed = policy == v1.RestartPolicyNever || policy == v1.RestartPolicyOnFailure && code == 0
	}
	_ = c.w.k.removeCgroup(c.cgroup())
	c.removeLink()
	wait := min(time.Second<<min(c.restarts, 4), maxBackOff)
	if c.restarts == 0 {
		wait = 0
	}
	c.nextStart = time.Now().Add(wait)
}

func (c *container) cgroup() string { return filepath.Join(c.w.cgroup, c.id) }

func (c *container) logFile() string {
	return filepath.Join(c.logFolder(), fmt.Sprintf("%d.log", c.restarts))
}

func (c *container) logFolder() string {
	return filepath.Join(c.w.node.folder, "var/log/pods", fmt.Sprintf("%s_%s_%s", c.w.namespace,
		c.w.name, localUID(c.w.pod)), c.spec.Name)
}

// openLog makes the log file and the link to it, as seen from below /var/log of the node.
func (c *container) openLog() (*os.File, error) {
	if err := os.MkdirAll(c.logFolder(), 0o755); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(c.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("%s_%s_%s-%s.log", c.w.name, c.w.namespace, c.spec.Name, c.id)
	c.link = filepath.Join(c.w.node.folder, "var/log/containers", name)
	target, _ := filepath.Rel(c.w.node.folder, c.logFile())
	return file, os.Symlink("/"+target, c.link)
}

func (c *container) removeLink() {
	if c.link != "" {
		_ = os.Remove(c.link)
	}
}

func (c *container) start() error {
	c.id = randomID()
	if err := c.w.k.makeCgroup(c.cgroup(), false); err != nil {
		return err
	}
	what, load, err := c.resolve()
	if err != nil {
		return err
	}
	log, err := c.openLog()
	if err != nil {
		return err
	}
	defer log.Close()
	command, err := c.shim(what, log)
	if err != nil {
		return err
	}
	c.main, c.running, c.expected, c.startedAt = command, true, false, time.Now()
	exited := make(chan int, 1)
	c.exited = exited
	go func() {
		_ = command.Wait()
		status := command.ProcessState.Sys().(syscall.WaitStatus)
		if status.Signaled() {
			exited <- 128 + int(status.Signal())
		} else {
			exited <- status.ExitStatus()
		}
		select {
		case c.w.woken <- struct{}{}:
		default:
		}
	}()
	return c.setLoad(load)
}

// shim starts a process that becomes what is asked for, in the container's cgroups.
func (c *container) shim(what *spec.Container, log *os.File) (*exec.Cmd, error) {
	what.Processes = c.w.k.processFiles(c.cgroup())
	text, err := json.Marshal(what)
	if err != nil {
		return nil, err
	}
	file, err := os.CreateTemp(c.w.folder, c.spec.Name+"-*.json")
	if err != nil {
		return nil, err
	}
	_, err = file.Write(text)
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, err
	}
	command := exec.Command(c.w.k.Shim, file.Name())
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if what.Root != "" {
		command.SysProcAttr.Cloneflags = syscall.CLONE_NEWNS
	}
	return command, command.Start()
}

// signalAll asks the processes to end, or ends them.
func (c *container) signalAll(kill bool) {
	signal := syscall.SIGTERM
	if kill {
		signal = syscall.SIGKILL
	}
	for _, process := range append([]*exec.Cmd{c.main}, c.loads...) {
		if process != nil {
			_ = process.Process.Signal(signal)
		}
	}
}

func (c *container) killNow() {
	if !c.running {
		return
	}
	c.expected = true
	c.signalAll(true)
	c.ended(<-c.exited)
}

func tailFile(path string, size int) string {
	text, _ := os.ReadFile(path)
	return string(text[max(0, len(text)-size):])
}
