// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* How long threads that could run waited for a CPU, by cgroup.
 *
 * A wait begins when a thread wakes up, is made, or loses its CPU while it could go on; it ends
 * when the thread is given a CPU. It counts for the cgroup that the thread is in then. The time it
 * began is kept with the task, so it goes when the task goes. */
#include "bpf/vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "bpf/run_queue.h"

#define COUNTERS RUN_QUEUE_COUNTERS
#include "bpf/counts.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} waiting_since SEC(".maps");

/* Waits that were not seen, for there was no memory for a task's time, or it was in use. */
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

static __always_inline void begin(struct task_struct *task, bool anew)
{
	__u64 *since =
		bpf_task_storage_get(&waiting_since, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (!since)
		drop();
	else if (anew || *since == 0) /* a wakeup of one that waits already changes nothing */
		*since = bpf_ktime_get_ns();
}

static __always_inline __u32 bucket_of(__u64 wait)
{
	__u32 bits = 0;

	wait >>= RUN_QUEUE_FIRST_BITS;
	if (wait >> 32) /* 73 minutes */
		return RUN_QUEUE_BUCKETS - 1;
	/* The number of bits that it takes. */
	if (wait >> 16) {
		bits += 16;
		wait >>= 16;
	}
	if (wait >> 8) {
		bits += 8;
		wait >>= 8;
	}
	if (wait >> 4) {
		bits += 4;
		wait >>= 4;
	}
	if (wait >> 2) {
		bits += 2;
		wait >>= 2;
	}
	bits += wait >= 2 ? 2 : (__u32)wait;
	return bits < RUN_QUEUE_BUCKETS ? bits : RUN_QUEUE_BUCKETS - 1;
}

static __always_inline void end(struct task_struct *task)
{
	__u64 *since = bpf_task_storage_get(&waiting_since, task, NULL, 0);
	struct counts *counters;
	__u64 wait, now;

	if (!since || *since == 0)
		return;
	now = bpf_ktime_get_ns();
	wait = now > *since ? now - *since : 0;
	*since = 0;
	counters = counts_of(task->cgroups->dfl_cgrp);
	if (!counters)
		return;
	count(counters, RUN_QUEUE_TOTAL_NS, wait);
	count(counters, RUN_QUEUE_FIRST_BUCKET + bucket_of(wait), 1);
}

/* One that blocks waits for no CPU. It may have been woken up before it got that far. */
static __always_inline void forget(struct task_struct *task)
{
	__u64 *since = bpf_task_storage_get(&waiting_since, task, NULL, 0);

	if (since)
		*since = 0;
}

/* The programs get the tracepoints' arguments as 64 bits each. */
SEC("tp_btf/sched_wakeup")
int woken(__u64 *arguments)
{
	begin((struct task_struct *)arguments[0], false);
	return 0;
}

SEC("tp_btf/sched_wakeup_new")
int made(__u64 *arguments)
{
	begin((struct task_struct *)arguments[0], false);
	return 0;
}

/* (preempted, from, to, the state of `from`): since 5.18. */
SEC("tp_btf/sched_switch")
int switched(__u64 *arguments)
{
	bool preempted = arguments[0];
	struct task_struct *from = (struct task_struct *)arguments[1];
	struct task_struct *to = (struct task_struct *)arguments[2];
	__u32 state = (__u32)arguments[3];

	if (from->pid != 0) { /* the idle task never waits */
		if (preempted || state == 0)
			begin(from, true);
		else
			forget(from);
	}
	if (to->pid != 0)
		end(to);
	return 0;
}
