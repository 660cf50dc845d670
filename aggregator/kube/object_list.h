/* One list of all objects of a resource, page by page, as metadata only in Kubernetes' protobuf:
 * objects are handed over while it arrives. Tried once. Belongs to the client's loop. */
#ifndef KUBE_OBJECT_LIST_H
#define KUBE_OBJECT_LIST_H

#include "aggregator/kube/call_end.h"
#include "aggregator/kube/object_metadata.h"
#include "aggregator/kube/resource_query.h"

#include <stddef.h>

/* Bounds: twenty times Kubernetes' largest cluster in pages; and a server that sends a byte now
 * and then. kube-apiserver gives up a request that is no watch after 60 s by default. */
#define OBJECT_LIST_MAX_PAGES  6000
#define OBJECT_LIST_SILENCE_NS 60000000000ULL
#define OBJECT_LIST_TIMEOUT_NS 300000000000ULL /* of one page */

struct object_list_options {
	struct kube_client *client;
	const struct resource *resource;
	const char *resource_version; /* see struct list_query; copied */
	bool paged;
	size_t max_object;

	/* `excess` is NULL, or which bound the object is beyond: then it has no labels, and perhaps
	 * no name. 0 goes on, -errno ends the list. */
	int (*on_object)(void *context, const struct object_metadata *object, const char *excess);
	void (*on_bytes)(void *context, size_t size);
	/* Once, from the loop, unless it was freed; it may be freed here. `resource_version` is
	 * where a watch goes on; "" but when it is done. */
	void (*on_done)(void *context, const struct call_end *end, const char *resource_version);
	void *context;
};

struct object_list;

/* Begins. `resource` must outlive it. NULL and a message when memory is short. */
struct object_list *object_list_start(const struct object_list_options *options, struct error *err);

/* Cancels what is under way. NULL is fine. Not from on_object and on_bytes. */
void object_list_free(struct object_list *list);

#endif
