// Package process runs programs beside a test or a measurement.
package process

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Process is a program beside us, with a log of its own and a group of its own. It dies with us, however
// we end.
type Process struct {
	Name  string
	PID   int
	Stdin io.WriteCloser // if it was asked for

	log     string
	command *exec.Cmd
	ended   chan struct{}
	err     error // after ended
}

// Launch says what is started.
type Launch struct {
	Name      string // for messages
	Log       string // a file, which is appended to
	Program   string
	Arguments []string
	Stdin     bool
	Lines     func(line []byte) // of its standard output; nil: they go to the log
}

// The kernel kills a process whose parent's *thread* ended (PR_SET_PDEATHSIG): all are started by a
// thread that stays until the end.
var launches = sync.OnceValue(func() chan func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for each := range work {
			each()
		}
	}()
	return work
})

// Start starts it. Its standard error goes to its log.
func Start(launch Launch) (*Process, error) {
	p := &Process{Name: launch.Name, log: launch.Log, ended: make(chan struct{})}
	out, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p.command = exec.Command(launch.Program, launch.Arguments...)
	p.command.Stderr = out
	// a group of its own: an interrupt from the terminal is ours to hand on, in order
	p.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	var stdout io.ReadCloser
	if launch.Lines == nil {
		p.command.Stdout = out
	} else if stdout, err = p.command.StdoutPipe(); err != nil {
		return nil, err
	}
	if launch.Stdin {
		if p.Stdin, err = p.command.StdinPipe(); err != nil {
			return nil, err
		}
	}
	started := make(chan error)
	launches() <- func() { started <- p.command.Start() }
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting %s: %w", launch.Name, err)
	}
	p.PID = p.command.Process.Pid
	go p.follow(stdout, launch.Lines)
	return p, nil
}

func (p *Process) follow(stdout io.Reader, take func([]byte)) {
	if stdout != nil {
		lines := bufio.NewScanner(stdout)
		lines.Buffer(nil, 16<<20)
		for lines.Scan() {
			take(lines.Bytes())
		}
		_, _ = io.Copy(io.Discard, stdout) // after a line beyond all bounds
	}
	p.err = p.command.Wait()
	close(p.ended)
}

// Alive tells whether it still runs.
func (p *Process) Alive() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// Ended is closed when it has.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Wait waits for its end, or the context's, upon which it is killed. The error tells its last lines.
func (p *Process) Wait(ctx context.Context) error {
	select {
	case <-p.ended:
	case <-ctx.Done():
		p.Kill()
		return fmt.Errorf("%s: %w", p.Name, ctx.Err())
	}
	if p.err != nil {
		return fmt.Errorf("%s: %w\n%s", p.Name, p.err, p.Tail(10))
	}
	return nil
}

// HowEnded tells how, with the last lines of its log. It must have ended.
func (p *Process) HowEnded() error {
	<-p.ended
	how := p.err
	if how == nil {
		how = errors.New("status 0")
	}
	return fmt.Errorf("%s ended: %w\n%s", p.Name, how, p.Tail(20))
}

// Kill ends it without a word, and what it started.
func (p *Process) Kill() {
	if p == nil {
		return
	}
	if !p.Alive() { // its number may be another's
		return
	}
	_ = syscall.Kill(-p.PID, syscall.SIGKILL)
	<-p.ended
}

// Stop asks it to end, waits, then insists. Its ports are free afterwards.
func (p *Process) Stop(grace time.Duration) {
	if p == nil {
		return
	}
	_ = p.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(grace):
		p.Kill()
	}
}

// Log is all that it said.
func (p *Process) Log() string {
	text, _ := os.ReadFile(p.log)
	return string(text)
}

// Tail is the end of it.
func (p *Process) Tail(lines int) string {
	all := strings.Split(strings.TrimRight(p.Log(), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
