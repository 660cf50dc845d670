/* The fast source: one pass of an `iter.s/cgroup` BPF program over the tree, into an array that is
 * mapped here. On a hybrid host a second pass walks the v1 memory hierarchy. */
#ifndef AGENT_SOURCE_BPF_H
#define AGENT_SOURCE_BPF_H

#include "agent/hierarchy.h"
#include "agent/source.h"
#include "base/error.h"
#include "base/telemetry.h"

/* Loads the programs. NULL and a message that says what is missing (BTF, CAP_BPF, CAP_PERFMON, a
 * kernel too old) and is fit for the log. `top` is what is walked, below the v2 root; it can be
 * changed later with source_bpf_set_top(). Holds at most `max_cgroups` records (all folders below
 * `top` count); what is beyond is counted and left to the files. */
struct source *source_bpf_new(const struct hierarchy *hierarchy, const char *top,
	uint32_t max_cgroups, struct telemetry *telemetry, struct error *err);

/* The fields that it gives where it loads. */
field_set source_bpf_fields(const struct hierarchy *hierarchy);

/* Walks another top from now on. 0 or -errno. */
int source_bpf_set_top(struct source *source, const char *top, struct error *err);

#endif
