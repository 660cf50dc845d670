#include "aggregator/kube/object_sink.h"

#include "base/clock.h"

#define LOG_INTERVAL_NS (10 * NS_PER_SECOND)

void object_sink_init(struct object_sink *sink, const struct object_handler *handler,
	const char *resource, struct telemetry *telemetry)
{
	*sink = (struct object_sink){.handler = *handler, .resource = resource};
	reflector_tally_register(&sink->tally, telemetry, resource);
}

void object_sink_begin(struct object_sink *sink)
{
	telemetry_add(sink->tally.lists, 1);
	sink->listing = 0;
	sink->handler.begin(sink->handler.context);
}

void object_sink_end(struct object_sink *sink)
{
	sink->handler.end(sink->handler.context);
	sink->objects = sink->listing;
	telemetry_set(sink->tally.objects, sink->objects);
	telemetry_set(sink->tally.synced, 1);
}

static void note(const struct object_sink *sink)
{
	telemetry_add(sink->tally.events, 1);
	telemetry_set(sink->tally.last_event, clock_realtime_ns() / NS_PER_SECOND);
}

/* As if it were not there. */
static void leave_out(
	struct object_sink *sink, const struct object_metadata *object, const char *excess)
{
	uint64_t held_back;

	telemetry_add(sink->tally.left_out, 1);
	if (log_allowed(&sink->left_out, LOG_INTERVAL_NS, &held_back))
		log_warn("%s: leaving out %s%s%s: %s (%llu more like this were held back)",
			sink->resource, object->namespace, *object->namespace ? "/" : "",
			object->name, excess, (unsigned long long)held_back);
	if (*object->name)
		sink->handler.remove(sink->handler.context, object);
}

static int put(struct object_sink *sink, const struct object_metadata *object, const char *excess)
{
	if (!excess)
		return sink->handler.put(sink->handler.context, object);
	leave_out(sink, object, excess);
	return 0;
}

int object_sink_listed(
	struct object_sink *sink, const struct object_metadata *object, const char *excess)
{
	note(sink);
	sink->listing++;
	return put(sink, object, excess);
}

int object_sink_event(struct object_sink *sink, const struct watch_event *event, bool listing)
{
	uint64_t *count = listing ? &sink->listing : &sink->objects;
	int r = 0;

	note(sink);
	if (event->type == WATCH_ADDED)
		++*count;
	else if (event->type == WATCH_DELETED)
		*count -= *count > 0;
	if (event->type == WATCH_ADDED || event->type == WATCH_MODIFIED)
		r = put(sink, &event->object, event->excess);
	else if (event->type == WATCH_DELETED && *event->object.name)
		sink->handler.remove(sink->handler.context, &event->object);
	if (!listing)
		telemetry_set(sink->tally.objects, sink->objects);
	return r;
}
