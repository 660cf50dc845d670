#include "aggregator/api/metrics_api.h"

#include "aggregator/api/discovery.h"
#include "aggregator/api/gather_room.h"
#include "aggregator/api/list_options.h"
#include "aggregator/api/listing.h"
#include "aggregator/api/negotiate.h"
#include "aggregator/api/reply.h"
#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

#define GROUP DISCOVERY_METRICS_GROUP

static const char *resource_name(enum listing_resource resource)
{
	return resource == LISTING_NODES ? "nodes" : "pods";
}

static const char *content_type(const struct representation *as)
{
	return as->media == MEDIA_JSON ? "application/json" : "application/vnd.kubernetes.protobuf";
}

/* What the Accept header wants; false when it was answered with 406. */
static bool negotiate(struct exchange *exchange, bool list, struct representation *ret_as)
{
	struct status status;

	switch (negotiate_resource(request_header(&exchange->request, "Accept"), list, ret_as)) {
	case NEGOTIATE_OK:
		ret_as->pretty |= request_pretty(&exchange->request);
		return true;
	case NEGOTIATE_UNKNOWN_TYPE:
		status = status_unknown_type();
		break;
	case NEGOTIATE_UNKNOWN_FORM:
	default:
		status = status_unknown_form();
		break;
	}
	reply_status(exchange, &status);
	return false;
}

/* A Table's ?includeObject=; false when it was answered with 400. */
static bool parse_include(struct exchange *exchange, struct listing_options *options)
{
	const char *text = request_query(&exchange->request, "includeObject");
	struct status status;

	options->include = LISTING_INCLUDE_METADATA;
	if (options->as.form != FORM_TABLE || !text || !*text || strcmp(text, "Metadata") == 0)
		return true;
	if (strcmp(text, "Object") == 0) {
		options->include = LISTING_INCLUDE_OBJECT;
		return true;
	}
	if (strcmp(text, "None") == 0) {
		options->include = LISTING_INCLUDE_NONE;
		return true;
	}
	status = status_bad_request("Unable to convert to Table as requested: includeObject: "
				    "must be 'Metadata', 'Object', 'None', or empty");
	reply_status(exchange, &status);
	return false;
}

static enum listing_state next_page(void *context, struct buffer *out)
{
	return listing_next(context, out);
}

static void free_listing(void *context)
{
	listing_free(context);
}

/* For certain: an object is never this short. */
#define OBJECT_BYTES 64

/* All pods, of which there are many. To find that out by writing 128 KiB of them is most of what a
 * refused client costs. */
static bool is_long(const struct listing_options *options)
{
	return options->resource == LISTING_PODS && !options->namespace && !options->labels &&
	       !options->fields &&
	       store_totals(options->store).pods > REPLY_GZIP_BYTES / OBJECT_BYTES;
}

static void reply_memory_short(struct exchange *exchange)
{
	struct status status = status_internal("memory is short");

	reply_status(exchange, &status);
}

static void list(struct exchange *exchange, struct listing_options *options)
{
	struct page_source source = {.next = next_page, .free = free_listing};
	struct list_options parsed;
	struct status status;

	if (!negotiate(exchange, true, &options->as))
		return;
	if (!list_options_parse(&exchange->request, GROUP, resource_name(options->resource),
		    &parsed, &status)) {
		reply_status(exchange, &status);
		return;
	}
	if (!parse_include(exchange, options)) {
		label_selector_free(parsed.labels);
		field_selector_free(parsed.fields);
		return;
	}
	options->labels = parsed.labels;
	options->fields = parsed.fields;
	if (is_long(options) && !reply_expect_stream(exchange))
		return;
	options->now_realtime_ns = clock_realtime_ns();
	options->spare = EXCHANGE_SPARE;
	source.context = listing_new(options);
	if (source.context)
		reply_pages(exchange, content_type(&options->as), &source);
	else
		reply_memory_short(exchange);
}

static void reply_not_found(struct exchange *exchange, const struct listing_options *options)
{
	struct status status;
	struct buffer name = {0};
	const char *text;

	if (options->namespace)
		buffer_printf(&name, "%s/", options->namespace);
	buffer_append_string(&name, options->name);
	text = buffer_terminate(&name);
	status = status_not_found(GROUP,
		options->resource == LISTING_NODES ? "nodemetrics" : "podmetrics",
		text ? text : options->name);
	reply_status(exchange, &status);
	buffer_free(&name);
}

