#include "aggregator/kube/watch_frames.h"

#include "aggregator/kube/kube_envelope.h"
#include "aggregator/kube/object_decode.h"
#include "base/buffer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LENGTH_SIZE  4
#define KEEP_AT_MOST (64U << 10) /* of memory, after a large frame */

/* Fields of WatchEvent and of RawExtension. */
enum {
	EVENT_TYPE = 1,
	EVENT_OBJECT = 2,
	EXTENSION_RAW = 1,
};

static const char *const TYPES[] = {
	[WATCH_ADDED] = "ADDED",
	[WATCH_MODIFIED] = "MODIFIED",
	[WATCH_DELETED] = "DELETED",
	[WATCH_BOOKMARK] = "BOOKMARK",
	[WATCH_ERROR] = "ERROR",
};

struct watch_frames {
	struct watch_frames_options options;
	struct object_decoder *decoder;
	unsigned char length[LENGTH_SIZE];
	size_t length_seen; /* bytes of it */
	size_t wanted;      /* bytes of the frame that are to come */
	struct buffer collected;
};

struct watch_frames *watch_frames_new(const struct watch_frames_options *options)
{
	struct watch_frames *frames = calloc(1, sizeof(*frames));

	if (!frames)
		return NULL;
	frames->options = *options;
	frames->decoder = object_decoder_new();
	if (!frames->decoder) {
		free(frames);
		return NULL;
	}
	return frames;
}

void watch_frames_free(struct watch_frames *frames)
{
	if (!frames)
		return;
	object_decoder_free(frames->decoder);
	buffer_free(&frames->collected);
	free(frames);
}

bool watch_frames_whole(const struct watch_frames *frames)
{
	return frames->length_seen == 0;
}

/* --- one frame -------------------------------------------------------------------------------- */

static int type_of(struct span text, enum watch_event_type *ret_type)
{
	for (size_t i = 0; i < sizeof(TYPES) / sizeof(TYPES[0]); i++) {
		if (span_is(text, TYPES[i])) {
			*ret_type = (enum watch_event_type)i;
			return 0;
		}
	}
	return -EINVAL;
}

static int read_extension(struct span bytes, struct span *ret_raw)
{
	struct protobuf_field field;
	int r;

	while ((r = protobuf_next(&bytes, &field)) > 0) {
		if (field.type == FIELD_BYTES && field.number == EXTENSION_RAW)
			*ret_raw = field.bytes;
	}
	return r;
}

static int read_watch_event(struct span bytes, struct span *ret_type, struct span *ret_raw)
{
	struct protobuf_field field;
	int r;

	while ((r = protobuf_next(&bytes, &field)) > 0) {
		if (field.type != FIELD_BYTES)
			continue;
		if (field.number == EVENT_TYPE)
			*ret_type = field.bytes;
		else if (field.number == EVENT_OBJECT)
			r = read_extension(field.bytes, ret_raw);
		if (r < 0)
			return r;
	}
	return r;
}

static int read_status(
	const struct kube_envelope *envelope, struct watch_event *event, struct error *err)
{
	if (!span_is(envelope->kind, "Status") ||
		kube_status_read_protobuf(envelope->raw, &event->status) < 0)
		return error_set(err, EINVAL, "an ERROR event without a Status");
	return 0;
}

static int read_object(struct watch_frames *frames, const struct kube_envelope *envelope,
	struct watch_event *event, struct error *excess)
{
	int r;

	if (!span_is(envelope->kind, "PartialObjectMetadata"))
		return error_set(
			excess, EINVAL, "an event whose object is no PartialObjectMetadata");
	r = object_decode(frames->decoder, envelope->raw, &event->object, excess);
	if (r != -E2BIG)
		return r;
	event->excess = excess->message;
	return 0;
}

static int take_frame(struct watch_frames *frames, struct span bytes, struct error *err)
{
	struct span type = {0}, raw = {0};
	struct kube_envelope envelope;
	struct watch_event event = {0};
	struct error excess;
	int r;

	if (read_watch_event(bytes, &type, &raw) < 0 || type_of(type, &event.type) < 0)
		return error_set(err, EINVAL, "a frame without a watch's event");
	r = kube_envelope_open(raw, &envelope, err);
	if (r < 0)
		return r;
	if (event.type == WATCH_ERROR)
		r = read_status(&envelope, &event, &excess);
	else
		r = read_object(frames, &envelope, &event, &excess);
	if (r < 0)
		return error_set(err, -r, "%s", excess.message);
	r = frames->options.on_event(frames->options.context, &event);
	return r < 0 ? error_errno(err, -r, "taking an event") : 0;
}

/* --- bytes ------------------------------------------------------------------------------------ */

static int begin_frame(struct watch_frames *frames, struct error *err)
{
	const unsigned char *byte = frames->length;
	uint32_t length = (uint32_t)byte[0] << 24 | (uint32_t)byte[1] << 16 |
			  (uint32_t)byte[2] << 8 | (uint32_t)byte[3];

	if (byte[0] == '{')
		return error_set(err, EINVAL, "the server sends JSON, not Kubernetes' protobuf");
	if (length > frames->options.max_object + WATCH_FRAMES_OVERHEAD)
		return error_set(err, E2BIG, "an event of %u bytes", length);
	frames->wanted = length;
	return 0;
}

static int feed_length(struct watch_frames *frames, struct span *rest, struct error *err)
{
	frames->length[frames->length_seen++] = *rest->data;
	rest->data++;
	rest->size--;
	return frames->length_seen == LENGTH_SIZE ? begin_frame(frames, err) : 0;
}

static int end_frame(struct watch_frames *frames, struct span bytes, struct error *err)
{
	int r = take_frame(frames, bytes, err);

	frames->length_seen = 0;
	if (frames->collected.capacity > KEEP_AT_MOST)
		buffer_free(&frames->collected);
	buffer_clear(&frames->collected);
	return r;
}

static int feed_frame(struct watch_frames *frames, struct span *rest, struct error *err)
{
	size_t size = frames->wanted < rest->size ? frames->wanted : rest->size;
	struct span piece = span_of(rest->data, size);

	rest->data += size;
	rest->size -= size;
	frames->wanted -= size;
	/* What came in one piece is not copied. */
	if (frames->wanted > 0 || frames->collected.length > 0) {
		buffer_append(&frames->collected, piece.data, piece.size);
		if (frames->collected.failed)
			return error_errno(err, ENOMEM, "reading a watch");
		piece = span_of(frames->collected.data, frames->collected.length);
	}
	return frames->wanted > 0 ? 0 : end_frame(frames, piece, err);
}

int watch_frames_feed(struct watch_frames *frames, const void *data, size_t size, struct error *err)
{
	struct span rest = span_of(data, size);

	/* A frame of no bytes is no event: end_frame() says so when the next byte comes. */
	while (rest.size > 0) {
		int r = frames->length_seen < LENGTH_SIZE ? feed_length(frames, &rest, err)
							  : feed_frame(frames, &rest, err);

		if (r < 0)
			return r;
	}
	return 0;
}
