/* One request and the answer to it, from the moment that the request is whole until the last byte
 * of the answer has gone or the connection has died. */
#ifndef API_EXCHANGE_H
#define API_EXCHANGE_H

#include "aggregator/access/access_desk.h"
#include "base/gzip_stream.h"
#include "aggregator/api/listing.h"
#include "aggregator/api/page_turn.h"
#include "aggregator/api/request.h"
#include "aggregator/api/request_attributes.h"
#include "aggregator/kube/user.h"
#include "base/buffer.h"
#include "base/telemetry.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <stdbool.h>
#include <stddef.h>

#define EXCHANGE_MAX_PARAMETERS 4

/* Bytes at the beginning of each page that are for who sends it: a chunk's head, say. */
#define EXCHANGE_SPARE 16

struct exchange;

/* A body that comes page by page. */
struct page_source {
	/* Appends the next page behind EXCHANGE_SPARE bytes, which may be others then.
	 * LISTING_NOT_FOUND only with not_found, and before anything was written. */
	enum listing_state (*next)(void *context, struct buffer *out);
	/* Answers in its place. May be NULL. */
	void (*not_found)(void *context, struct exchange *exchange);
	void (*free)(void *context);
	void *context;
};

/* The answers: how many by status code, and how long they took by kind. */
struct exchange_tally;
struct exchange_tally *exchange_tally_new(struct telemetry *telemetry);
void exchange_tally_free(struct exchange_tally *tally);
void exchange_tally_code(struct exchange_tally *tally, int code);

struct gate;

struct exchange {
	struct evhttp_request *http;
	struct exchange_tally *tally;
	struct request request;
	const char *parameters[EXCHANGE_MAX_PARAMETERS]; /* what the route's "*" stand for */

	/* At the gate, and from there on. */
	struct user user; /* who asks */
	struct request_attributes attributes;
	struct access_pending *pending;           /* the question about them that is under way */
	bool in_flight, streams;                  /* counted */
	void (*leave)(struct exchange *exchange); /* at its end, if not NULL */
	/* Before its answer is streamed, if not NULL. False: there are too many, which was the
	 * answer. */
	bool (*may_stream)(struct exchange *exchange);
	struct gate *gate;

	/* Of an answer that comes page by page. */
	struct page_source source;
	const char *content_type;
	struct page_turn turn;
	struct buffer page, packed; /* each with EXCHANGE_SPARE bytes before it */
	struct gzip_stream *gzip;
	struct evbuffer *chunk; /* NULL: it goes in one piece */
	bool begun;             /* the head is out */
	bool ended;             /* the last page is out */
};

/* Begins the exchange for a request of the server; it is freed when the server is done with it, and
 * before the line. NULL when memory is short. exchange->request is not parsed yet. */
struct exchange *exchange_new(
	struct evhttp_request *http, struct exchange_tally *tally, struct page_line *line);

#endif
