// The shim is forked by the test kubelet and becomes a container's process: it enters the pod's
// network, lays out the container's root, joins the cgroups, gives up rights, and runs the program.
// What a container runtime does, as far as our programs can tell the difference.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"
	"tacho.test/e2e/shim/spec"
)

func init() { runtime.LockOSThread() } // namespaces and rights are a thread's

func main() {
	if err := become(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "shim:", err)
		os.Exit(128)
	}
}

func become(file string) error {
	var c spec.Container
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return err
	}
	if c.Network != "" {
		if err := enter(c.Network); err != nil {
			return err
		}
	}
	groups, err := openAll(c.Processes)
	if err != nil {
		return err
	}
	if c.Root != "" {
		if err := buildRoot(&c); err != nil {
			return err
		}
	}
	if c.Folder != "" {
		if err := os.Chdir(c.Folder); err != nil {
			return err
		}
	}
	// Just before exec: what the shim itself has used is not the container's.
	for _, group := range groups {
		if _, err := group.WriteString(fmt.Sprint(os.Getpid())); err != nil {
			return err
		}
	}
	if err := giveUpRights(&c); err != nil {
		return err
	}
	program, err := exec.LookPath(c.Arguments[0])
	if err != nil {
		return err
	}
	return fmt.Errorf("running %s: %w", program, unix.Exec(program, c.Arguments, c.Environment))
}

func enter(network string) error {
	fd, err := unix.Open(network, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("opening %s: %w", network, err)
	}
	if err := unix.Setns(fd, unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("entering %s: %w", network, err)
	}
	return nil
}

func openAll(paths []string) ([]*os.File, error) {
	var files []*os.File
	for _, path := range paths {
		file, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
}

// buildRoot runs in a mount namespace of its own (the kubelet cloned us so).
func buildRoot(c *spec.Container) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making mounts private: %w", err)
	}
	if err := unix.Mount("root", c.Root, "tmpfs", 0, "mode=0755"); err != nil {
		return fmt.Errorf("mounting %s: %w", c.Root, err)
	}
	for _, file := range c.Files {
		if target, err := os.Readlink(file); err == nil { // /lib is a link to usr/lib
			if err := os.Symlink(target, filepath.Join(c.Root, file)); err != nil {
				return err
			}
			continue
		}
		if _, err := os.Stat(file); os.IsNotExist(err) {
			continue
		}
		if err := bind(c.Root, spec.Mount{Source: file, Target: file, ReadOnly: true}, unix.MS_BIND); err != nil {
			return err
		}
	}
	proc := filepath.Join(c.Root, "proc")
	if err := os.Mkdir(proc, 0o555); err != nil {
		return err
	}
	// The suite's process ids, so that a pod of the host's pid namespace sees what it expects.
	if err := unix.Mount("proc", proc, "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mounting /proc: %w", err)
	}
	for _, mount := range c.Mounts {
		if err := bind(c.Root, mount, unix.MS_BIND|unix.MS_REC); err != nil {
			return err
		}
	}
	if c.ReadOnlyRoot {
		if err := unix.Mount("", c.Root, "", unix.MS_REMOUNT|unix.MS_RDONLY, "mode=0755"); err != nil {
			return fmt.Errorf("making the root read-only: %w", err)
		}
	}
	if err := unix.Chroot(c.Root); err != nil {
		return fmt.Errorf("entering the root: %w", err)
	}
	return os.Chdir("/")
}

func bind(root string, mount spec.Mount, flags uintptr) error {
	target := filepath.Join(root, mount.Target)
	info, err := os.Stat(mount.Source)
	if err != nil {
		return err
	}
	if info.IsDir() {
		err = os.MkdirAll(target, 0o755)
	} else if err = os.MkdirAll(filepath.Dir(target), 0o755); err == nil {
		var file *os.File
		if file, err = os.OpenFile(target, os.O_CREATE|os.O_WRONLY, 0o644); err == nil {
			err = file.Close()
		}
	}
	if err != nil {
		return err
	}
	if err := unix.Mount(mount.Source, target, "", flags, ""); err != nil {
		return fmt.Errorf("mounting %s: %w", mount.Target, err)
	}
	if !mount.ReadOnly {
		return nil
	}
	if mount.Recursive {
		err = unix.MountSetattr(unix.AT_FDCWD, target, unix.AT_RECURSIVE, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY})
	} else {
		err = unix.Mount("", target, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, "")
	}
	if err != nil {
		return fmt.Errorf("making %s read-only: %w", mount.Target, err)
	}
	return nil
}
