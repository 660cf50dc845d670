/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Counters of cgroups, per CPU. User space (agent/bpf_counts.c) makes an entry for each cgroup that
 * it wants counted and deletes it again; programs only look entries up. Define COUNTERS, the number
 * of counters of a cgroup, before. */
#ifndef BPF_COUNTS_BPF_H
#define BPF_COUNTS_BPF_H

#include "bpf/vmlinux.h"

#include <bpf/bpf_helpers.h>

struct counts {
	__u64 value[COUNTERS];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC); /* a set of counters a CPU is much for none */
	__uint(max_entries, 1);               /* set by user space */
	__type(key, __u64);                   /* the cgroup's id */
	__type(value, struct counts);
} counts SEC(".maps");

/* At which depths of the tree cgroups are counted: bit n = n folders below the root. Spares the
 * look-ups at the others. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} levels SEC(".maps");

#define LEVEL_MAX 16

static __always_inline __u32 counted_levels(void)
{
	__u32 key = 0, *mask = bpf_map_lookup_elem(&levels, &key);

	return mask ? *mask : 0;
}

/* A program can be interrupted on its CPU by another one, so a plain += could lose an update. */
static __always_inline void count(struct counts *counters, __u32 which, __u64 amount)
{
	if (counters)
		__sync_fetch_and_add(&counters->value[which], amount);
}

/* The counters of a cgroup, or of the nearest one above it that is counted; NULL = of none. */
static __always_inline struct counts *counts_of(struct cgroup *cgroup)
{
	__u32 mask = counted_levels();

	for (int i = 0; i < LEVEL_MAX && cgroup; i++) {
		struct cgroup_subsys_state *parent;

		if (mask >> (cgroup->level & 31) & 1) {
			__u64 id = cgroup->kn->id;
			struct counts *found = bpf_map_lookup_elem(&counts, &id);

			if (found)
				return found;
		}
		parent = cgroup->self.parent;
		if (!parent)
			break;
		cgroup = parent->cgroup;
	}
	return NULL;
}

#endif
