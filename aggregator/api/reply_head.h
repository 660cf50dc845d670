/* The head of an answer that goes out in one piece, byte for byte as evhttp writes it, but without
 * its list of headers and a printf for each. */
#ifndef API_REPLY_HEAD_H
#define API_REPLY_HEAD_H

#include <event2/keyvalq_struct.h>
#include <stddef.h>

/* None of the texts may have a line end in it. */
struct reply_head {
	int code; /* three digits */
	const char *phrase;
	const struct evkeyvalq *others; /* the answer's own headers; they come first */
	const char *audit_id, *date, *content_type;
	size_t content_length;
};

/* Writes it for HTTP/1.1, not terminated, to `to`, which has room for `size` bytes. The bytes
 * written, or 0 when there are more than fit. */
size_t reply_head_write(const struct reply_head *head, char *to, size_t size);

#endif
