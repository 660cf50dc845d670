/* One HTTP/1.1 answer, taken as it comes: its status, and its body by Content-Length, in chunks or
 * up to the end of the connection. Everything else of it is only stepped over. */
#ifndef SCALE_ASKER_ANSWER_H
#define SCALE_ASKER_ANSWER_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ASKER_ANSWER_MAX_HEAD 8192 /* bytes of status line and headers, or of trailers */
#define ASKER_ANSWER_MAX_LINE 256  /* bytes of a chunk's size with its extensions */

/* Bytes of the body, without chunks' sizes; 0, or -errno and a message to end it. `gzip`: they
 * are compressed. */
typedef int (*asker_answer_sink)(
	void *context, bool gzip, const void *data, size_t size, struct error *err);

struct asker_answer {
	/* of the last head that was read */
	int status;
	bool gzip;
	bool close;          /* the server will close the connection */
	uint64_t body_bytes; /* as they came over the wire, without chunks' sizes */

	/* private */
	int state;
	asker_answer_sink sink;
	void *context;
	bool sized, chunked;
	uint64_t left; /* of the body or the chunk */
	size_t line;   /* bytes of a chunk's line, or of trailers */
	size_t digits, trailer_line;
	size_t head_length;
	char head[ASKER_ANSWER_MAX_HEAD];
};

/* For the next answer. `sink` may be NULL. */
void asker_answer_start(struct asker_answer *answer, asker_answer_sink sink, void *context);

/* Takes bytes of it. 1: it is complete, *ret_used of the bytes were its own; 0: all were, and
 * there is more to come; -EPROTO and a message: this is no HTTP, or beyond the bounds; or what the
 * sink said. */
int asker_answer_take(struct asker_answer *answer, const char *data, size_t size, size_t *ret_used,
	struct error *err);

/* The connection has ended. 1: it was complete with that, 0: it was not. */
int asker_answer_end(const struct asker_answer *answer);

#endif
