/* `tacho-agent --probe`: which signals this node can give, from which source, and what each costs.
 * Every source is opened by itself, watched for one window, and looked at as the agent would. */
#ifndef AGENT_PROBE_H
#define AGENT_PROBE_H

#include "base/error.h"
#include "base/telemetry.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct probe_options {
	const char *cgroup_root; /* see struct cgroup_tree_options */
	const char *node_name;
	uint64_t window_ns; /* how long to watch */
	uint64_t interval_ns;
	bool json;
	const char *not_measured; /* why the kernel does not measure BPF programs; NULL: it does */
	struct telemetry *telemetry;
};

/* Blocks for one window, then writes to `out`. 0 or -errno; what the node can't give is no error.
 */
int probe_run(const struct probe_options *options, FILE *out, struct error *err);

#endif
