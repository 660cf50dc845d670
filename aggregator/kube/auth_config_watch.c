#include "aggregator/kube/auth_config.h"

#include "aggregator/kube/backoff.h"
#include "aggregator/kube/call_end.h"
#include "aggregator/kube/json_lines.h"
#include "aggregator/kube/resource_query.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define NAME            "extension-apiserver-authentication"
#define MAX_VERSION     64
#define MAX_BYTES       (4U << 20) /* a ConfigMap has 1 MiB at most; JSON may need more for it */
#define LIST_TIMEOUT_NS (30 * NS_PER_SECOND)

/* One small object: listing it again costs nothing, so a watch need not be kept alive for long, and
 * one that is silent, though bookmarks come each minute, is not waited for. */
#define WATCH_S          300
#define WATCH_TIMEOUT_NS (330 * NS_PER_SECOND)
#define SILENCE_NS       (90 * NS_PER_SECOND)
#define PROVEN_NS        (10 * NS_PER_SECOND) /* one that lived so long has worked */
#define LOG_INTERVAL_NS  (10 * NS_PER_SECOND)

static const struct resource CONFIG_MAP = {
	.name = "ConfigMap kube-system/" NAME,
	.path = "/api/v1/namespaces/kube-system/configmaps",
	.field_selector = "metadata.name=" NAME,
};

struct auth_config_watch {
	struct kube_client *client;
	void (*on_change)(void *context, const struct auth_config *config);
	void *context;
	struct event *timer;
	struct backoff backoff;
	struct kube_call *call;

	/* Of the watch under way. */
	struct json_lines lines;
	uint64_t started_ns;
	struct error err;
	bool error_seen;
	struct call_end error;

	char resource_version[MAX_VERSION + 1];
	struct auth_config config; /* the last good one */
	bool loaded;
	struct log_limit failures, refusals;
	struct telemetry_series *changes, *refused, *failed;
};

static int start_watch(struct auth_config_watch *watch, struct error *err);

static void list_after(struct auth_config_watch *watch, uint32_t ms)
{
	const struct timeval wait = {
		.tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000 * 1000)};

	(void)evtimer_add(watch->timer, &wait);
}

static void fail(struct auth_config_watch *watch, const struct call_end *end)
{
	uint32_t wait_ms = backoff_next_ms(&watch->backoff, end->retry_after_s);
	uint64_t held_back;

	telemetry_add(watch->failed, 1);
	if (log_allowed(&watch->failures, LOG_INTERVAL_NS, &held_back))
		log_warn("following %s: %s; again in %u ms", CONFIG_MAP.name, end->text, wait_ms);
	list_after(watch, wait_ms);
}

static void fail_with(struct auth_config_watch *watch, int result, const struct error *err)
{
	struct call_end end;

	call_end_of_error(result, err, &end);
	fail(watch, &end);
}

/* --- the ConfigMap ---------------------------------------------------------------------------- */

static void take(struct auth_config_watch *watch, struct auth_config *config)
{
	if (watch->loaded && auth_config_same(config, &watch->config)) {
		auth_config_free(config);
		return;
	}
	auth_config_free(&watch->config);
	watch->config = *config;
	watch->loaded = true;
	telemetry_add(watch->changes, 1);
	log_info("%s was read", CONFIG_MAP.name);
	watch->on_change(watch->context, &watch->config);
}

static void take_object(struct auth_config_watch *watch, const json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT);
	struct auth_config config;
	struct error err;
	uint64_t held_back;
	int r;

	if (text)
		r = auth_config_parse(text, strlen(text), &config, &err);
	else
		r = error_errno(&err, ENOMEM, "reading it");
	free(text);
	if (r == 0) {
		take(watch, &config);
		return;
	}
	telemetry_add(watch->refused, 1);
	if (log_allowed(&watch->refusals, LOG_INTERVAL_NS, &held_back))
		log_warn("%s can't be used, %s stands: %s", CONFIG_MAP.name,
			watch->loaded ? "the last one" : "none", err.message);
}

