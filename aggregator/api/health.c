#include "aggregator/api/health.h"

#include "aggregator/api/probes.h"
#include "aggregator/api/reply.h"
#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

struct health {
	struct store *store;
	uint64_t ready_at_ns; /* CLOCK_MONOTONIC */
	bool seen_a_node;
	struct probes_check checks[2];
	struct probes_probe healthz, livez, readyz;
};

static const char *ping(void *context)
{
	(void)context;
	return NULL;
}

/* Once it was so it stays: that every node has left since is a figure, and no reason to leave
 * clients without answers. */
static const char *first_node(void *context)
{
	struct health *health = context;

	if (!health->seen_a_node)
		health->seen_a_node = store_served_nodes(health->store) > 0 ||
				      clock_monotonic_ns() >= health->ready_at_ns;
	return health->seen_a_node ? NULL : "no node has reported yet";
}

static void send_text(struct exchange *exchange, bool passed, const struct buffer *body)
{
	reply_header(exchange, "X-Content-Type-Options", "nosniff");
	reply_body(exchange, passed ? 200 : 500, "text/plain; charset=utf-8", body);
}

static void show_probe(void *context, struct exchange *exchange)
{
	struct buffer body = {0};
	bool passed = probes_run(context, &exchange->request, &body);

	send_text(exchange, passed, &body);
	buffer_free(&body);
}

static void show_check(void *context, struct exchange *exchange)
{
	const struct probes_check *check = probes_find(context, exchange->parameters[0]);
	struct buffer body = {0};
	struct status status;

	if (!check) {
		status = status_route_not_found();
		reply_status(exchange, &status);
		return;
	}
	send_text(exchange, probes_run_one(check, &body), &body);
	buffer_free(&body);
}

struct health *health_new(struct router *router, struct store *store, uint64_t ready_ns)
{
	struct health *health = calloc(1, sizeof(*health));

	if (!health)
		return NULL;
	health->store = store;
	health->ready_at_ns = clock_monotonic_ns() + ready_ns;
	health->checks[0] = (struct probes_check){"ping", ping, health};
	health->checks[1] = (struct probes_check){"first-node", first_node, health};
	health->healthz = (struct probes_probe){"healthz", health->checks, 1};
	health->livez = (struct probes_probe){"livez", health->checks, 1};
	health->readyz = (struct probes_probe){"readyz", health->checks, 2};
	router_add(router, "/healthz", ROUTER_HEAD | ROUTER_INDEX, show_probe, &health->healthz);
	router_add(router, "/livez", ROUTER_HEAD | ROUTER_INDEX, show_probe, &health->livez);
	router_add(router, "/readyz", ROUTER_HEAD | ROUTER_INDEX, show_probe, &health->readyz);
	router_add(router, "/healthz/*", ROUTER_HEAD, show_check, &health->healthz);
	router_add(router, "/livez/*", ROUTER_HEAD, show_check, &health->livez);
	router_add(router, "/readyz/*", ROUTER_HEAD, show_check, &health->readyz);
	return health;
}

void health_free(struct health *health)
{
	free(health);
}

bool health_is_probe(const struct request *request)
{
	const char *name = request->segments[0];

	return request->segment_count == 1 && !request->trailing_slash && !request->unroutable &&
	       (strcmp(name, "healthz") == 0 || strcmp(name, "livez") == 0 ||
		       strcmp(name, "readyz") == 0);
}
