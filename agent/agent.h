/* The agent's loop: looks at the node every interval and pushes what it saw. */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include "agent/credential.h"
#include "agent/export_address.h"
#include "agent/fan_out.h"
#include "agent/resolver.h"
#include "agent/sampler.h"
#include "base/error.h"
#include "base/telemetry.h"

#include <stdint.h>

struct agent_options {
	struct sampler *sampler;
	struct fan_out *fan_out;
	struct resolver *resolver; /* of the aggregator's name; NULL: it has none */
	struct credential *credential;
	const struct export_flags *export; /* of /metrics */
	const char *node_name;
	metric_set metrics;
	uint64_t interval_ns;
	struct telemetry *telemetry;
};

/* Runs until SIGTERM or SIGINT; SIGUSR1 writes the agent's own figures to the log. Blocks. 0 or
 * -errno. A loop that stands still for a minute beyond the interval ends the process (watchdog). */
int agent_run(const struct agent_options *options, struct error *err);

#endif
