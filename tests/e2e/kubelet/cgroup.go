package kubelet

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	v1 "k8s.io/api/core/v1"
)

// makeCgroup makes a cgroup in all trees. One that has others inside hands its controllers on.
func (k *Kubelet) makeCgroup(path string, inner bool) error {
	for _, tree := range k.Trees {
		folder := filepath.Join(tree, path)
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
		if inner {
			handOn(folder)
		}
	}
	return nil
}

// A controller that can't be handed on is a figure less; v1 has no such file.
func handOn(folder string) {
	controllers, _ := os.ReadFile(filepath.Join(folder, "cgroup.controllers"))
	for _, name := range strings.Fields(string(controllers)) {
		switch name {
		case "cpu", "memory", "io", "pids":
			_ = os.WriteFile(filepath.Join(folder, "cgroup.subtree_control"), []byte("+"+name), 0o644)
		}
	}
}

// removeCgroup removes a cgroup with all inside of it, once its processes are gone.
func (k *Kubelet) removeCgroup(path string) error {
	var failure error
	for _, tree := range k.Trees {
		for try := 0; try < 50; try++ { // the kernel needs a moment to see that it is empty
			if failure = removeFolders(filepath.Join(tree, path)); failure == nil {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	return failure
}

func removeFolders(folder string) error {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	for _, entry := range entries {
		if entry.IsDir() {
			_ = removeFolders(filepath.Join(folder, entry.Name()))
		}
	}
	return os.Remove(folder)
}

func (k *Kubelet) processFiles(path string) []string {
	var files []string
	for _, tree := range k.Trees {
		files = append(files, filepath.Join(tree, path, "cgroup.procs"))
	}
	return files
}

// podCgroup is where the cgroupfs driver puts a pod: a static one under the hash of its manifest.
func (n *node) podCgroup(pod *v1.Pod) string {
	level := ""
	switch pod.Status.QOSClass {
	case v1.PodQOSBurstable:
		level = "burstable"
	case v1.PodQOSBestEffort:
		level = "besteffort"
	}
	return filepath.Join(n.cgroup(), "kubepods", level, "pod"+localUID(pod))
}

func localUID(pod *v1.Pod) string {
	if hash := pod.Annotations["kubernetes.io/config.hash"]; hash != "" {
		return hash
	}
	return string(pod.UID)
}
