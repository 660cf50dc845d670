package kubelet

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	v1 "k8s.io/api/core/v1"
	"tacho.test/e2e/cluster"
	"tacho.test/e2e/shim/spec"
)

// What a container's root shows of the machine: the libraries that our programs are linked with.
var hostFiles = []string{"/usr/lib", "/usr/lib64", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/nsswitch.conf",
	"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/sys"}

// What containerd leaves a container that says nothing.
var defaultCapabilities = []string{"CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW",
	"SETGID", "SETUID", "SETFCAP", "SETPCAP", "NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE"}

// resolve says what is to be run for a container.
func (c *container) resolve() (*spec.Container, Load, error) {
	name := imageName(c.spec.Image)
	if name == loadImage {
		return c.loadSpec()
	}
	program := c.w.k.Programs[name]
	if program == "" {
		return nil, Load{}, fmt.Errorf("the test kubelet has no image %q", c.spec.Image)
	}
	environment, err := c.environment()
	if err != nil {
		return nil, Load{}, err
	}
	what := &spec.Container{Network: c.w.network(), Files: hostFiles,
		Environment: c.list(environment), Folder: "/"}
	what.Arguments = c.arguments("/usr/bin/"+name, environment)
	if what.Root = filepath.Join(c.w.folder, "root-"+c.spec.Name); os.MkdirAll(what.Root, 0o755) != nil {
		return nil, Load{}, fmt.Errorf("making %s", what.Root)
	}
	what.Mounts = c.imageMounts(program, what.Arguments[0])
	mounts, err := c.volumeMounts()
	what.Mounts = append(what.Mounts, mounts...)
	c.applySecurity(what)
	return what, Load{}, err
}

// The image's program is where the container's command looks for it.
func (c *container) imageMounts(program, command string) []spec.Mount {
	if !strings.HasPrefix(command, "/") {
		command = "/" + command
	}
	mounts := []spec.Mount{
		{Source: program, Target: command, ReadOnly: true},
		{Source: filepath.Join(c.w.folder, "resolv.conf"), Target: "/etc/resolv.conf", ReadOnly: true},
		{Source: filepath.Join(c.w.folder, "hosts"), Target: "/etc/hosts", ReadOnly: true},
	}
	for _, file := range c.w.k.Files {
		mounts = append(mounts, spec.Mount{Source: file, Target: "/etc/" + filepath.Base(file), ReadOnly: true})
	}
	return mounts
}

func (c *container) applySecurity(what *spec.Container) {
	pod, own := c.w.pod.Spec.SecurityContext, c.spec.SecurityContext
	if pod == nil {
		pod = &v1.PodSecurityContext{}
	}
	if own == nil {
		own = &v1.SecurityContext{}
	}
	what.UID, what.GID = number(own.RunAsUser, pod.RunAsUser), number(own.RunAsGroup, pod.RunAsGroup)
	for _, group := range pod.SupplementalGroups {
		what.Groups = append(what.Groups, int(group))
	}
	if pod.FSGroup != nil {
		what.Groups = append(what.Groups, int(*pod.FSGroup))
	}
	what.ReadOnlyRoot = own.ReadOnlyRootFilesystem != nil && *own.ReadOnlyRootFilesystem
	what.NoNewPrivs = own.AllowPrivilegeEscalation != nil && !*own.AllowPrivilegeEscalation
	if own.Privileged != nil && *own.Privileged {
		return
	}
	what.Capabilities = granted(own.Capabilities)
}

func number(values ...*int64) int {
	for _, value := range values {
		if value != nil {
			return int(*value)
		}
	}
	return 0
}

func granted(wanted *v1.Capabilities) []string {
	rights := map[string]bool{}
	for _, name := range defaultCapabilities {
		rights[name] = true
	}
	if wanted != nil {
		for _, name := range wanted.Drop {
			delete(rights, string(name))
			if name == "ALL" {
				rights = map[string]bool{}
			}
		}
		for _, name := range wanted.Add {
			rights[string(name)] = true
		}
	}
	names := []string{}
	for name := range rights {
		names = append(names, name)
	}
	return names
}

// writeResolverFiles lays out what getaddrinfo() of the pod's containers reads.
func (w *worker) writeResolverFiles() error {
	if err := os.MkdirAll(w.folder, 0o755); err != nil {
		return err
	}
	resolver := ""
	policy := w.pod.Spec.DNSPolicy
	if policy == v1.DNSClusterFirstWithHostNet || policy == v1.DNSClusterFirst && !w.pod.Spec.HostNetwork {
		resolver = fmt.Sprintf("nameserver %s\nsearch %s.svc.%s svc.%s %s\noptions ndots:5\n",
			cluster.DNSAddress, w.namespace, cluster.Domain, cluster.Domain, cluster.Domain)
	}
	if err := os.WriteFile(filepath.Join(w.folder, "resolv.conf"), []byte(resolver), 0o644); err != nil {
		return err
	}
	hosts := fmt.Sprintf("127.0.0.1\tlocalhost\n%s\t%s\n", w.address, w.name)
	return os.WriteFile(filepath.Join(w.folder, "hosts"), []byte(hosts), 0o644)
}
