/* A growing run of bytes.
 *
 * Running out of memory, or of the buffer's own limit, makes the buffer `failed`: what is appended
 * after that is dropped, and the writer looks once, at the end. Zero-initialise, or set `limit` to
 * bound it. One thread at a time. */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buffer {
	char *data; /* `length` bytes, not terminated; NULL while nothing was appended */
	size_t length;
	size_t capacity;
	size_t limit; /* bytes; 0 = none */
	bool failed;
};

/* Frees the bytes and leaves an empty buffer with the same limit. */
void buffer_free(struct buffer *buffer);

/* Forgets the bytes, keeps the memory, clears `failed`. */
void buffer_clear(struct buffer *buffer);

/* Makes room for `size` more bytes and returns where they go, or NULL (the buffer is then failed).
 * Add what was written to `length`. */
char *buffer_reserve(struct buffer *buffer, size_t size);

/* When there is no room and no memory for more, these append nothing and the buffer is failed. */
void buffer_append(struct buffer *buffer, const void *data, size_t size);
void buffer_append_string(struct buffer *buffer, const char *text);
void buffer_append_char(struct buffer *buffer, char c);
/* Decimal digits; much faster than buffer_printf. */
void buffer_append_uint(struct buffer *buffer, uint64_t value);
void buffer_printf(struct buffer *buffer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* A NUL behind the bytes (not counted in `length`); returns data, or NULL when failed. */
const char *buffer_terminate(struct buffer *buffer);

#endif
