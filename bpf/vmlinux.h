/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The few kernel types that our programs look into, with the few fields that they read. Offsets and
 * enum values are put right by libbpf when the program is loaded (CO-RE), from the BTF of the
 * kernel that runs: only the names matter here. */
#ifndef BPF_VMLINUX_H
#define BPF_VMLINUX_H

typedef _Bool bool;
typedef signed char __s8;
typedef unsigned char __u8;
typedef short __s16;
typedef unsigned short __u16;
typedef int __s32;
typedef unsigned int __u32;
typedef long long __s64;
typedef unsigned long long __u64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;

#define NULL ((void *)0)
#define true 1
#define false 0

/* These belong to the kernel's fixed interface. */
enum bpf_map_type {
	BPF_MAP_TYPE_ARRAY = 2,
};

enum {
	BPF_F_MMAPABLE = 1 << 10,
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct kernfs_node {
	__u64 id;
};

enum cgroup_subsys_id {
	cpu_cgrp_id,
	memory_cgrp_id,
	pids_cgrp_id,
	CGROUP_SUBSYS_COUNT,
};

struct cgroup_subsys_state {
	struct cgroup *cgroup;
};

struct task_cputime {
	unsigned long long sum_exec_runtime;
};

struct cgroup_base_stat {
	struct task_cputime cputime;
};

struct cgroup {
	struct cgroup_subsys_state self;
	struct kernfs_node *kn;
	struct cgroup_subsys_state *subsys[CGROUP_SUBSYS_COUNT];
	struct cgroup_base_stat bstat;
};

/* cpu */

struct cfs_bandwidth {
	int nr_periods;
	int nr_throttled;
	__u64 throttled_time;
};

struct task_group {
	struct cgroup_subsys_state css;
	struct cfs_bandwidth cfs_bandwidth;
};

/* memory */

typedef struct {
	long counter;
} atomic_long_t;

struct page_counter {
	atomic_long_t usage;
	unsigned long watermark;
};

/* memory.stat's items. The kernel packs those that it counts for cgroups since 6.10; the lists
 * stand first in both orders, so their numbers are the same. */
enum node_stat_item {
	NR_INACTIVE_FILE,
};

struct memcg_vmstats {
	long state[1];
};

struct mem_cgroup {
	struct cgroup_subsys_state css;
	struct page_counter memory;
	struct page_counter swap;
	struct memcg_vmstats *vmstats;
};

/* pids */

typedef struct {
	__s64 counter;
} atomic64_t;

struct pids_cgroup {
	struct cgroup_subsys_state css;
	atomic64_t counter;
};

/* iterators */

struct bpf_iter_meta {
	__u64 seq_num;
};

struct bpf_iter__cgroup {
	struct bpf_iter_meta *meta;
	struct cgroup *cgroup;
};

#pragma clang attribute pop

#endif
