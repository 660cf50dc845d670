/* How many CPUs the process may keep busy. */
#ifndef BASE_USABLE_CPUS_H
#define BASE_USABLE_CPUS_H

#include <stddef.h>

/* Where the kernel tells of cgroups; tests have others. */
struct usable_cpus_paths {
	const char *self; /* /proc/self/cgroup */
	const char *root; /* /sys/fs/cgroup */
};

/* The CPUs that the scheduler may put us on, and no more than the CPU limits of our cgroup and
 * those above it (cpu.max; with cgroup v1 cpu.cfs_quota_us) leave, rounded up. At least 1. Limits
 * that can't be read are none. `paths` may be NULL: the kernel's. Blocks on /proc and /sys. */
size_t usable_cpus(const struct usable_cpus_paths *paths);

#endif
