/* custom.metrics.k8s.io: one metric of a pod, a node, a namespace or a workload, or of all pods or
 * nodes that a selector names; and the group's discovery. */
#ifndef API_CUSTOM_API_H
#define API_CUSTOM_API_H

#include "aggregator/api/gather_room.h"
#include "aggregator/api/router.h"
#include "aggregator/store/store.h"

struct custom_api;

/* Adds the group's routes; `store` and `room` must outlive it, and it the router. NULL when memory
 * is short. */
struct custom_api *custom_api_new(
	struct router *router, struct store *store, struct gather_room *room);
void custom_api_free(struct custom_api *api);

#endif
