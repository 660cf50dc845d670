/* Bytes into memory that was reserved before: for the paths that write a list of a whole cluster.
 */
#ifndef API_PUT_H
#define API_PUT_H

#include "base/buffer.h"

#include <stddef.h>
#include <string.h>

/* As buffer_reserve(), without a call where there is room already. */
static inline char *put_room(struct buffer *out, size_t size)
{
	if (!out->failed && !out->limit && out->capacity - out->length > size)
		return out->data + out->length;
	return buffer_reserve(out, size);
}

/* Each returns where the next byte goes. */
static inline char *put_bytes(char *to, const void *from, size_t size)
{
	memcpy(to, from, size);
	return to + size;
}

/* Ends what was put into the room: it has come up to `to`. */
static inline void put_end(struct buffer *out, const char *to)
{
	out->length = (size_t)(to - out->data);
}

#define PUT_LITERAL(to, text) put_bytes(to, text, sizeof(text) - 1)

/* The same at the buffer's end. */
static inline void put_append(struct buffer *out, const void *from, size_t size)
{
	char *to = put_room(out, size);

	if (to)
		put_end(out, put_bytes(to, from, size));
}

#define PUT_APPEND(out, text) put_append(out, text, sizeof(text) - 1)

#endif