/* One object fits into memory whole. */
static void get(struct exchange *exchange, struct listing_options *options)
{
	enum listing_state state = LISTING_MORE;
	struct listing *listing;
	struct buffer body = {0};

	if (!negotiate(exchange, false, &options->as) || !parse_include(exchange, options))
		return;
	options->now_realtime_ns = clock_realtime_ns();
	listing = listing_new(options);
	if (!listing) {
		reply_memory_short(exchange);
		return;
	}
	while (state == LISTING_MORE)
		state = listing_next(listing, &body);
	if (state == LISTING_END)
		reply_body(exchange, 200, content_type(&options->as), &body);
	else if (state == LISTING_NOT_FOUND)
		reply_not_found(exchange, options);
	else
		reply_memory_short(exchange);
	buffer_free(&body);
	listing_free(listing);
}

/* --- routes ----------------------------------------------------------------------------------- */

/* What the handlers of one version know. */
struct version {
	struct store *store;
	struct gather_room *room;
	const char *name;
};

struct metrics_api {
	struct version v1, v1beta1;
	struct gather_room *room;
};

static struct listing_options options_of(
	const struct version *version, enum listing_resource resource)
{
	return (struct listing_options){.store = version->store,
		.room = version->room,
		.resource = resource,
		.version = version->name};
}

static void list_nodes(void *version, struct exchange *exchange)
{
	struct listing_options options = options_of(version, LISTING_NODES);

	list(exchange, &options);
}

static void get_node(void *version, struct exchange *exchange)
{
	struct listing_options options = options_of(version, LISTING_NODES);

	options.name = exchange->parameters[0];
	get(exchange, &options);
}

/* Of one namespace, or of all where the route has no parameter. */
static void list_pods(void *version, struct exchange *exchange)
{
	struct listing_options options = options_of(version, LISTING_PODS);

	options.namespace = exchange->parameters[0];
	list(exchange, &options);
}

static void get_pod(void *version, struct exchange *exchange)
{
	struct listing_options options = options_of(version, LISTING_PODS);

	options.namespace = exchange->parameters[0];
	options.name = exchange->parameters[1];
	get(exchange, &options);
}

static void list_resources(void *context, struct exchange *exchange)
{
	const struct version *version = context;
	struct buffer body = {0};

	discovery_write_resources(version->name, &body);
	reply_json(exchange, 200, &body);
	buffer_free(&body);
}

static void show_group(void *context, struct exchange *exchange)
{
	struct buffer body = {0};

	(void)context;
	discovery_write_group(&body);
	reply_json(exchange, 200, &body);
	buffer_free(&body);
}

#define ROOT "/apis/" GROUP

static void add_routes(struct router *router, struct metrics_api *api)
{
	struct version *v1 = &api->v1, *v1beta1 = &api->v1beta1;

	/* What is asked most stands first. */
	router_add(router, ROOT "/v1beta1/namespaces/*/pods", ROUTER_SLASH, list_pods, v1beta1);
	router_add(router, ROOT "/v1/namespaces/*/pods", ROUTER_SLASH, list_pods, v1);
	router_add(router, ROOT "/v1beta1/namespaces/*/pods/*", ROUTER_SLASH, get_pod, v1beta1);
	router_add(router, ROOT "/v1/namespaces/*/pods/*", ROUTER_SLASH, get_pod, v1);
	router_add(router, ROOT "/v1beta1/pods", ROUTER_SLASH, list_pods, v1beta1);
	router_add(router, ROOT "/v1/pods", ROUTER_SLASH, list_pods, v1);
	router_add(router, ROOT "/v1beta1/nodes", ROUTER_SLASH, list_nodes, v1beta1);
	router_add(router, ROOT "/v1/nodes", ROUTER_SLASH, list_nodes, v1);
	router_add(router, ROOT "/v1beta1/nodes/*", ROUTER_SLASH, get_node, v1beta1);
	router_add(router, ROOT "/v1/nodes/*", ROUTER_SLASH, get_node, v1);
	router_add(router, ROOT "/v1beta1", ROUTER_SLASH | ROUTER_INDEX, list_resources, v1beta1);
	router_add(router, ROOT "/v1", ROUTER_SLASH | ROUTER_INDEX, list_resources, v1);
	router_add(router, ROOT, ROUTER_SLASH | ROUTER_INDEX, show_group, NULL);
	router_claim(router, ROOT);
}

struct metrics_api *metrics_api_new(
	struct router *router, struct store *store, struct telemetry *telemetry)
{
	struct metrics_api *api = calloc(1, sizeof(*api));

	if (!api)
		return NULL;
	api->room = gather_room_new(METRICS_API_GATHER_ROOM, telemetry);
	if (!api->room) {
		free(api);
		return NULL;
	}
	api->v1 = (struct version){store, api->room, "v1"};
	api->v1beta1 = (struct version){store, api->room, "v1beta1"};
	add_routes(router, api);
	return api;
}

struct gather_room *metrics_api_room(const struct metrics_api *api)
{
	return api->room;
}

void metrics_api_free(struct metrics_api *api)
{
	if (api)
		gather_room_free(api->room);
	free(api);
}
