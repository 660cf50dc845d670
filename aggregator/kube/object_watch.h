/* One watch of a resource, as metadata only in Kubernetes' protobuf. Tried once. Belongs to the
 * client's loop. */
#ifndef KUBE_OBJECT_WATCH_H
#define KUBE_OBJECT_WATCH_H

#include "aggregator/kube/call_end.h"
#include "aggregator/kube/resource_query.h"
#include "aggregator/kube/watch_frames.h"

#include <stddef.h>
#include <stdint.h>

/* The server ends the watch at its timeout; how much later we do. */
#define OBJECT_WATCH_GRACE_NS 30000000000ULL

struct object_watch_options {
	struct kube_client *client;
	const struct resource *resource;
	struct watch_query query;
	uint64_t silence_ns;
	size_t max_object;

	/* Never an ERROR: that ends the watch. 0 goes on, -errno ends it. */
	int (*on_event)(void *context, const struct watch_event *event);
	void (*on_bytes)(void *context, size_t size);
	/* Once, from the loop, unless it was freed; it may be freed here. */
	void (*on_done)(void *context, const struct call_end *end);
	void *context;
};

struct object_watch;

/* Begins. `resource` must outlive it. NULL and a message when memory is short. */
struct object_watch *object_watch_start(
	const struct object_watch_options *options, struct error *err);

/* Cancels what is under way. NULL is fine. Not from on_event and on_bytes. */
void object_watch_free(struct object_watch *watch);

#endif
