package kubelet

import (
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"

	"tacho.test/e2e/shim/spec"
)

// loadImage is the image of pods that use what their arguments say: "cpu=50" (millicores),
// "memory=50" (MiB), "network=50" (KiB a second), "seconds=3" (then it ends), "exit=1" (its status then).
const loadImage = "load"

// Load is what a container uses.
type Load struct {
	MilliCPU, MemoryMiB int
	NetworkKiB          int // a second, in and out
}

// imageName is the last part of an image's name, without registry, tag and digest.
func imageName(image string) string {
	name := path.Base(image)
	name, _, _ = strings.Cut(name, "@")
	name, _, _ = strings.Cut(name, ":")
	return name
}

func (c *container) loadSpec() (*spec.Container, Load, error) {
	var load Load
	seconds, exit := "infinity", 0
	for _, argument := range c.spec.Args {
		key, text, _ := strings.Cut(argument, "=")
		value, err := strconv.Atoi(text)
		if err != nil {
			return nil, load, fmt.Errorf("argument %q: %w", argument, err)
		}
		switch key {
		case "cpu":
			load.MilliCPU = value
		case "memory":
			load.MemoryMiB = value
		case "network":
			load.NetworkKiB = value
		case "seconds":
			seconds = text
		case "exit":
			exit = value
		default:
			return nil, load, fmt.Errorf("argument %q is not known", argument)
		}
	}
	what := &spec.Container{Arguments: []string{"sleep", seconds}, Environment: os.Environ()}
	if exit != 0 {
		what.Arguments = []string{"sh", "-c", fmt.Sprintf("sleep %s; exit %d", seconds, exit)}
	}
	return what, load, nil
}

// setLoad exchanges the processes that use something; the container's main process stays.
func (c *container) setLoad(load Load) error {
	c.endLoads()
	var wanted [][]string
	if load.MemoryMiB > 0 {
		wanted = append(wanted, []string{"memory", strconv.Itoa(load.MemoryMiB)})
	}
	if load.NetworkKiB > 0 {
		wanted = append(wanted, []string{"network", strconv.Itoa(load.NetworkKiB)})
	}
	for rest := load.MilliCPU; rest > 0; rest -= 1000 { // the program uses one core at most
		wanted = append(wanted, []string{"cpu", strconv.Itoa(min(rest, 1000))})
	}
	for _, arguments := range wanted {
		process, err := c.shim(&spec.Container{Environment: os.Environ(),
			Arguments: append([]string{c.w.k.Programs[loadImage]}, arguments...)}, nil)
		if err != nil {
			return err
		}
		c.loads = append(c.loads, process)
	}
	return nil
}

func (c *container) endLoads() {
	for _, process := range c.loads {
		_ = process.Process.Kill()
		_ = process.Wait()
	}
	c.loads = nil
}
