/* Between what a list or a watch says and the handler: counts, and keeps objects beyond a bound
 * away from it. */
#ifndef KUBE_OBJECT_SINK_H
#define KUBE_OBJECT_SINK_H

#include "aggregator/kube/object_metadata.h"
#include "aggregator/kube/reflector_tally.h"
#include "aggregator/kube/watch_frames.h"
#include "base/log.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is done with the objects. */
struct object_handler {
	/* A new list begins: nothing is gone yet. Perhaps the last one was never whole. */
	void (*begin)(void *context);
	/* An object that is there; new, changed or as it was. What could not be kept for want of
	 * memory is -ENOMEM: all is listed anew, after a while. */
	int (*put)(void *context, const struct object_metadata *object);
	/* It has gone, or is beyond a bound now. Perhaps it was never there. */
	void (*remove)(void *context, const struct object_metadata *object);
	/* The list is whole: what was not put since begin() is gone. */
	void (*end)(void *context);
	void *context;
};

/* For others to read only. */
struct object_sink {
	struct object_handler handler;
	struct reflector_tally tally;
	const char *resource;
	uint64_t listing; /* objects of the list under way */
	uint64_t objects; /* that there are, by what the server has said */
	struct log_limit left_out;
};

void object_sink_init(struct object_sink *sink, const struct object_handler *handler,
	const char *resource, struct telemetry *telemetry);

void object_sink_begin(struct object_sink *sink);
void object_sink_end(struct object_sink *sink);

/* An object of a list. `excess` is NULL, or which bound it is beyond. 0 or what put() returned. */
int object_sink_listed(
	struct object_sink *sink, const struct object_metadata *object, const char *excess);

/* ADDED, MODIFIED, DELETED or BOOKMARK; `listing`: before the list is whole. The same. */
int object_sink_event(struct object_sink *sink, const struct watch_event *event, bool listing);

#endif
