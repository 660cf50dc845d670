// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Tells user space of each thread that the OOM killer marks as a victim, and where it is.
 *
 * Kills are rare, so each is told by itself: so that one in a cgroup that user space does not know
 * yet, or never will, is not lost. A process can be marked more than once, for its threads mark
 * themselves when they need memory to end: who counts has to see to that. */
#include "bpf/vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "bpf/oom.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024); /* some 500 events between two looks */
} events SEC(".maps");

/* Events for which there was no room. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} dropped SEC(".maps");

static __always_inline void drop(void)
{
	__u32 key = 0;
	__u64 *count = bpf_map_lookup_elem(&dropped, &key);

	if (count)
		__sync_fetch_and_add(count, 1);
}

/* (victim, its user): before 6.8 the victim was but a number, which user space refuses. */
SEC("tp_btf/mark_victim")
int marked(__u64 *arguments)
{
	struct task_struct *victim = (struct task_struct *)arguments[0];
	struct cgroup *cgroup = victim->cgroups->dfl_cgrp;
	struct oom_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event) {
		drop();
		return 0;
	}
	event->process = (__u32)victim->tgid;
	event->started_ns = victim->group_leader->start_time;
	event->depth = 0;
	for (int i = 0; i < OOM_NAMES; i++)
		event->name[i][0] = '\0';
	for (int i = 0; i < OOM_DEPTH && cgroup; i++) {
		struct cgroup_subsys_state *parent = cgroup->self.parent;

		event->id[i] = cgroup->kn->id;
		event->depth = (__u32)i + 1;
		if (i < OOM_NAMES)
			(void)bpf_probe_read_kernel_str(
				event->name[i], OOM_NAME_SIZE, cgroup->kn->name);
		if (!parent)
			break;
		cgroup = parent->cgroup;
	}
	bpf_ringbuf_submit(event, 0);
	return 0;
}
