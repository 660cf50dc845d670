/* Follows all objects of one resource: WatchList where the server has it, else list and watch;
 * bookmarks, 410, clean ends, back-off. Metadata only, in Kubernetes' protobuf, parsed as a stream.
 *
 * There is never a hole: during a new list the handler keeps what it has, and learns at its end
 * what has gone meanwhile. Belongs to the client's loop. */
#ifndef KUBE_REFLECTOR_H
#define KUBE_REFLECTOR_H

#include "aggregator/kube/kube_client.h"
#include "aggregator/kube/object_metadata.h"

#include <stdbool.h>

/* Bounds of what a server may send; beyond, the stream is given up and begun anew, and counted. */
#define REFLECTOR_MAX_OBJECT_BYTES (2U << 20) /* etcd takes 1.5 MiB */

struct reflector_handler {
	/* A new list begins: nothing is gone yet. */
	void (*begin)(void *context);
	/* An object that is there; new, changed or as it was. What could not be kept for want of
	 * memory is -ENOMEM: the reflector begins anew, after a while. */
	int (*put)(void *context, const struct object_metadata *object);
	void (*remove)(void *context, const struct object_metadata *object);
	/* The list is whole: what was not put since begin() is gone. */
	void (*end)(void *context);
	void *context;
};

struct reflector_options {
	struct kube_client *client;
	struct event_base *base;
	const char *resource;       /* "pods", "nodes": for log and metrics */
	const char *path;           /* "/api/v1/pods" */
	const char *field_selector; /* NULL or "status.phase=Running" */
	const char *label_selector; /* NULL or of the nodes to take */
	struct reflector_handler handler;
	struct telemetry *telemetry;
	uint32_t watch_s; /* 0: 300..600, spread; tests want less */
};

struct reflector;

/* Begins at once. Strings are copied. NULL and a message when memory is short. */
struct reflector *reflector_start(const struct reflector_options *options, struct error *err);
void reflector_stop(struct reflector *reflector);

/* True once the first list was whole. */
bool reflector_synced(const struct reflector *reflector);

#endif
