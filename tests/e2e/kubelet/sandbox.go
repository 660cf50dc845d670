package kubelet

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"tacho.test/e2e/cluster"
)

// sandbox is a network of its own, held by a process that does nothing: the pause container.
type sandbox struct {
	address string
	pause   *exec.Cmd
}

// newSandbox makes a network with one address, if there is to be one; the pause process enters the
// cgroups whose cgroup.procs are given.
func newSandbox(address string, network bool, processes []string) (*sandbox, error) {
	pause := exec.Command("sleep", "infinity")
	pause.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if network {
		pause.SysProcAttr.Cloneflags = syscall.CLONE_NEWNET
	}
	if err := pause.Start(); err != nil {
		return nil, fmt.Errorf("starting a sandbox: %w", err)
	}
	s := &sandbox{address, pause}
	if err := enterCgroups(pause.Process.Pid, processes); err != nil {
		s.close()
		return nil, err
	}
	if !network {
		return s, nil
	}
	link := fmt.Sprintf("ve%d", pause.Process.Pid)
	if err := cluster.Attach(pause.Process.Pid, link, address); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func enterCgroups(pid int, processes []string) error {
	for _, file := range processes {
		if err := os.WriteFile(file, []byte(fmt.Sprint(pid)), 0); err != nil {
			return err
		}
	}
	return nil
}

func (s *sandbox) network() string { return fmt.Sprintf("/proc/%d/ns/net", s.pause.Process.Pid) }

// close ends the network once its last process has gone.
func (s *sandbox) close() {
	if s == nil {
		return
	}
	_ = s.pause.Process.Kill()
	_ = s.pause.Wait()
}
