/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What bpf/run_queue.bpf.c and agent/signal_run_queue.c say to each other: the counters of a
 * cgroup. */
#ifndef BPF_RUN_QUEUE_H
#define BPF_RUN_QUEUE_H

/* Bucket 0 has the waits below 2^RUN_QUEUE_FIRST_BITS ns, bucket b those from 2^(FIRST_BITS + b -
 * 1) to below the double of it; the last one also all that are longer (from 69 s on). */
#define RUN_QUEUE_FIRST_BITS 10
#define RUN_QUEUE_BUCKETS    28

enum {
	RUN_QUEUE_TOTAL_NS,
	RUN_QUEUE_FIRST_BUCKET,
	RUN_QUEUE_COUNTERS = RUN_QUEUE_FIRST_BUCKET + RUN_QUEUE_BUCKETS,
};

#endif
