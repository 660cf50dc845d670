#include "aggregator/api/health.h"

#include "aggregator/api/reply.h"
#include "base/clock.h"

#include <stdatomic.h>
#include <stdlib.h>

#define MOST_PERCENT 90 /* of the nodes that there are */
#define OWN_CHECKS   2

struct health {
	struct store *store;
	uint64_t ready_ns;
	/* Serving loops ask at the same time. */
	_Atomic uint64_t ready_at_ns; /* CLOCK_MONOTONIC */
	_Atomic bool seen_nodes;
	struct probes_check checks[OWN_CHECKS + HEALTH_MAX_CONDITIONS];
	size_t check_count;
	struct probes_probe healthz, livez, readyz;
};

static const char *ping(void *context)
{
	(void)context;
	return NULL;
}

/* Once it was so it stays: that every node has left since is a figure, and no reason to leave
 * clients without answers. */
static const char *latch(struct health *health, bool now, const char *reason)
{
	if (!now && clock_monotonic_ns() >= health->ready_at_ns)
		now = true;
	if (now)
		health->seen_nodes = true;
	return health->seen_nodes ? NULL : reason;
}

static const char *first_node(void *context)
{
	struct health *health = context;

	return latch(health, store_served_nodes(health->store) > 0, "no node has reported yet");
}

static bool conditions_hold(const struct health *health)
{
	for (size_t i = OWN_CHECKS; i < health->check_count; i++)
		if (health->checks[i].check(health->checks[i].context))
			return false;
	return true;
}

/* A half-filled answer makes the HPA scale wrongly. While the nodes are being listed a few are soon
 * 90 % of them; and without kube-apiserver no agent is let in, so that waiting begins when it is
 * there. */
static const char *nodes_reported(void *context)
{
	static const char REASON[] = "less than 90 % of the nodes have reported yet";
	struct health *health = context;
	size_t known, served;

	if (!health->seen_nodes && !conditions_hold(health)) {
		health->ready_at_ns = clock_monotonic_ns() + health->ready_ns;
		return REASON;
	}
	known = store_known_nodes(health->store);
	served = store_served_nodes(health->store);
	return latch(health, known > 0 && served * 100 >= known * MOST_PERCENT, REASON);
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

static void add_routes(struct health *health, struct router *router)
{
	router_add(router, "/healthz", ROUTER_HEAD | ROUTER_INDEX, show_probe, &health->healthz);
	router_add(router, "/livez", ROUTER_HEAD | ROUTER_INDEX, show_probe, &health->livez);
	router_add(router, "/readyz", ROUTER_HEAD | ROUTER_INDEX, show_probe, &health->readyz);
	router_add(router, "/healthz/*", ROUTER_HEAD, show_check, &health->healthz);
	router_add(router, "/livez/*", ROUTER_HEAD, show_check, &health->livez);
	router_add(router, "/readyz/*", ROUTER_HEAD, show_check, &health->readyz);
}

struct health *health_new(struct router *router, const struct health_options *options)
{
	struct health *health = calloc(1, sizeof(*health));
	size_t count = 0;

	if (!health)
		return NULL;
	health->store = options->store;
	health->ready_ns = options->ready_ns;
	health->ready_at_ns = clock_monotonic_ns() + options->ready_ns;
	health->checks[count++] = (struct probes_check){"ping", ping, health};
	health->checks[count++] =
		options->metadata ? (struct probes_check){"nodes-reported", nodes_reported, health}
				  : (struct probes_check){"first-node", first_node, health};
	for (size_t i = 0; i < options->condition_count && i < HEALTH_MAX_CONDITIONS; i++)
		health->checks[count++] = options->conditions[i];
	health->check_count = count;
	health->healthz = (struct probes_probe){"healthz", health->checks, 1};
	health->livez = (struct probes_probe){"livez", health->checks, 1};
	health->readyz = (struct probes_probe){"readyz", health->checks, count};
	add_routes(health, router);
	return health;
}

void health_free(struct health *health)
{
	free(health);
}