static const json_t *metadata_of(const json_t *object)
{
	return json_object_get(object, "metadata");
}

static const char *text_in(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* A server that does not know the selector would send others too. */
static bool is_ours(const json_t *object)
{
	return strcmp(text_in(metadata_of(object), "name"), NAME) == 0;
}

/* --- the watch -------------------------------------------------------------------------------- */

static int take_error(struct auth_config_watch *watch, const json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT);
	struct kube_status status = {0};

	if (text)
		(void)kube_status_read_json(span_of(text, strlen(text)), &status);
	free(text);
	call_end_of_status(&status, &watch->error);
	watch->error_seen = true;
	return -ECANCELED;
}

static int take_event(struct auth_config_watch *watch, const json_t *event)
{
	const json_t *object = json_object_get(event, "object");
	const char *type = text_in(event, "type");

	if (strcmp(type, "ERROR") == 0)
		return take_error(watch, object);
	if (!json_is_object(object))
		return -EINVAL;
	if (!is_ours(object)) /* a bookmark's has no name */
		return 0;
	if (strcmp(type, "ADDED") == 0 || strcmp(type, "MODIFIED") == 0)
		take_object(watch, object);
	else if (strcmp(type, "DELETED") == 0)
		log_warn("%s was deleted; what it said stands", CONFIG_MAP.name);
	return 0;
}

static int on_line(void *context, const char *text, size_t size)
{
	struct auth_config_watch *watch = context;
	json_t *event = json_loadb(text, size, 0, NULL);
	int r;

	backoff_reset(&watch->backoff);
	r = event ? take_event(watch, event) : -EINVAL;
	json_decref(event);
	return r;
}

static int on_data(void *context, const void *data, size_t size)
{
	struct auth_config_watch *watch = context;

	return json_lines_feed(&watch->lines, data, size, &watch->err);
}

/* Whatever it was: the list tells what was missed. */
static void on_watch_done(void *context, const struct kube_response *response)
{
	struct auth_config_watch *watch = context;
	uint64_t age_ns = clock_monotonic_ns() - watch->started_ns;
	bool good = response->status >= 200 && response->status < 300;
	struct call_end end;

	watch->call = NULL;
	if (age_ns >= PROVEN_NS)
		backoff_reset(&watch->backoff);
	if (watch->error_seen)
		end = watch->error;
	else if (!good)
		call_end_of_response(response, &end);
	else
		end = (struct call_end){.why = CALL_END_DONE, .text = "the watch ended at once"};
	if (age_ns >= SILENCE_NS || (age_ns >= PROVEN_NS && good))
		list_after(watch, 0);
	else
		fail(watch, &end);
}

static int start_watch(struct auth_config_watch *watch, struct error *err)
{
	const struct watch_query query = {
		.resource_version = watch->resource_version, .timeout_s = WATCH_S};
	char *target = resource_query_watch(&CONFIG_MAP, &query);
	const struct kube_request request = {.method = "GET",
		.target = target,
		.timeout_ns = WATCH_TIMEOUT_NS,
		.silence_ns = SILENCE_NS,
		.on_data = on_data,
		.on_done = on_watch_done,
		.context = watch};

	if (!target)
		return error_errno(err, ENOMEM, "watching %s", CONFIG_MAP.name);
	buffer_clear(&watch->lines.line);
	watch->error_seen = false;
	watch->started_ns = clock_monotonic_ns();
	watch->call = kube_client_send(watch->client, &request, err);
	free(target);
	return watch->call ? 0 : -ENOMEM;
}

/* --- the list --------------------------------------------------------------------------------- */

