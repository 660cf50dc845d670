#include "aggregator/kube/reflector.h"

#include "aggregator/kube/follow_plan.h"
#include "aggregator/kube/object_list.h"
#include "aggregator/kube/object_watch.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* How long a watch is asked for. client-go's is 5..10 minutes too, so that not all watches of a
 * cluster end together. */
#define WATCH_LEAST_S  300
#define WATCH_SPREAD_S 300

#define WATCH_LIST_NS   (120 * NS_PER_SECOND)
#define LOG_INTERVAL_NS (10 * NS_PER_SECOND)

struct reflector {
	struct kube_client *client;
	struct resource resource;
	char *path, *field_selector, *label_selector; /* the resource's */
	uint32_t watch_s;
	uint64_t silence_ns, watch_list_ns;

	struct event *timer; /* the next call; or, the deadline of the initial events */
	struct follow_plan plan;
	struct object_sink sink;
	struct object_list *list; /* at most one of the two is under way */
	struct object_watch *watch;
	bool synced;
	struct log_limit failures;
};

static void set_timer(struct reflector *reflector, uint64_t ms)
{
	const struct timeval wait = {
		.tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000 * 1000)};

	(void)evtimer_add(reflector->timer, &wait);
}

/* --- ends ------------------------------------------------------------------------------------- */

static void report(struct reflector *reflector, const struct call_end *end, uint32_t wait_ms)
{
	const char *doing = reflector->plan.listed ? "watching" : "listing";
	uint64_t held_back;

	if (end->why == CALL_END_DONE)
		log_debug("%s %s: done", doing, reflector->resource.name);
	else if (reflector->plan.step == FOLLOW_WATCH_LIST && !reflector->plan.listed && !wait_ms)
		log_info("%s: listing without a watch: %s", reflector->resource.name, end->text);
	else if (log_allowed(&reflector->failures, LOG_INTERVAL_NS, &held_back))
		log_warn("%s %s: %s; again in %u ms", doing, reflector->resource.name, end->text,
			wait_ms);
}

static void ended(struct reflector *reflector, const struct call_end *end)
{
	uint32_t wait_ms = follow_plan_ended(&reflector->plan, end, clock_monotonic_ns());

	telemetry_add(reflector->sink.tally.ended[end->why], 1);
	report(reflector, end, wait_ms);
	set_timer(reflector, wait_ms);
}

/* --- lists ------------------------------------------------------------------------------------ */

static void on_bytes(void *context, size_t size)
{
	struct reflector *reflector = context;

	follow_plan_answered(&reflector->plan);
	telemetry_add(reflector->sink.tally.bytes, size);
}

static void listed(struct reflector *reflector, const char *version)
{
	uint64_t took_ns = clock_monotonic_ns() - reflector->plan.started_ns;

	object_sink_end(&reflector->sink);
	follow_plan_listed(&reflector->plan, version);
	reflector->synced = true;
	log_info("%s: listed %llu in %llu ms", reflector->resource.name,
		(unsigned long long)reflector->sink.objects,
		(unsigned long long)(took_ns / NS_PER_MS));
}

static int on_listed_object(void *context, const struct object_metadata *object, const char *excess)
{
	struct reflector *reflector = context;

	return object_sink_listed(&reflector->sink, object, excess);
}

static void on_list_done(void *context, const struct call_end *end, const char *version)
{
	struct reflector *reflector = context;

	if (end->why == CALL_END_DONE)
		listed(reflector, version);
	ended(reflector, end);
	object_list_free(reflector->list);
	reflector->list = NULL;
}

static int start_list(struct reflector *reflector, struct error *err)
{
	const struct list_query query = follow_plan_list(&reflector->plan);
	const struct object_list_options options = {.client = reflector->client,
		.resource = &reflector->resource,
		.resource_version = query.resource_version,
		.paged = query.paged,
		.max_object = REFLECTOR_MAX_OBJECT_BYTES,
		.on_object = on_listed_object,
		.on_bytes = on_bytes,
		.on_done = on_list_done,
		.context = reflector};

	object_sink_begin(&reflector->sink);
	reflector->list = object_list_start(&options, err);
	return reflector->list ? 0 : -ENOMEM;
}

/* --- watches ---------------------------------------------------------------------------------- */

static int on_initial_event(struct reflector *reflector, const struct watch_event *event)
{
	const struct object_metadata *object = &event->object;
	int r = object_sink_event(&reflector->sink, event, true);

	if (r < 0 || event->type != WATCH_BOOKMARK || !object->initial_events_end)
		return r;
	if (!*object->resource_version)
		return -EINVAL;
	(void)evtimer_del(reflector->timer);
	listed(reflector, object->resource_version);
	return 0;
}

