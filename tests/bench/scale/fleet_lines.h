/* Lines of a file or pipe, with their numbers, and an end to how long one may be. */
#ifndef SCALE_FLEET_LINES_H
#define SCALE_FLEET_LINES_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lines {
	int fd;
	size_t max;      /* bytes of a line without its end */
	uint64_t number; /* of the line that lines_next() gave last, from 1 */
	bool ended;
	char *bytes; /* max + 1, and what is read at a time */
	size_t from, to;
};

/* Reads `fd`, which stays the caller's. 0 or -ENOMEM. */
int lines_init(struct lines *lines, int fd, size_t max);
void lines_free(struct lines *lines);

/* Reads once, after lines_next() gave no more: blocks as the fd does. 0; -EAGAIN when there is
 * nothing now; -EMSGSIZE for a line that is too long, -EINVAL for a last line without an end, or
 * another error, with a message. At the end `ended` is true. */
int lines_read(struct lines *lines, struct error *err);

/* The next whole line that was read, with room for a NUL behind it, until the next lines_read(); or
 * NULL. */
char *lines_next(struct lines *lines, size_t *ret_length);

#endif
