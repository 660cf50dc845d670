/* Where raw counters come from: one interface, two sources (files, BPF).
 *
 * A source is told which cgroups there are and fills one reading a slot when asked. It reads what
 * it can and leaves the other fields invalid; agent/reader.h puts the sources together. One
 * thread. */
#ifndef AGENT_SOURCE_H
#define AGENT_SOURCE_H

#include "agent/cgroup_tree.h"
#include "agent/reading.h"
#include "base/error.h"

struct source;

struct source_ops {
	const char *name; /* "files", "bpf" */

	/* The fields that this source can give on this machine. */
	field_set (*fields)(const struct source *source);

	/* Begins to read `cgroup`. A failure (no fds left) is not the end: the source says it once,
	 * counts it, and reads the cgroup in a dearer way or leaves its fields invalid. */
	void (*add)(struct source *source, const struct cgroup *cgroup);
	void (*remove)(struct source *source, const struct cgroup *cgroup);

	/* Reads `fields` of every cgroup that was added into readings[slot], for slots below
	 * `count`: sets at_ns when it reads the CPU usage, or when nobody did before; ors into
	 * `valid`; sets `gone` for a removed cgroup. Never touches fields outside of `fields`, nor
	 * what is valid already: so a second source fills the gaps of the first. Blocks for the
	 * time of the reading only. */
	void (*read)(
		struct source *source, field_set fields, struct reading *readings, uint32_t count);

	/* Walks another tree from now on (cgroup_tree_top). 0 or -errno. NULL when it makes no
	 * difference to the source. */
	int (*set_top)(struct source *source, const char *top, struct error *err);

	/* Gives back what is only kept for the next reading (open files), for there will be none
	 * soon. NULL when there is nothing. */
	void (*rest)(struct source *source);

	void (*free)(struct source *source);
};

/* A source's own struct starts with this. */
struct source {
	const struct source_ops *ops;
};

#endif
