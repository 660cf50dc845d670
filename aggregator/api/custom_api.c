#include "aggregator/api/custom_api.h"

#include "aggregator/api/custom_discovery.h"
#include "aggregator/api/custom_value.h"
#include "aggregator/api/custom_whole.h"
#include "aggregator/api/listing.h"
#include "aggregator/api/negotiate.h"
#include "aggregator/api/reply.h"
#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define GROUP CUSTOM_DISCOVERY_GROUP
#define ROOT  "/apis/" GROUP

/* What the handlers of one version know. */
struct version {
	struct store *store;
	struct gather_room *room;
	const char *name;
	bool v1beta1;
};

struct custom_api {
	struct version v1beta1, v1beta2;
};

/* --- what is asked ---------------------------------------------------------------------------- */

struct question {
	struct exchange *exchange;
	const char *resource; /* "pods", for what is said of it */
	struct custom_metric metric;
	struct representation as;
	struct label_selector *labels; /* of the pods or nodes; owned until it is handed on */
	bool none; /* metricLabelSelector wants what no metric has: they have no labels */
};

static bool negotiate(struct question *question)
{
	const struct request *request = &question->exchange->request;
	struct status status;

	switch (negotiate_object(request_header(request, "Accept"), &question->as)) {
	case NEGOTIATE_OK:
		question->as.pretty |= request_pretty(request);
		return true;
	case NEGOTIATE_UNKNOWN_TYPE:
		status = status_unknown_type();
		break;
	case NEGOTIATE_UNKNOWN_FORM:
	default:
		status = status_unknown_form();
		break;
	}
	reply_status(question->exchange, &status);
	return false;
}

/* An empty selector is none. False when it was answered with 400. */
static bool parse_selector(
	struct exchange *exchange, const char *key, struct label_selector **ret_selector)
{
	const char *text = request_query(&exchange->request, key);
	struct status status;
	struct error err;
	int r;

	*ret_selector = NULL;
	if (!text || !*text)
		return true;
	r = label_selector_parse(text, ret_selector, &err);
	if (r == 0)
		return true;
	status = r == -ENOMEM ? status_internal(err.message) : status_bad_request(err.message);
	reply_status(exchange, &status);
	return false;
}

static bool parse_selectors(struct question *question, bool takes_labels)
{
	const struct labels no_labels = {0};
	struct label_selector *of_metric;

	if (!parse_selector(question->exchange, "metricLabelSelector", &of_metric))
		return false;
	question->none = !label_selector_matches(of_metric, &no_labels);
	label_selector_free(of_metric);
	return !takes_labels ||
	       parse_selector(question->exchange, "labelSelector", &question->labels);
}

static void reply_metric_not_found(
	struct exchange *exchange, const char *metric, const char *resource, const char *name)
{
	struct status status = status_metric_not_found(metric, resource, name);

	reply_status(exchange, &status);
}

/* Everything but what is asked about. False when it was answered. `name` may be NULL. */
static bool read_question(struct question *question, const struct version *version,
	enum metric_scope scope, const char *metric, const char *name, bool takes_labels)
{
	question->metric.v1beta1 = version->v1beta1;
	if (!negotiate(question))
		return false;
	if (!custom_metric_find(metric, scope, &question->metric)) {
		reply_metric_not_found(question->exchange, metric, question->resource, name);
		return false;
	}
	return parse_selectors(question, takes_labels);
}

static const char *content_type(const struct representation *as)
{
	return as->media == MEDIA_JSON ? "application/json" : "application/vnd.kubernetes.protobuf";
}

static void reply_memory_short(struct exchange *exchange)
{
	struct status status = status_internal("memory is short");

	reply_status(exchange, &status);
}

/* --- one thing -------------------------------------------------------------------------------- */

/* What a 404 says of it, which comes when its pods were all walked over. */
struct whole {
	struct custom_whole *custom;
	const char *metric, *resource; /* constant */
};

