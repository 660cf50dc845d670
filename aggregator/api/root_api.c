#include "aggregator/api/root_api.h"

#include "aggregator/api/discovery.h"
#include "aggregator/api/json_indent.h"
#include "aggregator/api/openapi_api.h"
#include "aggregator/api/reply.h"
#include "aggregator/api/version.h"

static void show_index(void *router, struct exchange *exchange)
{
	struct buffer body = {0};

	router_write_index(router, &body);
	reply_body(exchange, 200, "application/json", &body);
	buffer_free(&body);
}

/* Cached by kube-aggregator for a minute, and asked for again by the tag. */
static void send_aggregated(
	struct exchange *exchange, enum discovery_form form, bool core, bool custom)
{
	struct buffer body = {0};
	char etag[DISCOVERY_ETAG_BYTES];

	if (core)
		discovery_write_core_aggregated(form, &body);
	else
		discovery_write_aggregated(form, custom, &body);
	discovery_etag(&body, etag);
	reply_header(exchange, "ETag", etag);
	reply_header(exchange, "Vary", "Accept");
	if (discovery_etag_matches(request_header(&exchange->request, "If-None-Match"), etag))
		reply_empty(exchange, 304);
	else
		reply_body(exchange, 200, discovery_content_type(form), &body);
	buffer_free(&body);
}

static void send_discovery(struct exchange *exchange, bool core, bool custom)
{
	enum discovery_form form =
		discovery_negotiate(request_header(&exchange->request, "Accept"));
	struct buffer body = {0};
	struct status status;

	if (form == DISCOVERY_UNSERVED) {
		status = status_unknown_form();
		reply_status(exchange, &status);
		return;
	}
	if (form != DISCOVERY_LEGACY) {
		send_aggregated(exchange, form, core, custom);
		return;
	}
	if (core)
		discovery_write_core_versions(&body);
	else
		discovery_write_groups(custom, &body);
	reply_header(exchange, "Vary", "Accept");
	reply_json(exchange, 200, &body);
	buffer_free(&body);
}

static void show_core(void *context, struct exchange *exchange)
{
	(void)context;
	send_discovery(exchange, true, false);
}

static void show_groups(void *context, struct exchange *exchange)
{
	(void)context;
	send_discovery(exchange, false, false);
}

static void show_more_groups(void *context, struct exchange *exchange)
{
	(void)context;
	send_discovery(exchange, false, true);
}

static void show_version(void *context, struct exchange *exchange)
{
	struct buffer compact = {0}, body = {0};
	struct json_indent indent = {0};

	(void)context;
	version_write(TACHO_VERSION, &compact);
	json_indent_append(
		&indent, compact.data, compact.length, &body); /* always, as Kubernetes */
	reply_body(exchange, 200, "application/json", &body);
	buffer_free(&compact);
	buffer_free(&body);
}

void root_api_add_routes(struct router *router, bool core, bool custom)
{
	router_add(router, "/", 0, show_index, router);
	router_add(router, "/version", ROUTER_SLASH | ROUTER_INDEX, show_version, NULL);
	router_add(router, "/apis", ROUTER_SLASH | ROUTER_INDEX,
		custom ? show_more_groups : show_groups, NULL);
	openapi_api_add_routes(router, custom);
	if (core)
		router_add(router, "/api", ROUTER_SLASH | ROUTER_INDEX, show_core, NULL);
}
