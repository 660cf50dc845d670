package main

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
	"tacho.test/e2e/shim/spec"
)

// Those that a manifest of ours may name, and what a runtime gives by default (containerd's list).
var capabilities = map[string]int{
	"AUDIT_WRITE": unix.CAP_AUDIT_WRITE, "BPF": unix.CAP_BPF, "CHOWN": unix.CAP_CHOWN,
	"DAC_OVERRIDE": unix.CAP_DAC_OVERRIDE, "DAC_READ_SEARCH": unix.CAP_DAC_READ_SEARCH,
	"FOWNER": unix.CAP_FOWNER, "FSETID": unix.CAP_FSETID, "KILL": unix.CAP_KILL,
	"MKNOD": unix.CAP_MKNOD, "NET_ADMIN": unix.CAP_NET_ADMIN,
	"NET_BIND_SERVICE": unix.CAP_NET_BIND_SERVICE, "NET_RAW": unix.CAP_NET_RAW,
	"PERFMON": unix.CAP_PERFMON, "SETFCAP": unix.CAP_SETFCAP, "SETGID": unix.CAP_SETGID,
	"SETPCAP": unix.CAP_SETPCAP, "SETUID": unix.CAP_SETUID, "SYS_ADMIN": unix.CAP_SYS_ADMIN,
	"SYS_CHROOT": unix.CAP_SYS_CHROOT, "SYS_PTRACE": unix.CAP_SYS_PTRACE,
	"SYS_RESOURCE": unix.CAP_SYS_RESOURCE, "SYSLOG": unix.CAP_SYSLOG,
}

func giveUpRights(c *spec.Container) error {
	if c.Capabilities != nil {
		if err := dropBounding(c.Capabilities); err != nil {
			return err
		}
	}
	if err := unix.Setgroups(c.Groups); err != nil {
		return fmt.Errorf("setting groups: %w", err)
	}
	if err := unix.Setresgid(c.GID, c.GID, c.GID); err != nil {
		return fmt.Errorf("setting the group: %w", err)
	}
	// A user other than root loses all effective capabilities here, as in a container.
	if err := unix.Setresuid(c.UID, c.UID, c.UID); err != nil {
		return fmt.Errorf("setting the user: %w", err)
	}
	if c.NoNewPrivs {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return fmt.Errorf("no new privileges: %w", err)
		}
	}
	return nil
}

// dropBounding leaves root only what is named: exec gives root no more than the bounding set.
func dropBounding(names []string) error {
	var keep []int
	for _, name := range names {
		number, known := capabilities[strings.TrimPrefix(strings.ToUpper(name), "CAP_")]
		if !known {
			return fmt.Errorf("capability %s is not known to the shim", name)
		}
		keep = append(keep, number)
	}
	for number := 0; number <= unix.CAP_LAST_CAP; number++ {
		if slices.Contains(keep, number) {
			continue
		}
		err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(number), 0, 0, 0)
		if err != nil && err != unix.EINVAL { // EINVAL: this kernel has fewer
			return fmt.Errorf("dropping capability %d: %w", number, err)
		}
	}
	return nil
}
