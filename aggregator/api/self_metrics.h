/* /metrics: the program's figures about itself. */
#ifndef API_SELF_METRICS_H
#define API_SELF_METRICS_H

#include "aggregator/api/router.h"
#include "base/telemetry.h"

/* `telemetry` must outlive the router. */
void self_metrics_add_routes(struct router *router, struct telemetry *telemetry);

#endif
