#include "aggregator/kube/json_lines.h"

#include <errno.h>
#include <string.h>

static int take_line(struct json_lines *lines, struct error *err)
{
	int r = 0;

	if (lines->line.length > 0)
		r = lines->on_line(lines->context, lines->line.data, lines->line.length);
	buffer_clear(&lines->line);
	return r < 0 ? error_errno(err, -r, "taking a line") : 0;
}

static int append(struct json_lines *lines, const char *data, size_t size, struct error *err)
{
	if (size > lines->line.limit - lines->line.length)
		return error_set(err, E2BIG, "a line of more than %zu bytes", lines->line.limit);
	buffer_append(&lines->line, data, size);
	return lines->line.failed ? error_errno(err, ENOMEM, "reading a line") : 0;
}

int json_lines_feed(struct json_lines *lines, const void *data, size_t size, struct error *err)
{
	const char *at = data;

	while (size > 0) {
		const char *newline = memchr(at, '\n', size);
		size_t length = newline ? (size_t)(newline - at) : size;
		int r = append(lines, at, length, err);

		if (r == 0 && newline)
			r = take_line(lines, err);
		if (r < 0)
			return r;
		length += newline != NULL;
		at += length;
		size -= length;
	}
	return 0;
}

void json_lines_free(struct json_lines *lines)
{
	buffer_free(&lines->line);
}
