/* What kube-apiserver sends in protobuf: an object, a list and a watch of them in pieces. The first
 * byte says which, the second how long a piece is. */
#include "aggregator/kube/kube_envelope.h"
#include "aggregator/kube/list_stream.h"
#include "aggregator/kube/object_decode.h"
#include "aggregator/kube/watch_frames.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct object_decoder *decoder;

static int on_object(void *context, struct span object)
{
	struct object_metadata metadata;
	struct error err;

	(void)context;
	(void)object_decode(decoder, object, &metadata, &err);
	return 0;
}

static void on_too_long(void *context, uint64_t size)
{
	(void)context;
	(void)size;
}

static int on_event(void *context, const struct watch_event *event)
{
	(void)context;
	(void)event;
	return 0;
}

static void list(const uint8_t *data, size_t size, size_t piece)
{
	const struct list_stream_options options = {
		.max_object = 4096, .on_object = on_object, .on_too_long = on_too_long};
	struct list_stream *stream = list_stream_new(&options);
	struct list_meta meta;
	struct error err;
	int r = 0;

	for (size_t at = 0; at < size && r == 0; at += piece)
		r = list_stream_feed(
			stream, data + at, size - at < piece ? size - at : piece, &err);
	if (r == 0)
		(void)list_stream_finish(stream, &meta, &err);
	list_stream_free(stream);
}

static void watch(const uint8_t *data, size_t size, size_t piece)
{
	const struct watch_frames_options options = {.max_object = 4096, .on_event = on_event};
	struct watch_frames *frames = watch_frames_new(&options);
	struct error err;
	int r = 0;

	for (size_t at = 0; at < size && r == 0; at += piece)
		r = watch_frames_feed(
			frames, data + at, size - at < piece ? size - at : piece, &err);
	(void)watch_frames_whole(frames);
	watch_frames_free(frames);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kube_envelope envelope;
	struct error err;
	size_t piece;

	if (size < 2)
		return 0;
	if (!decoder)
		decoder = object_decoder_new();
	piece = data[1] + 1U;
	switch (data[0] % 4) {
	case 0:
		return on_object(NULL, span_of(data + 2, size - 2));
	case 1:
		(void)kube_envelope_open(span_of(data + 2, size - 2), &envelope, &err);
		break;
	case 2:
		list(data + 2, size - 2, piece);
		break;
	default:
		watch(data + 2, size - 2, piece);
		break;
	}
	return 0;
}
