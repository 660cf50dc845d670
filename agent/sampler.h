/* One look at everything on this node, each time it is asked: from the cgroup tree to figures in
 * row order. Knows nothing of the wire nor of time between two looks. */
#ifndef AGENT_SAMPLER_H
#define AGENT_SAMPLER_H

#include "agent/hierarchy.h"
#include "agent/node.h"
#include "agent/reader.h"
#include "agent/roster.h"
#include "agent/sample.h"
#include "base/error.h"
#include "base/telemetry.h"
#include "proto/metric.h"

#include <stdbool.h>
#include <stdint.h>

struct sampler_options {
	const char *cgroup_root; /* "" or "/a/b": where kubepods stands below the v2 root */
	const char *log_root;    /* "/var/log" */
	bool bounded; /* leave out what an aggregator would not take: roster_builder_bound() */
	bool units;   /* without kubepods, show units and top-level cgroups */
	enum reader_source source;
	metric_set metrics;
	uint64_t window_ns;
	uint64_t interval_ns; /* between two calls of sampler_run() */
	struct telemetry *telemetry;
};

struct sampler;

/* NULL and a message: no cgroup v2, a root that can't be opened, BPF asked for and denied. */
struct sampler *sampler_new(const struct sampler_options *options, struct error *err);
void sampler_free(struct sampler *sampler);

/* Looks once. The roster and the sample are the sampler's, valid until the next call. 0, or
 * -ENOMEM: then there is nothing to send this time, and the next call starts anew. */
int sampler_run(struct sampler *sampler, const struct roster **ret_roster,
	const struct sample **ret_sample);

/* The raw counters of the last look, valid until the next sampler_run(): of a container at its
 * slot, where `count` is more than that. */
struct sampler_raw {
	const struct reading *readings;
	uint32_t count;
	const struct reading *node;
};
void sampler_raw(const struct sampler *sampler, struct sampler_raw *ret_raw);

/* The cgroup v2 mount point. */
const char *sampler_v2(const struct sampler *sampler);

/* What the node has; see node_capacity(). */
void sampler_capacity(const struct sampler *sampler, struct node_capacity *ret_capacity);

#endif
