package process

import (
	"context"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func shell(t *testing.T, script string, lines func([]byte)) *Process {
	t.Helper()
	p, err := Start(Launch{Name: "sh", Log: filepath.Join(t.TempDir(), "log"), Program: "/bin/sh",
		Arguments: []string{"-c", script}, Stdin: true, Lines: lines})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return p
}

func TestLinesAndLog(t *testing.T) {
	var mutex sync.Mutex
	var got []string
	p := shell(t, "read word; echo one $word; echo two; echo wrong >&2; exit 3", func(line []byte) {
		mutex.Lock()
		defer mutex.Unlock()
		got = append(got, string(line))
	})
	if _, err := io.WriteString(p.Stdin, "hello\n"); err != nil {
		t.Fatal(err)
	}
	err := p.Wait(context.Background())
	if err == nil || !strings.Contains(err.Error(), "status 3") || !strings.Contains(err.Error(), "wrong") {
		t.Errorf("%v", err)
	}
	if strings.Join(got, ";") != "one hello;two" {
		t.Error(got)
	}
	if p.Tail(1) != "wrong" {
		t.Errorf("%q", p.Tail(1))
	}
}

func TestEnds(t *testing.T) {
	for name, end := range map[string]func(*Process){
		"killed":  (*Process).Kill,
		"stopped": func(p *Process) { p.Stop(10 * time.Second) },
		"deaf":    func(p *Process) { p.Stop(50 * time.Millisecond) },
		"limited": func(p *Process) {
			ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
			defer cancel()
			if err := p.Wait(ctx); err == nil {
				t.Error("it ended by itself")
			}
		},
	} {
		script := "echo up; exec sleep 60"
		if name == "deaf" {
			script = "trap '' TERM; echo up; sleep 60"
		}
		up := make(chan struct{})
		p := shell(t, script, func([]byte) { close(up) })
		<-up
		begin := time.Now()
		end(p)
		select {
		case <-p.Ended():
		default:
			t.Errorf("%s: it still runs", name)
		}
		if took := time.Since(begin); took > 10*time.Second {
			t.Errorf("%s: %s", name, took)
		}
	}
}

func TestNoProgram(t *testing.T) {
	if _, err := Start(Launch{Name: "x", Log: filepath.Join(t.TempDir(), "log"), Program: "/nowhere"}); err == nil {
		t.Error("it was started")
	}
}
