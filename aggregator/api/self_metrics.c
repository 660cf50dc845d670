#include "aggregator/api/self_metrics.h"

#include "aggregator/api/reply.h"

static void show(void *telemetry, struct exchange *exchange)
{
	struct buffer body = {0};

	telemetry_render(telemetry, &body);
	reply_body(exchange, 200, "text/plain; version=0.0.4; charset=utf-8", &body);
	buffer_free(&body);
}

void self_metrics_add_routes(struct router *router, struct telemetry *telemetry)
{
	router_add(router, "/metrics", ROUTER_INDEX, show, telemetry);
}
