// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Walks a cgroup and all below it, and writes one record each into a mapped array.
 *
 * The records don't go through the iterator's own output: that ends at 32 KB. The walk holds
 * cgroup_mutex, so it does no more than it is asked for. */
#include "bpf/vmlinux.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#include "bpf/cgroup_stat.h"
#include "bpf/kernel_versions.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct cgroup_stat_pass pass;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* set by user space */
	__type(key, __u32);
	__type(value, struct cgroup_stat_record);
} records SEC(".maps");

static __always_inline void read_throttled(
	struct cgroup_stat_record *record, struct cgroup_subsys_state *css)
{
	struct task_group *group = typed(struct task_group, css); /* css is its first member */

	if (!bpf_core_field_exists(struct task_group, cfs_bandwidth)) /* CONFIG_CFS_BANDWIDTH */
		return;
	record->throttled_periods = (__u32)load(group->cfs_bandwidth.nr_throttled);
	record->periods = (__u32)load(group->cfs_bandwidth.nr_periods);
	record->throttled_ns = load(group->cfs_bandwidth.throttled_time);
	record->valid |= CGROUP_STAT_THROTTLED;
}

/* What memory.stat is written from: of this cgroup and all below it, removed ones included, as of
 * the last flush, which user space sees to. Not lru_zone_size: the multi-generational LRU leaves
 * that at 0. */
static __always_inline void read_inactive_file(
	struct cgroup_stat_record *record, struct mem_cgroup *memcg)
{
	const __u32 item = bpf_core_enum_value(enum node_stat_item, NR_INACTIVE_FILE);
	struct memcg_vmstats *stats = load(memcg->vmstats);
	long pages;

	if (!stats)
		return;
	/* The verifier takes no index into an array whose length it was not told. */
	if (bpf_core_read(&pages, sizeof(pages), &stats->state[item]))
		return;
	record->inactive_file = pages > 0 ? (__u64)pages : 0; /* the kernel's way too */
	record->valid |= CGROUP_STAT_INACTIVE_FILE;
}

/* Each field is in a cache line of its own, so none is touched for nothing. */
static __always_inline void read_memory(
	struct cgroup_stat_record *record, struct cgroup_subsys_state *css)
{
	struct mem_cgroup *memcg = typed(struct mem_cgroup, css);

	if (pass.wanted & CGROUP_STAT_MEMORY) {
		record->memory_usage = load(memcg->memory.usage.counter);
		record->valid |= CGROUP_STAT_MEMORY;
	}
	if (pass.wanted & CGROUP_STAT_MEMORY_PEAK) {
		record->memory_peak = load(memcg->memory.watermark);
		record->valid |= CGROUP_STAT_MEMORY_PEAK;
	}
	if (pass.wanted & CGROUP_STAT_SWAP) {
		record->swap = load(memcg->swap.usage.counter);
		record->valid |= CGROUP_STAT_SWAP;
	}
	if (pass.wanted & CGROUP_STAT_INACTIVE_FILE)
		read_inactive_file(record, memcg);
}

static __always_inline void read_pids(
	struct cgroup_stat_record *record, struct cgroup_subsys_state *css)
{
	record->pids = load(typed(struct pids_cgroup, css)->counter.counter);
	record->valid |= CGROUP_STAT_PIDS;
}

static __always_inline void read_controllers(
	struct cgroup_stat_record *record, struct cgroup *cgroup)
{
	struct cgroup_subsys_state *css;

	if (pass.wanted & CGROUP_STAT_THROTTLED) {
		css = controller_of(cgroup, cpu_cgrp_id);
		if (css)
			read_throttled(record, css);
	}
	if (pass.wanted & CGROUP_STAT_OF_MEMORY) {
		css = controller_of(cgroup, memory_cgrp_id);
		if (css)
			read_memory(record, css);
	}
	if (pass.wanted & CGROUP_STAT_PIDS) {
		css = controller_of(cgroup, pids_cgrp_id);
		if (css)
			read_pids(record, css);
	}
}

SEC("iter.s/cgroup")
int cgroup_stat(struct bpf_iter__cgroup *ctx)
{
	struct cgroup *cgroup = ctx->cgroup;
	struct cgroup_stat_record *record;
	__u32 index;

	if (!cgroup) /* the end of the walk */
		return 0;
	/* Once, at the top: it covers all below, and costs a third of doing it for each. */
	if (ctx->meta->seq_num == 0 && pass.wanted & CGROUP_STAT_CPU) {
		flush_subtree(cgroup);
		pass.at_ns = bpf_ktime_get_ns();
	}
	index = pass.count;
	record = index < pass.capacity ? bpf_map_lookup_elem(&records, &index) : NULL;
	if (!record) {
		pass.dropped++;
		return 0;
	}
	pass.count = index + 1;
	record->id = cgroup->kn->id;
	record->valid = 0;
	if (pass.wanted & CGROUP_STAT_CPU) {
		record->cpu_usage_ns = cgroup->bstat.cputime.sum_exec_runtime;
		record->valid |= CGROUP_STAT_CPU;
	}
	read_controllers(record, cgroup);
	return 0;
}
