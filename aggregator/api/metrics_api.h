/* metrics.k8s.io: nodes and pods, get and list, and the group's discovery. */
#ifndef API_METRICS_API_H
#define API_METRICS_API_H

#include "aggregator/api/router.h"
#include "aggregator/store/store.h"

struct metrics_api;

/* Adds the group's routes; `store` must outlive it, and it the router. NULL when memory is
 * short. */
struct metrics_api *metrics_api_new(struct router *router, struct store *store);
void metrics_api_free(struct metrics_api *api);

#endif
