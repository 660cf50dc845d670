/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What bpf/cgroup_stat.bpf.c and agent/bpf_walk.c say to each other. Both are built together, so
 * the layout needs no versions. Include the fixed-size types first: vmlinux.h or linux/types.h. */
#ifndef BPF_CGROUP_STAT_H
#define BPF_CGROUP_STAT_H

/* What is wanted of a pass, and what a record holds. */
enum {
	CGROUP_STAT_CPU = 1 << 0,
	CGROUP_STAT_THROTTLED = 1 << 1,
	CGROUP_STAT_PIDS = 1 << 2,
	CGROUP_STAT_MEMORY = 1 << 3,
	CGROUP_STAT_MEMORY_PEAK = 1 << 4,
	CGROUP_STAT_SWAP = 1 << 5, /* v2 only: in v1 the counter is memory plus swap */
	CGROUP_STAT_INACTIVE_FILE = 1 << 6,
	CGROUP_STAT_OF_MEMORY = CGROUP_STAT_MEMORY | CGROUP_STAT_MEMORY_PEAK | CGROUP_STAT_SWAP |
				CGROUP_STAT_INACTIVE_FILE,
};

/* One cgroup, and what its figures count: all that is below it too. */
struct cgroup_stat_record {
	__u64 id; /* inode of the folder */
	__u32 valid;
	__u32 reserved;
	__u64 cpu_usage_ns;
	__u64 throttled_ns;
	__u64 throttled_periods;
	__u64 periods;
	__u64 memory_usage; /* pages, as are all below */
	__u64 memory_peak;
	__u64 swap;
	__u64 inactive_file;
	__u64 pids;
};

/* The order for a pass, and its result. */
struct cgroup_stat_pass {
	__u32 wanted;
	__u32 capacity; /* records */
	__u32 count;    /* records written */
	__u32 dropped;  /* cgroups for which there was no record left */
	__u64 at_ns;    /* CLOCK_MONOTONIC when the CPU counters were brought up to date */
};

#endif
