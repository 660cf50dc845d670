#include "base/gzip_stream.h"

#include <errno.h>
#include <isa-l/igzip_lib.h>
#include <limits.h>
#include <stdlib.h>

#define LEVEL 1            /* of ISA-L's: as small as zlib's level 1, which Kubernetes takes */
#define STEP  (16U * 1024) /* bytes of output that room is made for at a time */

struct gzip_stream {
	struct isal_zstream isal;
	uint8_t level_memory[ISAL_DEF_LVL1_SMALL]; /* as fast and as good as the default's 283 KB */
};

struct gzip_stream *gzip_stream_new(void)
{
	struct gzip_stream *stream = malloc(sizeof(*stream)); /* ISA-L writes before it reads */

	if (!stream)
		return NULL;
	isal_deflate_init(&stream->isal);
	stream->isal.level = LEVEL;
	stream->isal.level_buf = stream->level_memory;
	stream->isal.level_buf_size = sizeof(stream->level_memory);
	stream->isal.gzip_flag = IGZIP_GZIP;
	return stream;
}

void gzip_stream_free(struct gzip_stream *stream)
{
	free(stream);
}

/* Runs until all input is taken and, at the end, all is out. */
static int run(struct gzip_stream *stream, struct buffer *out)
{
	struct isal_zstream *isal = &stream->isal;

	do {
		char *to = buffer_reserve(out, STEP);

		if (!to)
			return -ENOMEM;
		isal->next_out = (uint8_t *)to;
		isal->avail_out = STEP;
		/* Its errors are about levels, flushes and buffers that it was not given right. */
		(void)isal_deflate(isal);
		out->length += STEP - isal->avail_out;
	} while (isal->avail_out == 0);
	return 0;
}

int gzip_stream_write(struct gzip_stream *stream, const void *data, size_t size, struct buffer *out)
{
	const uint8_t *from = data;
	int r = 0;

	while (size > 0 && r == 0) {
		uint32_t piece = size < UINT32_MAX ? (uint32_t)size : UINT32_MAX;

		stream->isal.next_in = (uint8_t *)(uintptr_t)from; /* is only read */
		stream->isal.avail_in = piece;
		r = run(stream, out);
		from += piece;
		size -= piece;
	}
	return r;
}

int gzip_stream_finish(struct gzip_stream *stream, struct buffer *out)
{
	stream->isal.next_in = NULL;
	stream->isal.avail_in = 0;
	stream->isal.end_of_stream = 1;
	return run(stream, out);
}