static void take_items(struct auth_config_watch *watch, const json_t *items)
{
	for (size_t i = 0; i < json_array_size(items); i++) {
		const json_t *object = json_array_get(items, i);

		if (is_ours(object)) {
			take_object(watch, object);
			return;
		}
	}
	log_warn("there is no %s", CONFIG_MAP.name);
}

static int take_list(
	struct auth_config_watch *watch, const struct kube_response *response, struct error *err)
{
	json_t *list = json_loadb(response->body, response->size, 0, NULL);
	const json_t *items = json_object_get(list, "items");
	const char *version = text_in(metadata_of(list), "resourceVersion");
	size_t length = strlen(version);
	int r = 0;

	if (length == 0 || length > MAX_VERSION ||
		(items && !json_is_array(items) && !json_is_null(items)))
		r = error_set(err, EINVAL, "the answer is no list");
	else
		memcpy(watch->resource_version, version, length + 1);
	if (r == 0)
		take_items(watch, items);
	json_decref(list);
	return r;
}

static void on_list_done(void *context, const struct kube_response *response)
{
	struct auth_config_watch *watch = context;
	struct call_end end;
	struct error err;
	int r;

	watch->call = NULL;
	if (response->status < 200 || response->status >= 300) {
		call_end_of_response(response, &end);
		fail(watch, &end);
		return;
	}
	r = take_list(watch, response, &err);
	if (r == 0)
		r = start_watch(watch, &err);
	if (r < 0)
		fail_with(watch, r, &err);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
	static const struct list_query NEWEST = {0};
	struct auth_config_watch *watch = context;
	char *target = resource_query_list(&CONFIG_MAP, &NEWEST);
	const struct kube_request request = {.method = "GET",
		.target = target,
		.max_body = MAX_BYTES,
		.timeout_ns = LIST_TIMEOUT_NS,
		.on_done = on_list_done,
		.context = watch};
	struct error err;

	(void)fd;
	(void)what;
	if (target)
		watch->call = kube_client_send(watch->client, &request, &err);
	else
		(void)error_errno(&err, ENOMEM, "listing");
	free(target);
	if (!watch->call)
		fail_with(watch, -ENOMEM, &err);
}

/* --- start and stop --------------------------------------------------------------------------- */

static void register_series(struct auth_config_watch *watch, struct telemetry *telemetry)
{
	watch->changes = telemetry_counter(telemetry, "tacho_aggregator_auth_config_changes_total",
		"Versions of ConfigMap " NAME " that were taken", NULL, NULL);
	watch->refused = telemetry_counter(telemetry, "tacho_aggregator_auth_config_refused_total",
		"Versions of ConfigMap " NAME " that could not be used", NULL, NULL);
	watch->failed = telemetry_counter(telemetry, "tacho_aggregator_auth_config_failures_total",
		"Lists and watches of ConfigMap " NAME " that failed", NULL, NULL);
}

struct auth_config_watch *auth_config_watch_start(struct kube_client *client,
	struct event_base *base, struct telemetry *telemetry,
	void (*on_change)(void *context, const struct auth_config *config), void *context,
	struct error *err)
{
	struct auth_config_watch *watch = calloc(1, sizeof(*watch));

	if (watch)
		watch->timer = evtimer_new(base, on_timer, watch);
	if (!watch || !watch->timer) {
		free(watch);
		(void)error_errno(err, ENOMEM, "following %s", CONFIG_MAP.name);
		return NULL;
	}
	watch->client = client;
	watch->on_change = on_change;
	watch->context = context;
	watch->lines =
		(struct json_lines){.line.limit = MAX_BYTES, .on_line = on_line, .context = watch};
	register_series(watch, telemetry);
	list_after(watch, 0);
	return watch;
}

void auth_config_watch_stop(struct auth_config_watch *watch)
{
	if (!watch)
		return;
	if (watch->call)
		kube_call_cancel(watch->call);
	event_free(watch->timer);
	json_lines_free(&watch->lines);
	auth_config_free(&watch->config);
	free(watch);
}
