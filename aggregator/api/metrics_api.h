/* metrics.k8s.io: nodes and pods, get and list, and the group's discovery. */
#ifndef API_METRICS_API_H
#define API_METRICS_API_H

#include "aggregator/api/router.h"
#include "aggregator/store/store.h"
#include "base/telemetry.h"

/* Bytes that lists in protobuf may gather, all together (sized_list.h). */
#define METRICS_API_GATHER_ROOM (24U * 1024 * 1024)

struct metrics_api;

/* Adds the group's routes; `store` must outlive it, and it the router. NULL when memory is
 * short. */
struct metrics_api *metrics_api_new(
	struct router *router, struct store *store, struct telemetry *telemetry);
void metrics_api_free(struct metrics_api *api);

#endif
