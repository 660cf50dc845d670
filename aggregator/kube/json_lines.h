/* Takes a stream of JSON texts apart that end in newlines, as a watch in JSON is: in pieces of any
 * size. */
#ifndef KUBE_JSON_LINES_H
#define KUBE_JSON_LINES_H

#include "base/buffer.h"
#include "base/error.h"

#include <stddef.h>

struct json_lines {
	struct buffer line; /* set `limit`: the bytes of one */
	/* One line without its newline, not empty. 0 goes on, -errno ends the feeding. */
	int (*on_line)(void *context, const char *text, size_t size);
	void *context;
};

/* 0; -E2BIG (a longer line), -ENOMEM, or what on_line returned: then it can't be fed any more. */
int json_lines_feed(struct json_lines *lines, const void *data, size_t size, struct error *err);

void json_lines_free(struct json_lines *lines);

#endif
