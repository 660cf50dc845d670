/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What bpf/oom.bpf.c and agent/signal_oom.c say to each other. */
#ifndef BPF_OOM_H
#define BPF_OOM_H

#define OOM_DEPTH     16 /* the lowest folders of a path */
#define OOM_NAMES     3  /* of so many of them: what is in a container, the container, its pod */
#define OOM_NAME_SIZE 96

/* A thread that was marked as a victim. */
struct oom_event {
	__u64 started_ns; /* of its process: with the number, a name for it that no other has */
	__u32 process;
	__u32 depth;         /* of `id` */
	__u64 id[OOM_DEPTH]; /* of its cgroup, and of those above it */
	char name[OOM_NAMES][OOM_NAME_SIZE];
};

#endif
