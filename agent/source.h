/* Where raw counters come from: one interface, two sources (files, BPF).
 *
 * A source is told which cgroups there are and fills one reading a slot when asked. It reads what
 * it can and leaves the other fields invalid; agent/reader.h puts the sources together. One
 * thread. */
#ifndef AGENT_SOURCE_H
#define AGENT_SOURCE_H

#include "agent/cgroup_tree.h"
#include "agent/reading.h"

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
	 * `count`: sets at_ns where the CPU counters were read, ors into `valid`, sets `gone` for
	 * a removed cgroup. Never touches fields outside of `fields`. Blocks for the time of the
	 * reading only. */
	void (*read)(
		struct source *source, field_set fields, struct reading *readings, uint32_t count);

	void (*free)(struct source *source);
};

/* A source's own struct starts with this. */
struct source {
	const struct source_ops *ops;
};

#endif
