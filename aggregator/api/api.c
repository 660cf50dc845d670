#include "aggregator/api/api.h"

#include "aggregator/api/certificate_reload.h"
#include "aggregator/api/core_api.h"
#include "aggregator/api/custom_api.h"
#include "aggregator/api/exchange.h"
#include "aggregator/api/health.h"
#include "aggregator/api/listening_socket.h"
#include "aggregator/api/metrics_api.h"
#include "aggregator/api/root_api.h"
#include "aggregator/api/router.h"
#include "aggregator/api/self_metrics.h"
#include "aggregator/api/serving_load.h"
#include "aggregator/api/serving_loop.h"
#include "base/clock.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

struct api {
	/* What all serving loops use; nothing of it changes, or any thread may change it. */
	struct certificate_reload *certificate;
	struct router *router;
	struct metrics_api *metrics;
	struct custom_api *custom;
	struct health *health;
	struct self_metrics *self_metrics;
	struct exchange_tally *tally;
	struct serving_load *load;
	_Atomic bool ends, draining;

	int socket; /* -1: none */
	struct serving_loop *loops[API_MAX_SERVING_THREADS];
	size_t count, made;
};

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
	return value ? value : otherwise;
}

static const char *going_on(void *context)
{
	const struct api *api = context;

	return atomic_load(&api->ends) ? "it was told to end" : NULL;
}

static int add_routes(struct api *api, const struct api_options *options)
{
	struct probes_check conditions[API_MAX_CONDITIONS + 1];
	struct health_options health = {
		.store = options->store,
		.metadata = options->metadata,
		.ready_ns = or_default(options->ready_ms, API_READY_MS) * NS_PER_MS,
		.conditions = conditions,
	};

	for (size_t i = 0; i < options->condition_count && i < API_MAX_CONDITIONS; i++)
		conditions[health.condition_count++] =
			(struct probes_check){options->conditions[i].name,
				options->conditions[i].check, options->conditions[i].context};
	conditions[health.condition_count++] = (struct probes_check){"shutdown", going_on, api};
	api->metrics = metrics_api_new(api->router, options->store, options->telemetry);
	api->health = health_new(api->router, &health);
	if (!api->metrics || !api->health)
		return -ENOMEM;
	if (options->custom_metrics) {
		api->custom =
			custom_api_new(api->router, options->store, metrics_api_room(api->metrics));
		if (!api->custom)
			return -ENOMEM;
	}
	if (options->core_api)
		core_api_add_routes(api->router, options->store);
	root_api_add_routes(api->router, options->core_api, options->custom_metrics);
	api->self_metrics = self_metrics_new(api->router, options->telemetry, options->store);
	return api->self_metrics ? 0 : -ENOMEM;
}

static int add_loop(struct api *api, const struct api_options *options, struct error *err)
{
	const struct serving_loop_options loop = {
		.index = api->made,
		.count = api->count,
		.loops = api->loops,
		.access = options->access,
		.router = api->router,
		.tally = api->tally,
		.load = api->load,
		.certificate = api->certificate,
		.draining = &api->draining,
		.socket = api->socket,
		.deadlines =
			{
				.handshake_ms = or_default(options->handshake_ms, API_HANDSHAKE_MS),
				.receive_ms = or_default(options->receive_ms, API_RECEIVE_MS),
				.idle_ms = or_default(options->idle_ms, API_IDLE_MS),
				.stall_ms = or_default(options->stall_ms, API_STALL_MS),
			},
		.telemetry = options->telemetry,
	};

	api->loops[api->made] = serving_loop_new(&loop, err);
	if (!api->loops[api->made])
		return -ENOMEM;
	api->made++;
	return 0;
}

/* None runs before all are there: they hand connections to one another. */
static int start_loops(struct api *api, const struct api_options *options, struct error *err)
{
	int r = 0;

	while (r == 0 && api->made < api->count)
		r = add_loop(api, options, err);
	for (size_t i = 0; r == 0 && i < api->count; i++)
		r = serving_loop_start(api->loops[i], err);
	return r;
}

static int make_parts(struct api *api, const struct api_options *options, struct error *err)
{
	const struct serving_load_options load = {
		.loops = api->count,
		.max_connections = or_default(options->max_connections, API_MAX_CONNECTIONS),
		.max_in_flight = or_default(options->max_requests_in_flight, API_MAX_REQUESTS),
	};

	api->router = router_new();
	api->tally = exchange_tally_new(options->telemetry);
	api->load = serving_load_new(&load);
	if (!api->router || !api->tally || !api->load || add_routes(api, options) < 0)
		return error_errno(err, ENOMEM, "starting the API");
	return 0;
}

static int start(struct api *api, const struct api_options *options, struct event_base *base,
	struct error *err)
{
	const struct certificate_reload_options certificate = {
		.cert_file = options->cert_file,
		.key_file = options->key_file,
		.tls_min_version = options->tls_min_version,
		.telemetry = options->telemetry,
	};
	int r = make_parts(api, options, err);

	if (r < 0)
		return r;
	api->certificate = certificate_reload_start(&certificate, base, err);
	if (!api->certificate)
		return -EINVAL;
	api->socket = listening_socket_open(options->bind_address, options->port, err);
	return api->socket < 0 ? api->socket : start_loops(api, options, err);
}

struct api *api_start(const struct api_options *options, struct event_base *base, struct error *err)
{
	struct api *api = calloc(1, sizeof(*api));

	if (!api) {
		(void)error_errno(err, ENOMEM, "starting the API");
		return NULL;
	}
	api->socket = -1;
	api->count = or_default(options->serving_threads, 1);
	if (api->count > API_MAX_SERVING_THREADS)
		api->count = API_MAX_SERVING_THREADS;
	if (start(api, options, base, err) < 0) {
		api_stop(api);
		return NULL;
	}
	return api;
}

static void stop_loops(struct api *api)
{
	for (size_t i = 0; i < api->made; i++)
		serving_loop_stop(api->loops[i]);
	for (size_t i = 0; i < api->made; i++)
		serving_loop_join(api->loops[i]);
	for (size_t i = 0; i < api->made; i++)
		serving_loop_free(api->loops[i]);
}

void api_stop(struct api *api)
{
	if (!api)
		return;
	stop_loops(api); /* first: their connections end in what is freed next */
	if (api->socket >= 0)
		(void)close(api->socket);
	certificate_reload_free(api->certificate);
	custom_api_free(api->custom);
	metrics_api_free(api->metrics);
	health_free(api->health);
	self_metrics_free(api->self_metrics);
	router_free(api->router);
	exchange_tally_free(api->tally);
	serving_load_free(api->load);
	free(api);
}

uint16_t api_port(const struct api *api)
{
	return listening_socket_port(api->socket);
}

void api_announce_end(struct api *api)
{
	atomic_store(&api->ends, true);
}

void api_drain(struct api *api)
{
	atomic_store(&api->draining, true);
}

size_t api_requests(const struct api *api)
{
	return serving_load_requests(api->load);
}
