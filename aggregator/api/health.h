/* The probes' routes, and what this program checks in them. */
#ifndef API_HEALTH_H
#define API_HEALTH_H

#include "aggregator/api/router.h"
#include "aggregator/store/store.h"

#include <stdint.h>

struct health;

/* Adds /healthz, /livez and /readyz, each with a path for each check. Live is a program whose loop
 * answers; ready is one that has heard of a node, or has waited `ready_ns` for the first.
 * `store` must outlive it, and it the router. NULL when memory is short. */
struct health *health_new(struct router *router, struct store *store, uint64_t ready_ns);
void health_free(struct health *health);

/* True for exactly /healthz, /livez and /readyz, which everyone may ask. */
bool health_is_probe(const struct request *request);

#endif
