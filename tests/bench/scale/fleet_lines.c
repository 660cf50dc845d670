#include "tests/bench/scale/fleet_lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK 65536

int lines_init(struct lines *lines, int fd, size_t max)
{
	*lines = (struct lines){.fd = fd, .max = max, .bytes = malloc(max + 1 + CHUNK)};
	return lines->bytes ? 0 : -ENOMEM;
}

void lines_free(struct lines *lines)
{
	free(lines->bytes);
	*lines = (struct lines){.fd = -1};
}

int lines_read(struct lines *lines, struct error *err)
{
	size_t rest = lines->to - lines->from;
	ssize_t length;

	if (rest > lines->max)
		return error_set(err, EMSGSIZE, "line %llu: longer than %zu bytes",
			(unsigned long long)lines->number + 1, lines->max);
	memmove(lines->bytes, lines->bytes + lines->from, rest);
	lines->from = 0;
	lines->to = rest;
	length = read(lines->fd, lines->bytes + rest, CHUNK);
	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return -EAGAIN;
	if (length < 0)
		return error_errno(err, errno, "reading lines");
	if (length == 0 && rest > 0)
		return error_set(err, EINVAL, "line %llu: the input ends within it",
			(unsigned long long)lines->number + 1);
	lines->ended = length == 0;
	lines->to += (size_t)length;
	return 0;
}

char *lines_next(struct lines *lines, size_t *ret_length)
{
	char *line = lines->bytes + lines->from;
	char *end = memchr(line, '\n', lines->to - lines->from);

	if (!end || (size_t)(end - line) > lines->max)
		return NULL; /* the second is what lines_read() complains of */
	*ret_length = (size_t)(end - line);
	lines->from += *ret_length + 1;
	lines->number++;
	return line;
}