static enum listing_state next_of_whole(void *context, struct buffer *out)
{
	const struct whole *whole = context;

	return custom_whole_next(whole->custom, out);
}

static void whole_not_found(void *context, struct exchange *exchange)
{
	const struct whole *whole = context;

	reply_metric_not_found(
		exchange, whole->metric, whole->resource, custom_whole_name(whole->custom));
}

static void free_whole(void *context)
{
	struct whole *whole = context;

	custom_whole_free(whole->custom);
	free(whole);
}

static void answer_whole(struct question *question, struct custom_whole_options *options)
{
	struct whole *whole = calloc(1, sizeof(*whole));
	const struct page_source source = {.next = next_of_whole,
		.not_found = whole_not_found,
		.free = free_whole,
		.context = whole};

	if (!whole) {
		label_selector_free(question->labels);
		reply_memory_short(question->exchange);
		return;
	}
	options->metric = question->metric;
	options->labels = question->labels;
	options->as = question->as;
	whole->metric = question->metric.name;
	whole->resource = question->resource;
	whole->custom = custom_whole_new(options);
	if (whole->custom) {
		reply_pages(question->exchange, content_type(&question->as), &source);
		return;
	}
	free(whole);
	reply_memory_short(question->exchange);
}

static void get_one(struct exchange *exchange, const struct version *version,
	struct custom_whole_options *options, const char *resource, const char *metric)
{
	struct question question = {.exchange = exchange, .resource = resource};
	bool takes_labels = options->thing == CUSTOM_NAMESPACE || options->thing == CUSTOM_WORKLOAD;

	if (!read_question(&question, version,
		    options->thing == CUSTOM_NODE ? METRIC_SCOPE_NODE : METRIC_SCOPE_CONTAINER,
		    metric, options->name, takes_labels))
		return;
	if (question.none) {
		label_selector_free(question.labels);
		reply_metric_not_found(exchange, metric, resource, options->name);
		return;
	}
	options->store = version->store;
	answer_whole(&question, options);
}

/* --- all of a kind ---------------------------------------------------------------------------- */

static enum listing_state next_page(void *context, struct buffer *out)
{
	return listing_next(context, out);
}

static void free_listing(void *context)
{
	listing_free(context);
}

static void reply_no_values(const struct question *question)
{
	bool v1beta1 = question->metric.v1beta1;
	struct buffer body = {0};

	if (question->as.media == MEDIA_PROTOBUF) {
		custom_value_begin_protobuf(v1beta1, 0, &body);
		reply_body(question->exchange, 200, content_type(&question->as), &body);
	} else {
		custom_value_begin_json(v1beta1, &body);
		custom_value_end_json(&body);
		reply_json(question->exchange, 200, &body);
	}
	buffer_free(&body);
}

static void list(struct exchange *exchange, const struct version *version,
	enum listing_resource resource, const char *namespace, const char *metric)
{
	struct question question = {
		.exchange = exchange, .resource = resource == LISTING_NODES ? "nodes" : "pods"};
	struct listing_options options = {.store = version->store,
		.room = version->room,
		.spare = EXCHANGE_SPARE,
		.resource = resource,
		.version = version->name,
		.namespace = namespace,
		.custom = &question.metric,
		.now_realtime_ns = clock_realtime_ns()};
	struct page_source source = {.next = next_page, .free = free_listing};

	if (!read_question(&question, version,
		    resource == LISTING_NODES ? METRIC_SCOPE_NODE : METRIC_SCOPE_CONTAINER, metric,
		    NULL, true))
		return;
	if (question.none) {
		label_selector_free(question.labels);
		reply_no_values(&question);
		return;
	}
	options.as = question.as;
	options.labels = question.labels;
	source.context = listing_new(&options);
	if (source.context)
		reply_pages(exchange, content_type(&question.as), &source);
	else
		reply_memory_short(exchange);
}

