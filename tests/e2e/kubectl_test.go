package e2e

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// answer of a command.
type answer struct {
	out, err string
	code     int
}

// command runs one of the suite's programs, with a home of its own for each call: no caches.
func command(t testing.TB, name string, arguments ...string) answer {
	t.Helper()
	limited, cancel := context.WithTimeout(ctx, 150*time.Second)
	defer cancel()
	home, err := os.MkdirTemp(scratch(), "home-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(home)
	var out, problems bytes.Buffer
	process := exec.CommandContext(limited, plane.Program(name), arguments...)
	process.Env = append(os.Environ(), "HOME="+home, "KUBECONFIG="+plane.Kubeconfig())
	process.Stdout, process.Stderr = &out, &problems
	err = process.Run()
	a := answer{out.String(), problems.String(), process.ProcessState.ExitCode()}
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		t.Fatalf("%s %s: %v", name, strings.Join(arguments, " "), err)
	}
	return a
}

// try runs kubectl, whatever comes of it.
func try(t testing.TB, line string, more ...string) answer {
	t.Helper()
	return command(t, "kubectl", append(strings.Fields(line), more...)...)
}

// kubectl wants success and returns what was printed.
func kubectl(t testing.TB, line string, more ...string) string {
	t.Helper()
	a := try(t, line, more...)
	if a.code != 0 {
		t.Fatalf("kubectl %s: status %d\n%s%s", line, a.code, a.out, a.err)
	}
	return a.out
}

// rows are the lines of a table without its header, in fields.
func rows(t testing.TB, table string, header string) [][]string {
	t.Helper()
	lines := strings.Split(strings.TrimRight(table, "\n"), "\n")
	if got := strings.Join(strings.Fields(lines[0]), " "); got != header {
		t.Fatalf("header is %q, not %q", got, header)
	}
	var all [][]string
	for _, line := range lines[1:] {
		all = append(all, strings.Fields(line))
	}
	return all
}

func column(table [][]string, number int) []string {
	var all []string
	for _, row := range table {
		if number < len(row) {
			all = append(all, row[number])
		}
	}
	return all
}

func wantContains(t testing.TB, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("no %q in:\n%s", part, text)
		}
	}
}
