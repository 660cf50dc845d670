/* gzip (RFC 1952) at level 1, piece by piece: what Kubernetes sends to clients that accept it.
 *
 * By ISA-L, which takes a fifth of zlib's time for the same size (docs/performance.md). */
#ifndef BASE_GZIP_STREAM_H
#define BASE_GZIP_STREAM_H

#include "base/buffer.h"

#include <stddef.h>

struct gzip_stream;

/* NULL when memory is short (a stream takes some 170 KiB). */
struct gzip_stream *gzip_stream_new(void);
void gzip_stream_free(struct gzip_stream *stream);

/* Compresses data[0..size) and appends what is ready, which may be nothing, to `out`. 0, or
 * -ENOMEM: then the stream is of no more use. */
int gzip_stream_write(
	struct gzip_stream *stream, const void *data, size_t size, struct buffer *out);

/* Appends the rest. Nothing may be written after it. The same results. */
int gzip_stream_finish(struct gzip_stream *stream, struct buffer *out);

#endif
