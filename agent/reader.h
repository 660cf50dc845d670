/* Reads the raw counters of all containers, from the best source there is for each field.
 *
 * The signals (agent/signals.h) first, each for its own fields, when one of them is wanted.
 * Then BPF's walk, for the fields that it gives; the files for the others, and for a cgroup that
 * BPF missed. At the first reading and every minute the two are compared: BPF, the files, and BPF
 * again, so that what a file says must lie between the two looks around it. What may be off
 * besides: rounding to the file's microseconds; for memory the kernel's per-CPU batching. A
 * difference that three such looks at the same cgroup confirm is logged and counted, and the file
 * wins for that field from then on. */
#ifndef AGENT_READER_H
#define AGENT_READER_H

#include "agent/cgroup_tree.h"
#include "agent/hierarchy.h"
#include "agent/reading.h"
#include "agent/source.h"
#include "base/error.h"
#include "base/telemetry.h"

enum reader_source {
	READER_SOURCE_AUTO, /* BPF where it loads, files otherwise: the reason is logged */
	READER_SOURCE_BPF,  /* BPF, or fail; fields that it does not give still come from files */
	READER_SOURCE_FILES,
};

struct oom_ledger;

struct reader_options {
	const struct hierarchy *hierarchy;
	enum reader_source source;
	field_set wanted;
	uint32_t max_cgroups;
	struct telemetry *telemetry;
	uint64_t window_ns;            /* of percentiles */
	struct oom_ledger *oom_ledger; /* see struct signal_options; may be NULL */
};

struct reader;

/* Opens the sources that the options name. NULL and a message: a mount point that can't be opened,
 * BPF asked for and denied, no memory. With READER_SOURCE_AUTO a BPF program that does not load is
 * logged, and no error. */
struct reader *reader_new(const struct reader_options *options, struct error *err);
void reader_free(struct reader *reader);

/* A reader of two given sources, which it takes over: `fast` may be NULL. For tests and benchmarks.
 * NULL when memory is short; the sources are then freed. */
struct reader *reader_new_from(
	struct source *fast, struct source *files, field_set wanted, struct telemetry *telemetry);

/* Hands over a further source, which is asked before all others for the fields that it gives: what
 * it leaves out comes from the files where they have it. Before the first cgroup is added. 0, or
 * -ENOSPC beyond SIGNALS_MAX: it is freed then. */
int reader_take_signal(struct reader *reader, struct source *signal);

/* For cgroup_tree_events. */
void reader_add(struct reader *reader, struct cgroup *cgroup);
void reader_remove(struct reader *reader, struct cgroup *cgroup);

/* Tells which tree is walked (cgroup_tree_top); cheap when it is the same as before. */
void reader_set_top(struct reader *reader, const char *top);

/* Reads every container into readings[slot], slots 0..count-1, which the reader clears first. */
void reader_read(struct reader *reader, struct reading *readings, uint32_t count);

/* Which source gives `field` now: "bpf", "files", a signal's name (agent/signals.h), or "" when
 * none does. */
const char *reader_source_of(const struct reader *reader, enum field field);

#endif
