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
	BPF_MAP_TYPE_PERCPU_HASH = 5,
	BPF_MAP_TYPE_RINGBUF = 27,
	BPF_MAP_TYPE_TASK_STORAGE = 29,
};

enum {
	BPF_F_NO_PREALLOC = 1 << 0,
	BPF_F_MMAPABLE = 1 << 10,
};

enum {
	BPF_LOCAL_STORAGE_GET_F_CREATE = 1 << 0,
};

struct __sk_buff {
	__u32 len;
};

enum {
	IPPROTO_TCP = 6,
};

enum {
	TCP_ESTABLISHED = 1,
	TCP_SYN_SENT = 2,
	TCP_SYN_RECV = 3,
	TCP_TIME_WAIT = 6,
	TCP_NEW_SYN_RECV = 12,
};

enum {
	AF_INET = 2,
	AF_INET6 = 10,
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct kernfs_node {
	const char *name;
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
	struct cgroup_subsys_state *parent;
};

struct task_cputime {
	unsigned long long sum_exec_runtime;
};

struct cgroup_base_stat {
	struct task_cputime cputime;
};

struct cgroup {
	struct cgroup_subsys_state self;
	int level;
	struct kernfs_node *kn;
	struct cgroup_subsys_state *subsys[CGROUP_SUBSYS_COUNT];
	struct cgroup_base_stat bstat;
};

/* processes */

struct css_set {
	struct cgroup *dfl_cgrp; /* in the v2 tree */
};

struct task_struct {
	int pid;
	int tgid;
	__u64 start_time;
	struct task_struct *group_leader;
	struct css_set *cgroups;
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

/* network */

struct sock_common {
	unsigned short skc_family;
	volatile unsigned char skc_state;
};

struct sock_cgroup_data {
	struct cgroup *cgroup;
};

struct sock {
	struct sock_common __sk_common;
	__u16 sk_protocol;
	struct sock_cgroup_data sk_cgrp_data;
};

struct sk_buff {
	struct sock *sk;
	char cb[48];
	int skb_iif;
};

struct tcp_skb_cb {
	union {
		struct {
			__u16 tcp_gso_segs;
		};
	};
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
