/* Takes a list of objects apart while it arrives: Kubernetes' protobuf of a meta.k8s.io/v1
 * PartialObjectMetadataList, in pieces of any size. Memory is that of the largest object, not of
 * the list.
 *
 * JSON is not read: every server of pods and nodes can do protobuf, and one that answers otherwise
 * is told so by name. */
#ifndef KUBE_LIST_STREAM_H
#define KUBE_LIST_STREAM_H

#include "proto/protobuf_field.h"
#include "base/error.h"

#define LIST_STREAM_MAX_TYPE 256         /* bytes of the TypeMeta */
#define LIST_STREAM_MAX_META (64U << 10) /* of the ListMeta, with the continue token */

struct list_stream_options {
	size_t max_object; /* bytes; longer ones are stepped over without keeping them */

	/* The bytes of one object, valid in the call. 0 goes on, -errno ends the feeding. */
	int (*on_object)(void *context, struct span object);
	/* One was stepped over. */
	void (*on_too_long)(void *context, uint64_t size);
	void *context;
};

struct list_stream;

/* NULL when memory is short. */
struct list_stream *list_stream_new(const struct list_stream_options *options);
void list_stream_free(struct list_stream *stream);

/* The next bytes. 0; -EINVAL (not such a list), -E2BIG, -ENOMEM, or what on_object returned: then
 * the stream can't be fed any more. */
int list_stream_feed(struct list_stream *stream, const void *data, size_t size, struct error *err);

/* What stood in the ListMeta; terminated, "" when not there. Valid as long as the stream. */
struct list_meta {
	const char *resource_version;
	const char *continue_token;
};

/* After the last bytes: 0, or -EINVAL when the list was cut off. */
int list_stream_finish(struct list_stream *stream, struct list_meta *ret_meta, struct error *err);

#endif