/* --- routes ----------------------------------------------------------------------------------- */

static bool is_all(const char *name)
{
	return strcmp(name, "*") == 0;
}

static void show_pods(void *version, struct exchange *exchange)
{
	const char *const *parameter = exchange->parameters;
	struct custom_whole_options options = {
		.thing = CUSTOM_POD, .namespace = parameter[0], .name = parameter[1]};

	if (is_all(parameter[1]))
		list(exchange, version, LISTING_PODS, parameter[0], parameter[2]);
	else
		get_one(exchange, version, &options, "pods", parameter[2]);
}

static void show_nodes(void *version, struct exchange *exchange)
{
	const char *const *parameter = exchange->parameters;
	struct custom_whole_options options = {.thing = CUSTOM_NODE, .name = parameter[0]};

	if (is_all(parameter[0]))
		list(exchange, version, LISTING_NODES, NULL, parameter[1]);
	else
		get_one(exchange, version, &options, "nodes", parameter[1]);
}

static void show_namespace(void *version, struct exchange *exchange)
{
	const char *const *parameter = exchange->parameters;
	struct custom_whole_options options = {
		.thing = CUSTOM_NAMESPACE, .namespace = parameter[0], .name = parameter[0]};

	get_one(exchange, version, &options, "namespaces", parameter[1]);
}

/* Which Deployments there are is not known, so that "*" names none. */
static void show_workload(void *version, struct exchange *exchange)
{
	const char *const *parameter = exchange->parameters;
	int kind = workload_by_resource(parameter[1]);
	struct custom_whole_options options = {
		.thing = CUSTOM_WORKLOAD, .namespace = parameter[0], .name = parameter[2]};

	if (kind < 0 || is_all(parameter[2])) {
		reply_metric_not_found(exchange, parameter[3], parameter[1],
			is_all(parameter[2]) ? NULL : parameter[2]);
		return;
	}
	options.workload = (enum workload_kind)kind;
	get_one(exchange, version, &options, workload_info(options.workload)->resource,
		parameter[3]);
}

static void list_resources(void *context, struct exchange *exchange)
{
	const struct version *version = context;
	struct buffer body = {0};

	custom_discovery_write_resources(version->name, &body);
	reply_json(exchange, 200, &body);
	buffer_free(&body);
}

static void show_group(void *context, struct exchange *exchange)
{
	struct buffer body = {0};

	(void)context;
	custom_discovery_write_group(&body);
	reply_json(exchange, 200, &body);
	buffer_free(&body);
}

#define ADD_VERSION(router, text, version)                                                        \
	do {                                                                                      \
		router_add(router, ROOT text "/namespaces/*/pods/*/*", 0, show_pods, version);    \
		router_add(                                                                       \
			router, ROOT text "/namespaces/*/metrics/*", 0, show_namespace, version); \
		router_add(router, ROOT text "/nodes/*/*", 0, show_nodes, version);               \
		router_add(router, ROOT text "/namespaces/*/*/*/*", 0, show_workload, version);   \
		router_add(                                                                       \
			router, ROOT text, ROUTER_SLASH | ROUTER_INDEX, list_resources, version); \
	} while (0)

struct custom_api *custom_api_new(
	struct router *router, struct store *store, struct gather_room *room)
{
	struct custom_api *api = calloc(1, sizeof(*api));

	if (!api)
		return NULL;
	api->v1beta1 = (struct version){store, room, "v1beta1", true};
	api->v1beta2 = (struct version){store, room, "v1beta2", false};
	ADD_VERSION(router, "/v1beta2", &api->v1beta2);
	ADD_VERSION(router, "/v1beta1", &api->v1beta1);
	router_add(router, ROOT, ROUTER_SLASH | ROUTER_INDEX, show_group, NULL);
	router_claim(router, ROOT);
	return api;
}

void custom_api_free(struct custom_api *api)
{
	free(api);
}
