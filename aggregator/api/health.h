/* The probes' routes, and what this program checks in them. */
#ifndef API_HEALTH_H
#define API_HEALTH_H

#include "aggregator/api/probes.h"
#include "aggregator/api/router.h"
#include "aggregator/store/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEALTH_MAX_CONDITIONS 8

struct health_options {
	struct store *store;
	bool metadata;     /* it is known which nodes there are, see store.h */
	uint64_t ready_ns; /* how long /readyz waits for nodes: from now on or, with metadata, from
			      when the conditions were seen to hold */
	const struct probes_check *conditions; /* of /readyz besides; copied */
	size_t condition_count;                /* at most HEALTH_MAX_CONDITIONS are taken */
};

struct health;

/* Adds /healthz, /livez and /readyz, each with a path for each check. Live is a program whose loop
 * answers; ready is one of which the conditions are true and that has heard of 90 % of the nodes
 * (without metadata: of a node), or has waited for them long enough. `store` and the conditions'
 * names must outlive it, and it the router. The checks may be run by several threads at a time.
 * NULL when memory is short. */
struct health *health_new(struct router *router, const struct health_options *options);
void health_free(struct health *health);

#endif
