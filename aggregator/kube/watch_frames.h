/* Takes a watch apart while it arrives: frames of a 4-byte big-endian length and a WatchEvent in
 * bare protobuf, whose object is a PartialObjectMetadata, or of an ERROR a Status, in Kubernetes'
 * envelope. In pieces of any size. */
#ifndef KUBE_WATCH_FRAMES_H
#define KUBE_WATCH_FRAMES_H

#include "aggregator/kube/kube_status.h"
#include "aggregator/kube/object_metadata.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* What stands around an object in its frame, at most. */
#define WATCH_FRAMES_OVERHEAD 1024

enum watch_event_type {
	WATCH_ADDED,
	WATCH_MODIFIED,
	WATCH_DELETED,
	WATCH_BOOKMARK,
	WATCH_ERROR,
};

struct watch_event {
	enum watch_event_type type;
	struct object_metadata object; /* not of an error */
	/* NULL, or which bound the object is beyond: it has no labels then, and perhaps no name. */
	const char *excess;
	struct kube_status status; /* of an error */
};

struct watch_frames_options {
	size_t max_object; /* bytes; a longer one is -E2BIG: nobody can tell what it would be */
	/* Valid in the call. 0 goes on, -errno ends the feeding. */
	int (*on_event)(void *context, const struct watch_event *event);
	void *context;
};

struct watch_frames;

/* NULL when memory is short. */
struct watch_frames *watch_frames_new(const struct watch_frames_options *options);
void watch_frames_free(struct watch_frames *frames);

/* The next bytes. 0; -EINVAL (no such frames), -E2BIG, -ENOMEM, or what on_event returned: then it
 * can't be fed any more. */
int watch_frames_feed(
	struct watch_frames *frames, const void *data, size_t size, struct error *err);

/* Whether the last frame is whole. */
bool watch_frames_whole(const struct watch_frames *frames);

#endif
