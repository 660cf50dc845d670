/* A source made of one BPF object that counts for each cgroup: the kernel's side is
 * bpf/counts.bpf.h.
 *
 * A map holds an entry for each cgroup that was added here, and for no other: the programs count a
 * cgroup below one of them (a container in a container) for it, and what is none of ours for
 * nobody. An entry is made of one set of counters a CPU, so that no CPU waits for another. One
 * look takes one system call for all cgroups. */
#ifndef AGENT_BPF_COUNTS_H
#define AGENT_BPF_COUNTS_H

#include "agent/bpf_signal.h"
#include "agent/signal.h"
#include "agent/source.h"

/* What one object counts. Constant. */
struct bpf_counts_kind {
	const char *name;                          /* "network": of the source and the object */
	const void *(*object_bytes)(size_t *size); /* X__elf_bytes of the skeleton */
	size_t counters;                           /* of a cgroup, 64 bits each */

	/* The fields: fields[i] is counter i. With `fill`, which may be NULL, these are the fields
	 * that it fills, in any order. */
	const enum field *fields;
	size_t field_count;

	/* Puts the sum over all CPUs of a cgroup's counters into its reading, for the fields of
	 * `fields` alone, which no one gave yet. */
	void (*fill)(void *context, const struct cgroup *cgroup, const uint64_t *counters,
		field_set fields, struct reading *reading);

	/* Before the object is loaded: sets constants, leaves programs out. May be NULL. */
	int (*prepare)(struct bpf_signal *signal, struct error *err);

	bool at_top; /* the programs are of cgroup_skb, attached to the top of the tree */
};

/* Opens, loads and attaches the object. `context` is for `fill`. NULL and the reason in words. What
 * is at the top is attached by the first set_top(). */
struct source *bpf_counts_new(const struct bpf_counts_kind *kind,
	const struct signal_options *options, void *context, struct error *err);

/* The object, which lives as long as the source. */
const struct bpf_signal *bpf_counts_signal(const struct source *source);

/* Entries in the kernel's map, counted there: for tests. */
size_t bpf_counts_entries(const struct source *source);

#endif
