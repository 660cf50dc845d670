#include "aggregator/api/reply.h"

#include "aggregator/access/header.h"
#include "aggregator/api/digits.h"
#include "aggregator/api/json_indent.h"
#include "aggregator/api/reply_head.h"
#include "aggregator/api/reply_stream.h"
#include "aggregator/api/server.h"

#include <event2/bufferevent.h>
#include <event2/bufferevent_struct.h>
#include <event2/event.h>
#include <event2/http_struct.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#define MAX_AUDIT_ID 64  /* Kubernetes' own bound for a received one */
#define HEAD_BYTES   512 /* of an answer, but for very long values */

void reply_header(struct exchange *exchange, const char *name, const char *value)
{
	/* It refuses values with line ends, which is what we want of echoed ones. */
	(void)evhttp_add_header(evhttp_request_get_output_headers(exchange->http), name, value);
}

/* A random UUID (RFC 9562, version 4). */
static void make_audit_id(char ret_id[37])
{
	unsigned char b[16] = {0};

	(void)RAND_bytes(b, sizeof(b));
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	(void)snprintf(ret_id, 37,
		"%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
		b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
		b[15]);
}

/* The client's, if it can be taken; otherwise one that is put into `made`. */
static const char *audit_id_of(const struct exchange *exchange, char made[37])
{
	const char *audit_id = request_header(&exchange->request, "Audit-Id");

	if (audit_id && *audit_id && strlen(audit_id) <= MAX_AUDIT_ID)
		return audit_id;
	make_audit_id(made);
	return made;
}

static void add_common_headers(struct exchange *exchange)
{
	char made[37];

	reply_header(exchange, "Audit-Id", audit_id_of(exchange, made));
	reply_header(exchange, "Cache-Control", "no-cache, private");
	reply_header(exchange, "Date", server_date(exchange->http));
	/* evhttp leaves a body behind that it does not expect, and would take it for the next
	 * request: on a connection whose other requests a proxy vouches for, a forged one. */
	if (request_has_body(&exchange->request))
		reply_header(exchange, "Connection", "close");
}

static const char *phrase(int code)
{
	switch (code) {
	case 200:
		return "OK";
	case 304:
		return "Not Modified";
	case 400:
		return "Bad Request";
	case 401:
		return "Unauthorized";
	case 403:
		return "Forbidden";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 406:
		return "Not Acceptable";
	case 422:
		return "Unprocessable Entity";
	case 429:
		return "Too Many Requests";
	case 431:
		return "Request Header Fields Too Large";
	default:
		return "Internal Server Error";
	}
}

/* The socket takes a small answer nearly always: to wait until the kernel says so is another round
 * of the loop. What it does not take waits as ever. */
static void send_now(struct bufferevent *bufferevent)
{
	if (event_pending(&bufferevent->ev_write, EV_WRITE, NULL))
		event_active(&bufferevent->ev_write, EV_WRITE, 0);
}

/* With room for the head, so that evhttp and we put everything into one piece: two would be two TLS
 * records and two write(2). 0 or -1. */
static int make_room(struct evbuffer *output, const struct buffer *body)
{
	return evbuffer_expand(output, HEAD_BYTES + body->length);
}

/* Nothing is special about the answer, so that evhttp need not decide what becomes of the
 * connection. */
static bool is_plain(const struct exchange *exchange)
{
	const struct evhttp_request *http = exchange->http;

	return http->major == 1 && http->minor == 1 && !(http->flags & EVHTTP_PROXY_REQUEST) &&
	       exchange->request.method <= REQUEST_HEAD && !request_has_body(&exchange->request) &&
	       !request_header(&exchange->request, "Connection") &&
	       !header_find(http->output_headers, "Connection");
}

/* False when it is left to evhttp. */
static bool send_piece(
	struct exchange *exchange, int code, const char *content_type, const struct buffer *body)
{
	char piece[SERVER_PIECE_BYTES], made[37];
	size_t sent = exchange->request.method == REQUEST_HEAD ? 0 : body->length, size;
	struct reply_head head = {
		.code = code,
		.phrase = phrase(code),
		.others = exchange->http->output_headers,
		.content_type = content_type,
		.content_length = body->length,
	};

	if (sent >= sizeof(piece) || !is_plain(exchange))
		return false;
	head.date = server_date(exchange->http);
	head.audit_id = audit_id_of(exchange, made);
	size = reply_head_write(&head, piece, sizeof(piece) - sent);
	if (size == 0 || strpbrk(head.audit_id, "\r\n"))
		return false;
	if (sent > 0)
		memcpy(piece + size, body->data, sent);
	exchange_tally_code(exchange->tally, code);
	server_send(exchange->http, piece, size + sent);
	return true;
}

/* evhttp writes the head, by what it finds in our headers, and waits for the output to be empty:
 * the body can be put there behind it, as nothing is sent before the loop has control again. */
static void send_by_evhttp(
	struct exchange *exchange, int code, const char *content_type, const struct buffer *body)
{
	struct bufferevent *bufferevent =
		evhttp_connection_get_bufferevent(evhttp_request_get_connection(exchange->http));
	struct evbuffer *output = bufferevent_get_output(bufferevent);
	char length[24];

