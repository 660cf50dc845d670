/* Bytes into memory that was reserved before: for the paths that write a list of a whole cluster.
 */
#ifndef API_PUT_H
#define API_PUT_H

#include <stddef.h>
#include <string.h>

/* Returns where the next byte goes. */
static inline char *put_bytes(char *to, const void *from, size_t size)
{
	memcpy(to, from, size);
	return to + size;
}

#define PUT_LITERAL(to, text) put_bytes(to, text, sizeof(text) - 1)

#endif
