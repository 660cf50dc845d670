/* The head of an HTTP/1.1 request for /metrics, and what it asks for. Pure functions on bytes. */
#ifndef AGENT_EXPORT_REQUEST_H
#define AGENT_EXPORT_REQUEST_H

#include "agent/export_text.h"

#include <stdbool.h>
#include <stddef.h>

#define EXPORT_REQUEST_MAX 8192 /* bytes of a head; Prometheus sends some 500 */

/* Which page. */
struct export_key {
	enum export_part part;
	enum export_format format;
};

struct export_request {
	struct export_key key;
	bool gzip;       /* the client takes it */
	bool head;       /* HEAD: no body is wanted */
	bool keep_alive; /* the connection may stay; false whenever the status is not 200 */
};

/* Where the head ends, behind its empty line; 0 while that has not come. */
size_t export_request_end(const char *data, size_t length);

/* The status of the answer: 200, or 400 (not HTTP/1, a body, a header that is none), 404, 405, 505.
 * `head` is `length` bytes, up to export_request_end(). */
int export_request_parse(const char *head, size_t length, struct export_request *ret_request);

#endif
