#include "aggregator/api/gate.h"

#include "aggregator/access/open_paths.h"
#include "aggregator/api/forbidden.h"
#include "aggregator/api/reply.h"
#include "aggregator/api/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define RETRY_AFTER_S 1 /* k8s.io/apiserver's */

struct gate {
	struct gate_options options;
	struct telemetry_series *now_in_flight, *streams, *rejected;
};

struct gate *gate_new(const struct gate_options *options)
{
	struct gate *gate = calloc(1, sizeof(*gate));

	if (!gate)
		return NULL;
	gate->options = *options;
	gate->now_in_flight =
		telemetry_gauge(options->telemetry, "tacho_aggregator_http_requests_in_flight",
			"HTTPS requests of known clients that are not answered yet.", NULL, NULL);
	gate->streams = telemetry_gauge(options->telemetry, "tacho_aggregator_http_streams",
		"Of these, answers that are sent page by page, as their client reads.", NULL, NULL);
	gate->rejected = telemetry_counter(options->telemetry,
		"tacho_aggregator_http_requests_rejected_total",
		"HTTPS requests answered with 429, for too many were under way or waited.", NULL,
		NULL);
	return gate;
}

void gate_free(struct gate *gate)
{
	free(gate);
}

/* The exchange ends, whatever it has come to. */
static void leave(struct exchange *exchange)
{
	struct gate *gate = exchange->gate;

	if (exchange->pending)
		access_desk_cancel(exchange->pending);
	exchange->pending = NULL;
	if (exchange->in_flight) {
		serving_load_leave(gate->options.load);
		telemetry_subtract(gate->now_in_flight, 1);
	}
	exchange->in_flight = false;
	if (exchange->streams) {
		serving_load_end_stream(gate->options.load);
		telemetry_subtract(gate->streams, 1);
	}
	exchange->streams = false;
}

static void refuse(struct exchange *exchange, struct status status)
{
	reply_status(exchange, &status);
}

static void reject(struct exchange *exchange)
{
	struct gate *gate = exchange->gate;
	char seconds[12];

	telemetry_add(gate->rejected, 1);
	(void)snprintf(seconds, sizeof(seconds), "%d", RETRY_AFTER_S);
	reply_header(exchange, "Retry-After", seconds);
	refuse(exchange, status_too_many_requests(
				 "Too many requests, please try again later.", RETRY_AFTER_S));
}

static void forbid(struct exchange *exchange, const char *reason)
{
	reply_header(exchange, "X-Content-Type-Options", "nosniff");
	refuse(exchange, forbidden_status(&exchange->attributes.is, reason));
}

static void on_authorized(void *context, enum access_result result, const char *reason)
{
	struct exchange *exchange = context;
	struct gate *gate = exchange->gate;

	exchange->pending = NULL;
	switch (result) {
	case ACCESS_YES:
		router_dispatch(gate->options.router, exchange);
		break;
	case ACCESS_NO:
		forbid(exchange, reason);
		break;
	case ACCESS_BUSY:
		reject(exchange);
		break;
	case ACCESS_FAILED:
	default:
		refuse(exchange, status_internal(reason));
		break;
	}
}

/* False when too many are under way. kube-aggregator, who is a master, comes in always, and so do
 * probes (Kubernetes' flow schemas exempt both): or an overload would look like death. */
static bool count_in(struct gate *gate, struct exchange *exchange)
{
	struct serving_load *load = gate->options.load;

	if (!serving_load_enter(load)) {
		if (!user_in_group(&exchange->user, GROUP_MASTERS) &&
			!open_paths_are_probes(exchange->request.path))
			return false;
		serving_load_enter_anyway(load);
	}
	exchange->in_flight = true;
	telemetry_add(gate->now_in_flight, 1);
	return true;
}

/* In flight alone, a few hundred clients that do not read would be all there is. */
static bool may_stream(struct exchange *exchange)
{
	struct gate *gate = exchange->gate;
	struct serving_load *load = gate->options.load;

	if (!serving_load_stream(load)) {
		if (!user_in_group(&exchange->user, GROUP_MASTERS)) {
			reject(exchange);
			return false;
		}
		serving_load_stream_anyway(load);
	}
	exchange->streams = true;
	telemetry_add(gate->streams, 1);
	return true;
}

static void let_in(struct gate *gate, struct exchange *exchange)
{
	if (count_in(gate, exchange))
		access_desk_authorize(gate->options.desk, &exchange->attributes.is, on_authorized,
			exchange, &exchange->pending);
	else
		reject(exchange);
}

static void on_authenticated(
	void *context, enum access_result result, struct user *user, const char *reason)
{
	struct exchange *exchange = context;
	struct gate *gate = exchange->gate;

	(void)reason; /* is access' to log: who is not known is told nothing */
	exchange->pending = NULL;
	if (result == ACCESS_BUSY) {
		reject(exchange);
	} else if (result != ACCESS_YES) {
		refuse(exchange, status_unauthorized());
	} else {
		exchange->user = *user;
		*user = (struct user){0};
		let_in(gate, exchange);
	}
}

void gate_enter(struct gate *gate, struct exchange *exchange)
{
	struct error err;

	exchange->gate = gate;
	exchange->leave = leave;
	exchange->may_stream = may_stream;
	if (access_desk_is_public(gate->options.desk, exchange->request.path)) {
		router_dispatch(gate->options.router, exchange);
		return;
	}
	if (request_attributes_make(
		    &exchange->request, &exchange->user, &exchange->attributes, &err) < 0) {
		(void)error_context(&err, 0, "failed to create RequestInfo");
		refuse(exchange, status_internal(err.message));
		return;
	}
	access_desk_authenticate(gate->options.desk, server_tls(exchange->http),
		server_peer(exchange->http), exchange->request.headers, on_authenticated, exchange,
		&exchange->pending);
}
