#include "aggregator/api/self_metrics.h"

#include "aggregator/api/reply.h"
#include "base/process_figures.h"

#include <stdlib.h>

struct self_metrics {
	struct telemetry *telemetry;
	struct store *store;
	struct telemetry_series *served;
};

static void show(void *context, struct exchange *exchange)
{
	struct self_metrics *metrics = context;
	struct buffer body = {0};

	telemetry_set(metrics->served, store_served_nodes(metrics->store));
	telemetry_render(metrics->telemetry, &body);
	process_figures_render(&body);
	reply_body(exchange, 200, "text/plain; version=0.0.4; charset=utf-8", &body);
	buffer_free(&body);
}

struct self_metrics *self_metrics_new(
	struct router *router, struct telemetry *telemetry, struct store *store)
{
	struct self_metrics *metrics = calloc(1, sizeof(*metrics));

	if (!metrics)
		return NULL;
	metrics->telemetry = telemetry;
	metrics->store = store;
	metrics->served = telemetry_gauge(telemetry, "tacho_aggregator_nodes_served",
		"Nodes that there are figures of, for all who ask", NULL, NULL);
	telemetry_set(telemetry_gauge(telemetry, "tacho_aggregator_build_info",
			      "1; its label says which version this is", "version", TACHO_VERSION),
		1);
	router_add(router, "/metrics", ROUTER_INDEX, show, metrics);
	return metrics;
}

void self_metrics_free(struct self_metrics *metrics)
{
	free(metrics);
}
