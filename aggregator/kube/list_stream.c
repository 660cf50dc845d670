#include "aggregator/kube/list_stream.h"

#include "aggregator/kube/kube_envelope.h"
#include "base/buffer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define API_VERSION "meta.k8s.io/v1"
#define KIND        "PartialObjectMetadataList"

/* Fields of PartialObjectMetadataList. */
enum {
	LIST_META = 1,
	LIST_ITEMS = 2,
};

/* Of ListMeta. */
enum {
	META_RESOURCE_VERSION = 2,
	META_CONTINUE = 3,
};

enum step {
	STEP_MAGIC,
	STEP_TAG,
	STEP_NUMBER,  /* a varint that nobody wants */
	STEP_LENGTH,  /* of a run of bytes */
	STEP_SKIP,    /* the bytes are not wanted */
	STEP_COLLECT, /* they are */
};

struct list_stream {
	struct list_stream_options options;
	enum step step;
	size_t magic; /* bytes of it that were seen */
	struct varint varint;
	uint32_t field;
	uint64_t wanted; /* bytes until the field's end */
	struct buffer collected;

	/* Two messages lie in each other: the envelope, whose end is that of the stream, and the
	 * list in its field `raw`. */
	bool in_list;
	uint64_t list_left; /* bytes of the list that are to come */
	bool type_seen, list_seen;

	char *resource_version, *continue_token;
};

struct list_stream *list_stream_new(const struct list_stream_options *options)
{
	struct list_stream *stream = calloc(1, sizeof(*stream));

	if (stream)
		stream->options = *options;
	return stream;
}

void list_stream_free(struct list_stream *stream)
{
	if (!stream)
		return;
	buffer_free(&stream->collected);
	free(stream->resource_version);
	free(stream->continue_token);
	free(stream);
}

static int malformed(struct error *err)
{
	return error_set(err, EINVAL, "a list that is no protobuf");
}

/* --- whole fields ----------------------------------------------------------------------------- */

static int check_type(struct list_stream *stream, struct span bytes, struct error *err)
{
	struct span api_version, kind;

	if (kube_envelope_read_type(bytes, &api_version, &kind) < 0)
		return malformed(err);
	if (!span_is(api_version, API_VERSION) || !span_is(kind, KIND))
		return error_set(err, EINVAL, "the server sends a %.*s, not a " KIND,
			(int)kind.size, (const char *)kind.data);
	stream->type_seen = true;
	return 0;
}

static int keep_text(char **text, struct span bytes)
{
	char *copy;

	if (bytes.size > 0 && memchr(bytes.data, '\0', bytes.size))
		return -EINVAL;
	copy = strndup((const char *)bytes.data, bytes.size);
	if (!copy)
		return -ENOMEM;
	free(*text);
	*text = copy;
	return 0;
}

static int read_meta(struct list_stream *stream, struct span bytes, struct error *err)
{
	struct protobuf_field field;
	int r;

	while ((r = protobuf_next(&bytes, &field)) > 0) {
		if (field.type != FIELD_BYTES)
			continue;
		if (field.number == META_RESOURCE_VERSION)
			r = keep_text(&stream->resource_version, field.bytes);
		else if (field.number == META_CONTINUE)
			r = keep_text(&stream->continue_token, field.bytes);
		if (r < 0)
			break;
	}
	if (r == -ENOMEM)
		return error_errno(err, ENOMEM, "reading a list");
	return r < 0 ? malformed(err) : 0;
}

static int take_field(struct list_stream *stream, struct span bytes, struct error *err)
{
	int r;

	if (!stream->in_list)
		return check_type(stream, bytes, err);
	if (stream->field == LIST_META)
		return read_meta(stream, bytes, err);
	r = stream->options.on_object(stream->options.context, bytes);
	return r < 0 ? error_errno(err, -r, "taking an object") : 0;
}

/* --- where fields begin ----------------------------------------------------------------------- */

static int begin_skip(struct list_stream *stream, uint64_t size)
{
	stream->wanted = size;
	stream->step = STEP_SKIP;
	return 0;
}

static int begin_collect(struct list_stream *stream, uint64_t size, uint64_t most, const char *what,
	struct error *err)
{
	if (size > most)
		return error_set(err, E2BIG, "%s of %llu bytes", what, (unsigned long long)size);
	stream->wanted = size;
	stream->step = STEP_COLLECT;
	return 0;
}

/* A run of bytes in the envelope. */
static int begin_in_envelope(struct list_stream *stream, uint64_t size, struct error *err)
{
	if (stream->field == KUBE_ENVELOPE_TYPE)
		return begin_collect(stream, size, LIST_STREAM_MAX_TYPE, "a TypeMeta", err);
	if (stream->field != KUBE_ENVELOPE_RAW)
		return begin_skip(stream, size);
	if (!stream->type_seen || stream->list_seen)
		return malformed(err);
	stream->list_seen = stream->in_list = true;
	stream->list_left = size;
	stream->step = STEP_TAG;
	return 0;
}

static int begin_in_list(struct list_stream *stream, uint64_t size, struct error *err)
{
	if (size > stream->list_left)
		return malformed(err);
	if (stream->field == LIST_META)
		return begin_collect(stream, size, LIST_STREAM_MAX_META, "a ListMeta", err);
	if (stream->field == LIST_ITEMS && size <= stream->options.max_object)
		return begin_collect(stream, size, size, "an object", err);
	if (stream->field == LIST_ITEMS)
		stream->options.on_too_long(stream->options.context, size);
	return begin_skip(stream, size);
}

