/* `tacho-agent --once`: looks for one window, prints what was seen, and needs no aggregator. */
#ifndef AGENT_ONCE_H
#define AGENT_ONCE_H

#include "agent/sampler.h"
#include "base/error.h"

#include <stdint.h>
#include <stdio.h>

enum once_output {
	ONCE_TABLE,
	ONCE_JSON,
};

struct once_options {
	struct sampler *sampler;
	const char *node_name;
	metric_set metrics;
	uint64_t window_ns;   /* how long to look */
	uint64_t interval_ns; /* between two looks */
	enum once_output output;
};

/* Blocks for one window, then writes to `out`. A table has a line a container, figures in units
 * that people read; JSON has every figure as a whole number of its unit (docs/metrics.md). 0 or
 * -errno (a full disk or a closed pipe included). */
int once_run(const struct once_options *options, FILE *out, struct error *err);

#endif
