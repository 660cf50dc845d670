#include "aggregator/api/core_api.h"

#include "aggregator/api/core_list.h"
#include "aggregator/api/core_object.h"
#include "aggregator/api/discovery.h"
#include "aggregator/api/negotiate.h"
#include "aggregator/api/reply.h"

static bool takes_json(struct exchange *exchange)
{
	struct status status;

	if (negotiate_plain_json(request_header(&exchange->request, "Accept")))
		return true;
	status = status_unknown_type();
	reply_status(exchange, &status);
	return false;
}

static void list(struct exchange *exchange, struct store *store, enum core_kind kind,
	const char *resource, const char *namespace)
{
	struct list_options options;
	struct page_source source;
	struct status status;

	if (!takes_json(exchange))
		return;
	if (!list_options_parse(&exchange->request, "", resource, &options, &status)) {
		reply_status(exchange, &status);
		return;
	}
	if (core_list_open(store, kind, namespace, &options, request_pretty(&exchange->request),
		    &source)) {
		reply_pages(exchange, "application/json", &source);
		return;
	}
	status = status_internal("memory is short");
	reply_status(exchange, &status);
}

static void list_nodes(void *store, struct exchange *exchange)
{
	list(exchange, store, CORE_NODES, "nodes", NULL);
}

/* Of one namespace, or of all where the route has no parameter. */
static void list_pods(void *store, struct exchange *exchange)
{
	list(exchange, store, CORE_PODS, "pods", exchange->parameters[0]);
}

static void list_namespaces(void *store, struct exchange *exchange)
{
	list(exchange, store, CORE_NAMESPACES, "namespaces", NULL);
}

static bool write_node(void *out, const struct store_node_view *node)
{
	core_object_write_node(node, true, out);
	buffer_append_char(out, '\n');
	return true;
}

static bool write_pod(void *out, const struct store_pod_view *pod)
{
	core_object_write_pod(pod, true, out);
	buffer_append_char(out, '\n');
	return true;
}

static bool write_namespace(void *out, const struct store_pod_view *pod)
{
	core_object_write_namespace(pod->namespace, true, out);
	buffer_append_char(out, '\n');
	return true;
}

/* `body` has the object, or is empty when there is none. Frees it. */
static void reply_object(
	struct exchange *exchange, struct buffer *body, const char *resource, const char *name)
{
	struct status status;

	if (body->length > 0 || body->failed) {
		reply_json(exchange, 200, body);
	} else {
		status = status_not_found("", resource, name);
		reply_status(exchange, &status);
	}
	buffer_free(body);
}

static void get_node(void *store, struct exchange *exchange)
{
	const char *name = exchange->parameters[0];
	struct buffer body = {0};

	if (!takes_json(exchange))
		return;
	(void)store_get_node(store, name, write_node, &body);
	reply_object(exchange, &body, "nodes", name);
}

static void get_pod(void *store, struct exchange *exchange)
{
	const char *namespace = exchange->parameters[0], *name = exchange->parameters[1];
	struct buffer body = {0};

	if (!takes_json(exchange))
		return;
	(void)store_get_pod(store, namespace, name, write_pod, &body);
	reply_object(exchange, &body, "pods", name);
}

/* A namespace is there when it has a pod. */
static void get_namespace(void *store, struct exchange *exchange)
{
	const char *name = exchange->parameters[0];
	struct store_cursor cursor = {0};
	struct buffer body = {0};

	if (!takes_json(exchange))
		return;
	while (body.length == 0 && !cursor.finished && !body.failed)
		if (store_visit_pods(store, name, NULL, &cursor, 1, write_namespace, &body) < 0)
			body.failed = true;
	store_cursor_free(&cursor);
	reply_object(exchange, &body, "namespaces", name);
}

static void list_resources(void *context, struct exchange *exchange)
{
	struct buffer body = {0};

	(void)context;
	discovery_write_core_resources(&body);
	reply_json(exchange, 200, &body);
	buffer_free(&body);
}

void core_api_add_routes(struct router *router, struct store *store)
{
	router_add(router, "/api/v1/nodes", ROUTER_SLASH, list_nodes, store);
	router_add(router, "/api/v1/nodes/*", ROUTER_SLASH, get_node, store);
	router_add(router, "/api/v1/pods", ROUTER_SLASH, list_pods, store);
	router_add(router, "/api/v1/namespaces/*/pods", ROUTER_SLASH, list_pods, store);
	router_add(router, "/api/v1/namespaces/*/pods/*", ROUTER_SLASH, get_pod, store);
	router_add(router, "/api/v1/namespaces", ROUTER_SLASH, list_namespaces, store);
	router_add(router, "/api/v1/namespaces/*", ROUTER_SLASH, get_namespace, store);
	router_add(router, "/api/v1", ROUTER_SLASH | ROUTER_INDEX, list_resources, NULL);
	router_claim(router, "/api/v1");
}