static int begin_fixed(struct list_stream *stream, uint64_t size, struct error *err)
{
	if (stream->in_list && size > stream->list_left)
		return malformed(err);
	return begin_skip(stream, size);
}

static int begin_field(struct list_stream *stream, uint64_t tag, struct error *err)
{
	enum field_type type;

	if (protobuf_tag(tag, &stream->field, &type) < 0)
		return malformed(err);
	switch (type) {
	case FIELD_VARINT:
		stream->step = STEP_NUMBER;
		return 0;
	case FIELD_BYTES:
		stream->step = STEP_LENGTH;
		return 0;
	case FIELD_FIXED64:
		return begin_fixed(stream, 8, err);
	case FIELD_FIXED32:
		return begin_fixed(stream, 4, err);
	}
	return malformed(err);
}

/* --- bytes ------------------------------------------------------------------------------------ */

static void advance(struct list_stream *stream, struct span *rest, size_t size)
{
	rest->data += size;
	rest->size -= size;
	if (stream->in_list)
		stream->list_left -= size;
}

static int feed_magic(struct list_stream *stream, struct span *rest, struct error *err)
{
	unsigned char byte = *rest->data;

	if (stream->magic == 0 && byte == '{')
		return error_set(err, EINVAL, "the server sends JSON, not Kubernetes' protobuf");
	if (byte != (unsigned char)KUBE_ENVELOPE_MAGIC[stream->magic])
		return error_set(err, EINVAL, "the answer is not Kubernetes' protobuf");
	advance(stream, rest, 1);
	if (++stream->magic == KUBE_ENVELOPE_MAGIC_SIZE)
		stream->step = STEP_TAG;
	return 0;
}

static int feed_varint(struct list_stream *stream, struct span *rest, struct error *err)
{
	uint64_t value;
	int r;

	if (stream->in_list && stream->list_left == 0)
		return malformed(err); /* it ends within a field */
	r = varint_take(&stream->varint, *rest->data);
	advance(stream, rest, 1);
	if (r < 0)
		return malformed(err);
	if (r == 0)
		return 0;
	value = stream->varint.value;
	stream->varint = (struct varint){0};
	if (stream->step == STEP_TAG)
		return begin_field(stream, value, err);
	if (stream->step == STEP_LENGTH)
		return stream->in_list ? begin_in_list(stream, value, err)
				       : begin_in_envelope(stream, value, err);
	stream->step = STEP_TAG;
	return 0;
}

static size_t at_hand(const struct list_stream *stream, struct span rest)
{
	return stream->wanted < rest.size ? (size_t)stream->wanted : rest.size;
}

static void feed_skip(struct list_stream *stream, struct span *rest)
{
	size_t size = at_hand(stream, *rest);

	advance(stream, rest, size);
	stream->wanted -= size;
	if (stream->wanted == 0)
		stream->step = STEP_TAG;
}

static int feed_collect(struct list_stream *stream, struct span *rest, struct error *err)
{
	struct span piece = span_of(rest->data, at_hand(stream, *rest));
	int r;

	advance(stream, rest, piece.size);
	stream->wanted -= piece.size;
	/* What came in one piece is not copied. */
	if (stream->wanted > 0 || stream->collected.length > 0) {
		buffer_append(&stream->collected, piece.data, piece.size);
		if (stream->collected.failed)
			return error_errno(err, ENOMEM, "reading a list");
		piece = span_of(stream->collected.data, stream->collected.length);
	}
	if (stream->wanted > 0)
		return 0;
	stream->step = STEP_TAG;
	r = take_field(stream, piece, err);
	buffer_clear(&stream->collected);
	return r;
}

/* A field of no bytes is whole before there is another byte. */
static bool can_go_on(const struct list_stream *stream, struct span rest)
{
	bool bytes = stream->step == STEP_COLLECT || stream->step == STEP_SKIP;

	return rest.size > 0 || (bytes && stream->wanted == 0);
}

static int feed_step(struct list_stream *stream, struct span *rest, struct error *err)
{
	if (stream->step == STEP_TAG && stream->in_list && stream->list_left == 0 &&
		stream->varint.bytes == 0)
		stream->in_list = false;
	switch (stream->step) {
	case STEP_MAGIC:
		return feed_magic(stream, rest, err);
	case STEP_SKIP:
		feed_skip(stream, rest);
		return 0;
	case STEP_COLLECT:
		return feed_collect(stream, rest, err);
	default:
		return feed_varint(stream, rest, err);
	}
}

int list_stream_feed(struct list_stream *stream, const void *data, size_t size, struct error *err)
{
	struct span rest = span_of(data, size);

	while (can_go_on(stream, rest)) {
		int r = feed_step(stream, &rest, err);

		if (r < 0)
			return r;
	}
	return 0;
}

int list_stream_finish(struct list_stream *stream, struct list_meta *ret_meta, struct error *err)
{
	bool between = stream->step == STEP_TAG && stream->varint.bytes == 0;

	if (!between || !stream->list_seen || stream->list_left > 0)
		return error_set(err, EINVAL, "the list was cut off");
	*ret_meta = (struct list_meta){
		.resource_version = stream->resource_version ? stream->resource_version : "",
		.continue_token = stream->continue_token ? stream->continue_token : "",
	};
	return 0;
}
