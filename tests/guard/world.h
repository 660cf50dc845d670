/* A store of a cluster: Kubernetes tells it of many_pods.h's pods, agents of their figures. Fails
 * the running cmocka test when the store does not take that. */
#ifndef GUARD_WORLD_H
#define GUARD_WORLD_H

#include "aggregator/store/store.h"

#include <stddef.h>

struct world {
	size_t nodes;      /* of NODE_REPORT_PODS pods each */
	size_t containers; /* of each pod */
	size_t namespaces;
};

/* An empty one, in which nothing expires. */
struct store *world_store(const struct world *world, struct telemetry *telemetry);

void world_tell_nodes(struct store *store, const struct world *world);
void world_tell_pods(struct store *store, const struct world *world);
void world_tell_figures(struct store *store, const struct world *world);

#endif
