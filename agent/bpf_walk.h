/* The BPF program that walks cgroups (bpf/cgroup_stat.bpf.c): loading it, tying it to a folder,
 * letting it walk once. */
#ifndef AGENT_BPF_WALK_H
#define AGENT_BPF_WALK_H

#include "base/error.h"

#include <linux/types.h>
#include <stdint.h>

#include "bpf/cgroup_stat.h"

struct bpf_walk;
struct bpf_link;

/* Loads the program, with room for `capacity` records. NULL and a message fit for the log. Takes
 * about 0.1 s. */
struct bpf_walk *bpf_walk_new(uint32_t capacity, struct error *err);
void bpf_walk_free(struct bpf_walk *walk);

/* Ties the program to a folder of a cgroup tree, v2 or v1. 0, or -errno; destroy the link with
 * bpf_link__destroy(). A folder that is removed later is walked no more, also when it is made
 * anew. */
int bpf_walk_tie(
	struct bpf_walk *walk, const char *folder, struct bpf_link **ret_link, struct error *err);

/* What one pass found. Valid until the next one. */
struct bpf_walk_result {
	const struct cgroup_stat_record *records;
	uint32_t count;   /* 0: the folder is gone */
	uint32_t dropped; /* cgroups for which there was no room */
	uint64_t at_ns;   /* CLOCK_MONOTONIC of the CPU counters; 0 when they were not wanted */
};

/* Walks the folder of `link` and all below; `wanted` are bits CGROUP_STAT_*. 0 or -errno. Blocks
 * for the time of the walk, in which no cgroup can be made or removed. */
int bpf_walk_pass(struct bpf_walk *walk, const struct bpf_link *link, uint32_t wanted,
	struct bpf_walk_result *ret_result);

#endif