	add_common_headers(exchange);
	reply_header(exchange, "Content-Type", content_type);
	*digits_put(length, body->length) = '\0';
	reply_header(exchange, "Content-Length", length);
	if (make_room(output, body) < 0) {
		server_abort(exchange->http); /* too short of memory to say so */
		return;
	}
	exchange_tally_code(exchange->tally, code);
	evhttp_send_reply(exchange->http, code, phrase(code), NULL);
	if (exchange->request.method != REQUEST_HEAD)
		(void)evbuffer_add(output, body->data, body->length); /* there is room */
	send_now(bufferevent);
}

static void send_whole(
	struct exchange *exchange, int code, const char *content_type, const struct buffer *body)
{
	if (!send_piece(exchange, code, content_type, body))
		send_by_evhttp(exchange, code, content_type, body);
}

/* In one piece: what is streamed goes through reply_pages(). */
static int pack(const struct buffer *body, struct buffer *out)
{
	struct gzip_stream *gzip = gzip_stream_new();
	int r = gzip ? gzip_stream_write(gzip, body->data, body->length, out) : -1;

	if (r == 0)
		r = gzip_stream_finish(gzip, out);
	gzip_stream_free(gzip);
	return out->failed ? -1 : r;
}

void reply_body(
	struct exchange *exchange, int code, const char *content_type, const struct buffer *body)
{
	struct buffer packed = {0};

	if (body->failed) {
		struct status status = status_internal("memory is short");

		reply_status(exchange, &status);
		return;
	}
	if (body->length > REPLY_GZIP_BYTES && request_accepts_gzip(&exchange->request) &&
		pack(body, &packed) == 0) {
		reply_header(exchange, "Content-Encoding", "gzip");
		reply_header(exchange, "Vary", "Accept-Encoding");
		send_whole(exchange, code, content_type, &packed);
	} else {
		send_whole(exchange, code, content_type, body);
	}
	buffer_free(&packed);
}

void reply_json(struct exchange *exchange, int code, const struct buffer *json)
{
	struct json_indent indent = {0};
	struct buffer indented = {.failed = json->failed};

	if (!request_pretty(&exchange->request)) {
		reply_body(exchange, code, "application/json", json);
		return;
	}
	json_indent_append(&indent, json->data, json->length, &indented);
	reply_body(exchange, code, "application/json", &indented);
	buffer_free(&indented);
}

void reply_empty(struct exchange *exchange, int code)
{
	add_common_headers(exchange);
	exchange_tally_code(exchange->tally, code);
	evhttp_send_reply(exchange->http, code, phrase(code), NULL);
}

void reply_status(struct exchange *exchange, struct status *status)
{
	struct representation as = negotiate_error(request_header(&exchange->request, "Accept"));
	const char *content_type = "application/json";
	struct buffer body = {0}, compact = {0};

	if (as.media == MEDIA_PROTOBUF) {
		content_type = "application/vnd.kubernetes.protobuf";
		status_write_protobuf(status, &body);
	} else if (as.pretty || request_pretty(&exchange->request)) {
		struct json_indent indent = {0};

		status_write_json(status, &compact);
		json_indent_append(&indent, compact.data, compact.length, &body);
	} else {
		status_write_json(status, &body);
	}
	send_whole(exchange, status->code, content_type, &body);
	buffer_free(&compact);
	buffer_free(&body);
	status_free(status);
}

/* --- page by page ----------------------------------------------------------------------------- */

bool reply_expect_stream(struct exchange *exchange)
{
	return exchange->streams || !exchange->may_stream || exchange->may_stream(exchange);
}

/* The pages in exchange->page are more than may go out in one piece: the stream begins with them.
 */
static void begin_stream(struct exchange *exchange)
{
	bool gzip = request_accepts_gzip(&exchange->request);

	if (!reply_expect_stream(exchange))
		return;
	add_common_headers(exchange);
	reply_header(exchange, "Content-Type", exchange->content_type);
	if (gzip) {
		reply_header(exchange, "Content-Encoding", "gzip");
		reply_header(exchange, "Vary", "Accept-Encoding");
	}
	exchange_tally_code(exchange->tally, 200);
	reply_stream_begin(exchange, gzip);
}

static void send_gathered(struct exchange *exchange, enum listing_state state)
{
	struct buffer *page = &exchange->page;

	exchange->ended = state == LISTING_END;
	if (state == LISTING_NOT_FOUND && exchange->source.not_found) {
		exchange->source.not_found(exchange->source.context, exchange);
	} else if ((state != LISTING_MORE && state != LISTING_END) || page->failed) {
		struct status status = status_internal("memory is short");

		reply_status(exchange, &status);
	} else if (page->length - EXCHANGE_SPARE <= REPLY_GZIP_BYTES) {
		struct buffer body = {
			page->data + EXCHANGE_SPARE, .length = page->length - EXCHANGE_SPARE};

		send_whole(exchange, 200, exchange->content_type, &body);
	} else {
		begin_stream(exchange);
	}
}

/* Until it is all, or too much for one piece. */
static void gather(void *context)
{
	struct exchange *exchange = context;
	enum listing_state state = reply_stream_page(exchange);

	if (state == LISTING_MORE && exchange->page.length - EXCHANGE_SPARE <= REPLY_GZIP_BYTES)
		page_turn_wait(&exchange->turn, gather, exchange);
	else
		send_gathered(exchange, state);
}

void reply_pages(
	struct exchange *exchange, const char *content_type, const struct page_source *source)
{
	exchange->source = *source;
	exchange->content_type = content_type;
	if (exchange->streams)
		page_turn_wait(&exchange->turn, gather, exchange);
	else
		gather(exchange);
}
