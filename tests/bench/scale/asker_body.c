#define ZLIB_CONST
#include "tests/bench/scale/asker_body.h"

#include <errno.h>
#include <stdlib.h>
#include <zlib.h>

#define GZIP_WINDOW 31 /* zlib: the largest window, and a gzip header */

struct asker_inflater {
	z_stream stream;
	unsigned char plain[65536];
};

void asker_body_start(struct asker_body *body)
{
	body->inflating = body->inflated = false;
	body->plain_bytes = 0;
	if (body->counts)
		asker_items_start(&body->items);
}

void asker_body_free(struct asker_body *body)
{
	if (!body->inflater)
		return;
	(void)inflateEnd(&body->inflater->stream);
	free(body->inflater);
	body->inflater = NULL;
}

static int begin_inflating(struct asker_body *body, struct error *err)
{
	body->inflating = true;
	if (body->inflater)
		return inflateReset(&body->inflater->stream) == Z_OK
			       ? 0
			       : error_set(err, EPROTO, "inflating does not begin");
	body->inflater = calloc(1, sizeof(*body->inflater));
	if (body->inflater && inflateInit2(&body->inflater->stream, GZIP_WINDOW) == Z_OK)
		return 0;
	free(body->inflater);
	body->inflater = NULL;
	return error_errno(err, ENOMEM, "inflating");
}

static int count(struct asker_body *body, const void *data, size_t size, struct error *err)
{
	body->plain_bytes += size;
	return asker_items_take(&body->items, data, size) < 0
		       ? error_set(err, EPROTO, "the answer's body is no protobuf of Kubernetes'")
		       : 0;
}

static int inflate_some(struct asker_body *body, const void *data, size_t size, struct error *err)
{
	struct asker_inflater *inflater = body->inflater;
	z_stream *stream = &inflater->stream;
	int r = Z_OK, counted = 0;

	stream->next_in = data;
	stream->avail_in = (uInt)size;
	do {
		stream->next_out = inflater->plain;
		stream->avail_out = sizeof(inflater->plain);
		r = inflate(stream, Z_NO_FLUSH);
		if (r != Z_OK && r != Z_STREAM_END && r != Z_BUF_ERROR)
			return error_set(err, EPROTO, "the answer's body is no gzip");
		counted = count(
			body, inflater->plain, sizeof(inflater->plain) - stream->avail_out, err);
	} while (counted == 0 && r == Z_OK && (stream->avail_in > 0 || stream->avail_out == 0));
	body->inflated = r == Z_STREAM_END;
	if (counted == 0 && body->inflated && stream->avail_in > 0)
		return error_set(err, EPROTO, "the answer's body goes on behind its gzip");
	return counted;
}

int asker_body_take(void *context, bool gzip, const void *data, size_t size, struct error *err)
{
	struct asker_body *body = context;
	int r;

	if (!body->counts)
		return 0;
	if (!gzip)
		return count(body, data, size, err);
	if (!body->inflating) {
		r = begin_inflating(body, err);
		if (r < 0)
			return r;
	}
	if (body->inflated)
		return error_set(err, EPROTO, "the answer's body goes on behind its gzip");
	return inflate_some(body, data, size, err);
}

bool asker_body_has(const struct asker_body *body, uint64_t wanted)
{
	return (!body->inflating || body->inflated) && asker_items_end(&body->items) == 0 &&
	       body->items.count == wanted;
}
