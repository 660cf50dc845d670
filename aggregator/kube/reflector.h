/* Follows all objects of one resource: WatchList where the server has it, else list and watch;
 * bookmarks, 410, clean ends, back-off. Metadata only, in Kubernetes' protobuf, parsed as a stream.
 *
 * There is never a hole: during a new list the handler keeps what it has, and learns at its end
 * what has gone meanwhile. Belongs to the client's loop. */
#ifndef KUBE_REFLECTOR_H
#define KUBE_REFLECTOR_H

#include "aggregator/kube/kube_client.h"
#include "aggregator/kube/object_sink.h"

#include <stdbool.h>

/* A longer object is left out of a list; in a watch it is nobody's, and all is listed again. Both
 * are counted. */
#define REFLECTOR_MAX_OBJECT_BYTES (2U << 20) /* etcd takes 1.5 MiB */

struct reflector_options {
	struct kube_client *client;
	struct event_base *base;
	/* "pods", "nodes": for log and metrics. Not copied: it must outlive the telemetry. */
	const char *resource;
	const char *path;           /* "/api/v1/pods" */
	const char *field_selector; /* NULL or "status.phase=Running" */
	const char *label_selector; /* NULL or of the nodes to take */
	struct object_handler handler;
	struct telemetry *telemetry;
	/* Tests want less. */
	uint32_t watch_s;       /* 0: 300..600, spread */
	uint64_t silence_ns;    /* 0: 90 s, or more where bookmarks are not known to come */
	uint64_t watch_list_ns; /* 0: 120 s for the initial events of a watch */
};

struct reflector;

/* Begins at once; the handler is called from the loop only. Strings are copied. NULL and a message
 * when memory is short. */
struct reflector *reflector_start(const struct reflector_options *options, struct error *err);

/* Not from the handler. NULL is fine. */
void reflector_stop(struct reflector *reflector);

/* True once the first list was whole. */
bool reflector_synced(const struct reflector *reflector);

#endif
