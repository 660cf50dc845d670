/* One agent of the fleet: a connection of agent/target's, and what goes over it, made by the
 * agent's own encoders. */
#ifndef SCALE_FLEET_AGENT_H
#define SCALE_FLEET_AGENT_H

#include "agent/sample.h"
#include "agent/target.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/telemetry.h"
#include "proto/metric.h"
#include "tests/bench/scale/fleet_world.h"

#include <nng/supplemental/tls/tls.h>
#include <stdint.h>

/* What all agents have in common. Zero-initialise, then fill in the first part. */
struct fleet_wire {
	uint16_t port;
	nng_tls_config *tls;
	metric_set metrics;
	uint32_t interval_ms;
	struct telemetry *telemetry;

	/* What was queued for a connection. */
	uint64_t hellos, catalogs, samples;
	uint64_t offline; /* Samples that were not made: there was no connection */

	struct buffer message;
	struct sample sample;
};
void fleet_wire_free(struct fleet_wire *wire);

struct fleet_agent {
	const struct world_node *node;
	struct target target;

	/* What its rows' figures are made of, side by side: a walk over thousands of pods each
	 * second is mostly waiting for memory. */
	uint64_t *row_hash;
	struct sample_turn turn;
	uint64_t row_revision; /* of the node's when they were gathered; 0: never */
};

/* Connects an agent that is not connecting, when its node is there, and hangs up when it has left;
 * in between looks after the connection. Call it each second. 0, or -errno and a message when it
 * can't connect for another reason than that nobody is there. */
int fleet_agent_care(
	struct fleet_agent *agent, struct fleet_wire *wire, uint64_t now_ns, struct error *err);

/* Sends what an agent sends when its interval has passed: Hello and Catalog if they are due, and a
 * Sample whose figures are of `realtime_ns`. */
void fleet_agent_tick(struct fleet_agent *agent, struct fleet_wire *wire, uint64_t realtime_ns);

/* For tests: appends the messages to `wire->message`. */
void fleet_agent_encode_hello(const struct fleet_agent *agent, struct fleet_wire *wire);
void fleet_agent_encode_catalog(const struct fleet_agent *agent, struct fleet_wire *wire);
void fleet_agent_encode_sample(
	struct fleet_agent *agent, struct fleet_wire *wire, uint64_t realtime_ns);

#endif