static int on_event(void *context, const struct watch_event *event)
{
	struct reflector *reflector = context;
	int r;

	if (!reflector->plan.listed)
		return on_initial_event(reflector, event);
	r = object_sink_event(&reflector->sink, event, false);
	if (r == 0)
		follow_plan_event(&reflector->plan, event->object.resource_version,
			event->type == WATCH_BOOKMARK);
	return r;
}

static void on_watch_done(void *context, const struct call_end *end)
{
	struct reflector *reflector = context;

	ended(reflector, end);
	object_watch_free(reflector->watch);
	reflector->watch = NULL;
}

static uint32_t watch_seconds(const struct reflector *reflector)
{
	uint32_t random;

	if (reflector->watch_s)
		return reflector->watch_s;
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != (ssize_t)sizeof(random))
		random = WATCH_SPREAD_S / 2;
	return WATCH_LEAST_S + random % (WATCH_SPREAD_S + 1);
}

static int start_watch(struct reflector *reflector, struct error *err)
{
	uint32_t watch_s = watch_seconds(reflector);
	const struct object_watch_options options = {.client = reflector->client,
		.resource = &reflector->resource,
		.query = follow_plan_watch(&reflector->plan, watch_s),
		.silence_ns = reflector->silence_ns
				      ? reflector->silence_ns
				      : follow_plan_silence_ns(&reflector->plan, watch_s),
		.max_object = REFLECTOR_MAX_OBJECT_BYTES,
		.on_event = on_event,
		.on_bytes = on_bytes,
		.on_done = on_watch_done,
		.context = reflector};

	telemetry_add(reflector->sink.tally.watches, 1);
	reflector->watch = object_watch_start(&options, err);
	return reflector->watch ? 0 : -ENOMEM;
}

static int start_watch_list(struct reflector *reflector, struct error *err)
{
	object_sink_begin(&reflector->sink);
	set_timer(reflector, reflector->watch_list_ns / NS_PER_MS);
	return start_watch(reflector, err);
}

/* --- the machine ------------------------------------------------------------------------------ */

static int proceed(struct reflector *reflector, struct error *err)
{
	switch (follow_plan_begin(&reflector->plan, clock_monotonic_ns())) {
	case FOLLOW_WATCH_LIST:
		return start_watch_list(reflector, err);
	case FOLLOW_LIST:
		return start_list(reflector, err);
	case FOLLOW_WATCH:
		return start_watch(reflector, err);
	}
	return 0;
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
	static const struct call_end LATE = {
		.why = CALL_END_LATE, .text = "the initial events of a watch did not end in time"};
	struct reflector *reflector = context;
	struct call_end memory;
	struct error err;
	int r;

	(void)fd;
	(void)what;
	if (reflector->watch) {
		on_watch_done(reflector, &LATE);
		return;
	}
	r = proceed(reflector, &err);
	if (r == 0)
		return;
	call_end_of_error(r, &err, &memory);
	ended(reflector, &memory);
}

/* --- start and stop --------------------------------------------------------------------------- */

static char *copy(const char *text)
{
	return strdup(text ? text : "");
}

static bool make_parts(struct reflector *reflector, const struct reflector_options *options)
{
	reflector->path = copy(options->path);
	reflector->field_selector = copy(options->field_selector);
	reflector->label_selector = copy(options->label_selector);
	reflector->timer = evtimer_new(options->base, on_timer, reflector);
	reflector->resource = (struct resource){.name = options->resource,
		.path = reflector->path,
		.field_selector = reflector->field_selector,
		.label_selector = reflector->label_selector};
	return reflector->path && reflector->field_selector && reflector->label_selector &&
	       reflector->timer;
}

struct reflector *reflector_start(const struct reflector_options *options, struct error *err)
{
	struct reflector *reflector = calloc(1, sizeof(*reflector));

	if (!reflector || !make_parts(reflector, options)) {
		reflector_stop(reflector);
		(void)error_errno(err, ENOMEM, "following %s", options->resource);
		return NULL;
	}
	reflector->client = options->client;
	reflector->watch_s = options->watch_s;
	reflector->silence_ns = options->silence_ns;
	reflector->watch_list_ns = options->watch_list_ns ? options->watch_list_ns : WATCH_LIST_NS;
	object_sink_init(
		&reflector->sink, &options->handler, options->resource, options->telemetry);
	set_timer(reflector, 0);
	return reflector;
}

void reflector_stop(struct reflector *reflector)
{
	if (!reflector)
		return;
	object_list_free(reflector->list);
	object_watch_free(reflector->watch);
	if (reflector->timer)
		event_free(reflector->timer);
	free(reflector->path);
	free(reflector->field_selector);
	free(reflector->label_selector);
	free(reflector);
}

bool reflector_synced(const struct reflector *reflector)
{
	return reflector->synced;
}
