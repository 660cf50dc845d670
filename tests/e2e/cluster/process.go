package cluster

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Process is a program that runs beside the tests and writes a log of its own.
type Process struct {
	name    string
	log     string
	command *exec.Cmd
	ended   chan struct{}
}

// StartProcess starts a program whose output is appended to log.
func StartProcess(name, log, program string, arguments ...string) (*Process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	command := exec.Command(program, arguments...)
	command.Stdout, command.Stderr = out, out
	// A group of its own: an interrupt from the terminal is ours to hand on, in order.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	process := &Process{name, log, command, make(chan struct{})}
	go func() {
		_ = command.Wait()
		close(process.ended)
	}()
	return process, nil
}

// PID is its process id.
func (p *Process) PID() int { return p.command.Process.Pid }

// Alive tells whether it still runs.
func (p *Process) Alive() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// Stop asks it to end, waits, then insists. Its ports are free afterwards.
func (p *Process) Stop(grace time.Duration) {
	if p == nil {
		return
	}
	_ = p.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
		return
	case <-time.After(grace):
	}
	_ = p.command.Process.Kill()
	<-p.ended
}

// Tail is the end of its log, for messages.
func (p *Process) Tail(lines int) string {
	text, _ := os.ReadFile(p.log)
	all := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
