#include "aggregator/api/gzip_stream.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#define ZLIB_CONST /* next_in points to const */
#include <zlib.h>

#define LEVEL       1            /* as k8s.io/apiserver (defaultGzipContentEncodingLevel) */
#define WINDOW_BITS (15 + 16)    /* zlib.h: 15 is the greatest window, 16 more asks for gzip */
#define MEMORY      8            /* zlib's default */
#define STEP        (16U * 1024) /* bytes of output that room is made for at a time */

struct gzip_stream {
	z_stream zlib;
};

struct gzip_stream *gzip_stream_new(void)
{
	struct gzip_stream *stream = calloc(1, sizeof(*stream));

	if (!stream)
		return NULL;
	if (deflateInit2(&stream->zlib, LEVEL, Z_DEFLATED, WINDOW_BITS, MEMORY,
		    Z_DEFAULT_STRATEGY) != Z_OK) {
		free(stream);
		return NULL;
	}
	return stream;
}

void gzip_stream_free(struct gzip_stream *stream)
{
	if (!stream)
		return;
	(void)deflateEnd(&stream->zlib);
	free(stream);
}

/* Runs zlib until it wants more input or, with Z_FINISH, is done. */
static int run(struct gzip_stream *stream, int flush, struct buffer *out)
{
	do {
		char *to = buffer_reserve(out, STEP);

		if (!to)
			return -ENOMEM;
		stream->zlib.next_out = (Bytef *)to;
		stream->zlib.avail_out = STEP;
		/* With room for output, the only other answers are Z_STREAM_END and, when there is
		 * nothing to do, Z_BUF_ERROR (zlib.h). */
		(void)deflate(&stream->zlib, flush);
		out->length += STEP - stream->zlib.avail_out;
	} while (stream->zlib.avail_out == 0);
	return 0;
}

int gzip_stream_write(struct gzip_stream *stream, const void *data, size_t size, struct buffer *out)
{
	const unsigned char *from = data;
	int r = 0;

	while (size > 0 && r == 0) {
		unsigned piece = size < UINT_MAX ? (unsigned)size : UINT_MAX;

		stream->zlib.next_in = from;
		stream->zlib.avail_in = piece;
		r = run(stream, Z_NO_FLUSH, out);
		from += piece;
		size -= piece;
	}
	return r;
}

int gzip_stream_finish(struct gzip_stream *stream, struct buffer *out)
{
	stream->zlib.next_in = NULL;
	stream->zlib.avail_in = 0;
	return run(stream, Z_FINISH, out);
}
