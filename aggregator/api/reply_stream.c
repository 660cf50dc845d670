#include "aggregator/api/reply_stream.h"

#include "aggregator/api/server.h"

#include <event2/http_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BYTES 8000 /* twenty pods or so: most answers need no more */
#define PAGE_BYTES  (EXCHANGE_SPARE + LISTING_PAGE + 4000) /* and the item with which it is full */

static void give_up(struct exchange *exchange)
{
	exchange->ended = true;
	server_abort(exchange->http);
}

/* --- pages ------------------------------------------------------------------------------------ */

/* The bytes before a page are there from here on. */
static bool has_spare(struct buffer *page, size_t size)
{
	if (page->length > 0)
		return true;
	if (!buffer_reserve(page, size))
		return false;
	memset(page->data, 0, EXCHANGE_SPARE);
	page->length = EXCHANGE_SPARE;
	return true;
}

enum listing_state reply_stream_page(struct exchange *exchange)
{
	if (!has_spare(&exchange->page, FIRST_BYTES))
		return LISTING_FAILED;
	return exchange->source.next(exchange->source.context, &exchange->page);
}

/* What goes out. */
static struct buffer *outgoing(struct exchange *exchange)
{
	return exchange->gzip ? &exchange->packed : &exchange->page;
}

static size_t outgoing_bytes(struct exchange *exchange)
{
	size_t length = outgoing(exchange)->length;

	return length > EXCHANGE_SPARE ? length - EXCHANGE_SPARE : 0;
}

/* Moves what is in exchange->page to what goes out. 0, or -1 when memory is short. */
static int pack_page(struct exchange *exchange)
{
	struct buffer *page = &exchange->page, *packed = &exchange->packed;
	int r = 0;

	if (!exchange->gzip || page->failed)
		return page->failed ? -1 : 0;
	if (!has_spare(packed, EXCHANGE_SPARE))
		return -1;
	r = gzip_stream_write(
		exchange->gzip, page->data + EXCHANGE_SPARE, page->length - EXCHANGE_SPARE, packed);
	if (r == 0 && exchange->ended)
		r = gzip_stream_finish(exchange->gzip, packed);
	buffer_clear(page);
	return packed->failed ? -1 : r;
}

static int next_page(struct exchange *exchange)
{
	enum listing_state state;

	if (exchange->page.capacity == 0)
		(void)buffer_reserve(&exchange->page, PAGE_BYTES); /* not doubled step by step */
	state = reply_stream_page(exchange);
	exchange->ended = state == LISTING_END;
	return state == LISTING_MORE || state == LISTING_END ? pack_page(exchange) : -1;
}

/* --- sending ---------------------------------------------------------------------------------- */

/* Around a chunk (RFC 9112, section 7.1): the head is put into the spare bytes, so that OpenSSL
 * gets it all in one piece. Returns where it begins; NULL when memory is short. */
static char *frame(struct buffer *out)
{
	char head[EXCHANGE_SPARE];
	int size = snprintf(head, sizeof(head), "%zx\r\n", out->length - EXCHANGE_SPARE);
	char *data;

	buffer_append(out, "\r\n", 2);
	if (out->failed)
		return NULL;
	data = out->data + EXCHANGE_SPARE - size;
	memcpy(data, head, (size_t)size);
	return data;
}

static void free_piece(const void *data, size_t length, void *piece)
{
	(void)data;
	(void)length;
	free(piece);
}

static void continue_stream(struct evhttp_connection *connection, void *context);

/* evhttp sends what begins at `data`, as it is, and has the memory. */
static int leave_to_evhttp(struct exchange *exchange, const char *data)
{
	struct buffer *out = outgoing(exchange);
	size_t left = (size_t)(out->data + out->length - data);
	unsigned chunked = exchange->http->chunked;

	if (evbuffer_add_reference(exchange->chunk, data, left, free_piece, out->data) < 0)
		return -1;
	*out = (struct buffer){0};
	exchange->http->chunked = 0; /* the chunk is framed */
	if (exchange->ended)
		evhttp_send_reply_chunk(exchange->http, exchange->chunk);
	else
		evhttp_send_reply_chunk_with_cb(
			exchange->http, exchange->chunk, continue_stream, exchange);
	exchange->http->chunked = chunked & 1;
	return 0;
}

enum sent { SENT, WAITING, FAILED };

/* Sends what is there. WAITING: evhttp has it, and tells when it is gone if it is not the last. */
static enum sent send_outgoing(struct exchange *exchange)
{
	struct buffer *out = outgoing(exchange);
	const char *data = out->data + EXCHANGE_SPARE;

	if (exchange->http->chunked) {
		data = frame(out);
		if (!data)
			return FAILED;
		data += server_stream_write(
			exchange->http, data, (size_t)(out->data + out->length - data));
	}
	if (data == out->data + out->length) {
		buffer_clear(out);
		return SENT;
	}
	return leave_to_evhttp(exchange, data) < 0 ? FAILED : WAITING;
}

static void begin(struct exchange *exchange)
{
	if (exchange->begun)
		return;
	exchange->begun = true;
	evhttp_send_reply_start(exchange->http, 200, "OK");
	if (exchange->http->chunked)
		server_stream_begin(exchange->http);
}

/* A page, and the next one in a later turn: unless the client takes them more slowly. */
static void send_page(void *context)
{
	struct exchange *exchange = context;
	enum sent sent = SENT;

	if (!exchange->ended && outgoing_bytes(exchange) == 0 && next_page(exchange) < 0) {
		give_up(exchange);
		return;
	}
	/* Compression may hold a whole page back, and an empty chunk would be the last one. */
	if (outgoing_bytes(exchange) > 0) {
		/* Not before there is more: evhttp would take the moment at which the head is
		 * written for that of what comes behind it. */
		begin(exchange);
		sent = send_outgoing(exchange);
	}
	if (sent == FAILED) {
		give_up(exchange);
	} else if (exchange->ended) {
		server_stream_end(exchange->http);
		evhttp_send_reply_end(exchange->http); /* the exchange may be gone */
	} else if (sent == SENT) {
		page_turn_wait(&exchange->turn, send_page, exchange);
	}
}

/* evhttp has sent what it was left. */
static void continue_stream(struct evhttp_connection *connection, void *context)
{
	struct exchange *exchange = context;

	(void)connection;
	page_turn_wait(&exchange->turn, send_page, exchange);
}

void reply_stream_begin(struct exchange *exchange, bool gzip)
{
	exchange->chunk = evbuffer_new();
	if (gzip)
		exchange->gzip = gzip_stream_new();
	if (!exchange->chunk || (gzip && !exchange->gzip) || pack_page(exchange) < 0) {
		give_up(exchange);
		return;
	}
	/* evhttp would tell an HTTP/1.0 client that keeps its connection a Content-Length of 0. */
	if (exchange->http->major < 1 || (exchange->http->major == 1 && exchange->http->minor < 1))
		(void)evhttp_remove_header(
			evhttp_request_get_input_headers(exchange->http), "Connection");
	send_page(exchange);
}
