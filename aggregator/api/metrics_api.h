/* metrics.k8s.io: nodes and pods, get and list, and the group's discovery. */
#ifndef API_METRICS_API_H
#define API_METRICS_API_H

#include "aggregator/api/router.h"
#include "aggregator/store/store.h"
#include "base/telemetry.h"

/* Bytes that lists in protobuf may gather, all together (sized_list.h). */
#define METRICS_API_GATHER_ROOM (24U * 1024 * 1024)

struct metrics_api;
struct gather_room;

/* Adds the group's routes; `store` must outlive it, and it the router. NULL when memory is
 * short. */
struct metrics_api *metrics_api_new(
	struct router *router, struct store *store, struct telemetry *telemetry);
/* What lists in protobuf may gather; another group's may share it. The API's. */
struct gather_room *metrics_api_room(const struct metrics_api *api);
void metrics_api_free(struct metrics_api *api);

#endif
