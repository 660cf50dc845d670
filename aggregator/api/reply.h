/* Sends answers: whole bodies, Statuses, and bodies that come page by page. Each exchange gets
 * exactly one of them, and may be gone when the call returns. */
#ifndef API_REPLY_H
#define API_REPLY_H

#include "aggregator/api/exchange.h"
#include "aggregator/api/negotiate.h"
#include "aggregator/api/status.h"

#include <stdbool.h>

/* Bodies beyond are compressed for clients that accept it, and sent in chunks. */
#define REPLY_GZIP_BYTES (128U * 1024)

/* Adds a header to the answer that follows. */
void reply_header(struct exchange *exchange, const char *name, const char *value);

/* A whole body; the caller frees it. A buffer that has failed becomes a 500. */
void reply_body(
	struct exchange *exchange, int code, const char *content_type, const struct buffer *body);

/* The same for compact JSON, which is indented if the request asks for it. */
void reply_json(struct exchange *exchange, int code, const struct buffer *json);

/* No body: 304. */
void reply_empty(struct exchange *exchange, int code);

/* In the form that the request's Accept header asks for. Frees the status' texts. */
void reply_status(struct exchange *exchange, struct status *status);

/* Asks for the room that a long answer needs before anything of it is made; reply_pages() asks only
 * when it has found it to be long. False: there is none, and the exchange is answered with 429. */
bool reply_expect_stream(struct exchange *exchange);

/* 200, page by page: one a turn of the loop, and the next one when the client has taken the last.
 * Takes the source; `content_type` is a constant. */
void reply_pages(
	struct exchange *exchange, const char *content_type, const struct page_source *source);

#endif
