/* The agent's loop: looks at the node every interval and pushes what it saw. */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include "agent/push.h"
#include "agent/sampler.h"
#include "base/error.h"
#include "base/telemetry.h"

#include <stddef.h>

struct agent_options {
	struct sampler *sampler;
	struct push *push;
	const char *node_name;
	const void *credential; /* of the Hello */
	size_t credential_size;
	metric_set metrics;
	uint64_t interval_ns;
	struct telemetry *telemetry;
};

/* Runs until SIGTERM or SIGINT; SIGUSR1 writes the agent's own figures to the log. Blocks. 0 or
 * -errno. */
int agent_run(const struct agent_options *options, struct error *err);

#endif
