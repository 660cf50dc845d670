#include "aggregator/api/api.h"

#include "aggregator/api/certificate_reload.h"
#include "aggregator/api/core_api.h"
#include "aggregator/api/exchange.h"
#include "aggregator/api/gate.h"
#include "aggregator/api/health.h"
#include "aggregator/api/metrics_api.h"
#include "aggregator/api/reply.h"
#include "aggregator/api/root_api.h"
#include "aggregator/api/router.h"
#include "aggregator/api/self_metrics.h"
#include "aggregator/api/server.h"
#include "base/clock.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <stdlib.h>

struct api {
	struct certificate_reload *certificate;
	struct server *server;
	struct router *router;
	struct metrics_api *metrics;
	struct health *health;
	struct exchange_codes *codes;
	bool ends, draining;
	struct gate *gate;
};

static enum request_method method_of(const struct evhttp_request *http)
{
	static const struct {
		enum evhttp_cmd_type evhttp;
		enum request_method ours;
	} METHODS[] = {
		{EVHTTP_REQ_GET, REQUEST_GET},
		{EVHTTP_REQ_HEAD, REQUEST_HEAD},
		{EVHTTP_REQ_POST, REQUEST_POST},
		{EVHTTP_REQ_PUT, REQUEST_PUT},
		{EVHTTP_REQ_PATCH, REQUEST_PATCH},
		{EVHTTP_REQ_DELETE, REQUEST_DELETE},
		{EVHTTP_REQ_OPTIONS, REQUEST_OPTIONS},
		{EVHTTP_REQ_TRACE, REQUEST_TRACE},
		{EVHTTP_REQ_CONNECT, REQUEST_CONNECT},
	};

	for (size_t i = 0; i < sizeof(METHODS) / sizeof(METHODS[0]); i++)
		if (METHODS[i].evhttp == evhttp_request_get_command(http))
			return METHODS[i].ours;
	return REQUEST_OTHER;
}

/* Before anyone knows who asks. False: *ret_status says what is wrong. */
static bool parse(struct exchange *exchange, struct status *ret_status)
{
	struct request *request = &exchange->request;
	struct error err;
	int r;

	if (server_header_too_large(exchange->http)) {
		*ret_status = status_header_too_large(SERVER_MAX_HEADER_BYTES);
		return false;
	}
	r = request_parse(request, request->method, evhttp_request_get_uri(exchange->http),
		request->headers, &err);
	/* A watch is refused anyway, and its timeout is not looked at. */
	if (r == 0 && !request_query_bool(request, "watch"))
		r = request_check_timeout(request, &err);
	if (r < 0)
		*ret_status = r == -ENOMEM ? status_internal(err.message)
					   : status_bad_request(err.message);
	return r == 0;
}

/* The way of a request: parse, then the gate, which routes it. */
static void handle(void *context, struct evhttp_request *http)
{
	struct api *api = context;
	struct exchange *exchange = exchange_new(http, api->codes);
	struct status status;

	if (!exchange) {
		evhttp_send_error(http, 500, NULL);
		return;
	}
	if (api->draining)
		reply_header(exchange, "Connection", "close");
	exchange->request.method = method_of(http);
	if (parse(exchange, &status))
		gate_enter(api->gate, exchange);
	else
		reply_status(exchange, &status);
}

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
	return value ? value : otherwise;
}

static const char *going_on(void *context)
{
	const struct api *api = context;

	return api->ends ? "it was told to end" : NULL;
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
	api->metrics = metrics_api_new(api->router, options->store);
	api->health = health_new(api->router, &health);
	if (!api->metrics || !api->health)
		return -ENOMEM;
	if (options->core_api)
		core_api_add_routes(api->router, options->store);
	root_api_add_routes(api->router, options->core_api);
	self_metrics_add_routes(api->router, options->telemetry);
	return 0;
}

static struct gate *new_gate(const struct api *api, const struct api_options *options)
{
	const struct gate_options gate = {
		.access = options->access,
		.router = api->router,
		.max_in_flight = or_default(options->max_requests_in_flight, API_MAX_REQUESTS),
		.telemetry = options->telemetry,
	};

	return gate_new(&gate);
}

static int start_server(struct api *api, const struct api_options *options, struct event_base *base,
	struct error *err)
{
	const struct certificate_reload_options certificate = {
		.cert_file = options->cert_file,
		.key_file = options->key_file,
		.tls_min_version = options->tls_min_version,
		.telemetry = options->telemetry,
	};
	struct server_options server = {
		.bind_address = options->bind_address,
		.port = options->port,
		.max_connections = or_default(options->max_connections, API_MAX_CONNECTIONS),
		.handshake_ms = or_default(options->handshake_ms, API_HANDSHAKE_MS),
		.receive_ms = or_default(options->receive_ms, API_RECEIVE_MS),
		.idle_ms = or_default(options->idle_ms, API_IDLE_MS),
		.stall_ms = or_default(options->stall_ms, API_STALL_MS),
		.handle = handle,
		.context = api,
		.telemetry = options->telemetry,
	};

	api->certificate = certificate_reload_new(&certificate, base);
	if (!api->certificate)
		return error_errno(err, ENOMEM, "starting the API");
	server.tls = certificate_reload_first(api->certificate, err);
	if (!server.tls)
		return -EINVAL;
	api->server = server_start(&server, base, err);
	if (!api->server)
		return -EINVAL;
	if (certificate_reload_start(api->certificate, api->server) < 0)
		return error_errno(err, ENOMEM, "starting the API");
	return 0;
}

struct api *api_start(const struct api_options *options, struct event_base *base, struct error *err)
{
	struct api *api = calloc(1, sizeof(*api));

	if (!api) {
		(void)error_errno(err, ENOMEM, "starting the API");
		return NULL;
	}
	api->router = router_new();
	api->codes = exchange_codes_new(options->telemetry);
	api->gate = new_gate(api, options);
	if (!api->router || !api->codes || !api->gate || add_routes(api, options) < 0) {
		(void)error_errno(err, ENOMEM, "starting the API");
		api_stop(api);
		return NULL;
	}
	if (start_server(api, options, base, err) < 0) {
		api_stop(api);
		return NULL;
	}
	return api;
}

void api_stop(struct api *api)
{
	if (!api)
		return;
	certificate_reload_free(api->certificate);
	server_stop(
		api->server); /* before what follows: its connections end in what is freed next */
	metrics_api_free(api->metrics);
	health_free(api->health);
	router_free(api->router);
	gate_free(api->gate);
	exchange_codes_free(api->codes);
	free(api);
}

uint16_t api_port(const struct api *api)
{
	return server_port(api->server);
}

void api_announce_end(struct api *api)
{
	api->ends = true;
}

void api_drain(struct api *api)
{
	api->draining = true;
}

size_t api_requests(const struct api *api)
{
	return server_requests(api->server);
}
