package beside

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"

	"tacho.test/bench/scale/world"
)

// fleet is the program that is all agents.
type fleet struct {
	command *exec.Cmd
	input   io.WriteCloser
}

// startFleet has its figures, and what it has to say, in a log.
func startFleet(program string, log *os.File, authority string) (*fleet, error) {
	f := &fleet{command: exec.Command(program, fmt.Sprintf("--url=tls+tcp://127.0.0.1:%d", agentsPort),
		"--ca="+authority, "--server-name=tacho."+home+".svc", "--metrics=all")}
	f.command.Stdout, f.command.Stderr = log, log
	var err error
	if f.input, err = f.command.StdinPipe(); err != nil {
		return nil, err
	}
	return f, f.command.Start()
}

// tell it the world, and to run. The tokens are kube-apiserver's, not the world's own.
func (f *fleet) tell(all world.Snapshot, tokens map[string]string) error {
	lines := bufio.NewWriter(f.input)
	for _, node := range all.Nodes {
		fmt.Fprintln(lines, "node", node.Name, tokens[node.Name])
	}
	for _, pod := range all.Pods {
		fmt.Fprintln(lines, "pod", pod.Node, pod.Namespace, pod.Name, pod.UID, pod.Containers)
	}
	fmt.Fprintln(lines, "run")
	if err := lines.Flush(); err != nil {
		return fmt.Errorf("telling the fleet of its world: %w", err)
	}
	return nil
}

func (f *fleet) stop() {
	if f == nil {
		return
	}
	_ = f.input.Close() // it ends with its input
	_ = f.command.Wait()
}
