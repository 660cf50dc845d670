/* /metrics: the program's figures about itself. */
#ifndef API_SELF_METRICS_H
#define API_SELF_METRICS_H

#include "aggregator/api/router.h"
#include "aggregator/store/store.h"
#include "base/telemetry.h"

struct self_metrics;

/* Adds its route. What it is given must outlive it, and it the router's use. NULL when memory is
 * short. */
struct self_metrics *self_metrics_new(
	struct router *router, struct telemetry *telemetry, struct store *store);
void self_metrics_free(struct self_metrics *metrics);

#endif
