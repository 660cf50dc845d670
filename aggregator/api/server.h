/* HTTPS/1.1 connections of one serving loop: accepts them, bounds them, hands whole requests to the
 * handler.
 *
 * libevent's evhttp parses and frames. Around it stand the bounds that it lacks: the number of
 * connections, and deadlines for each thing that a peer can be slow at. Everything runs in the
 * event_base's thread. The process must ignore SIGPIPE. */
#ifndef API_SERVER_H
#define API_SERVER_H

#include "aggregator/access/access_desk.h"
#include "aggregator/api/certificate_reload.h"
#include "aggregator/api/serving_load.h"
#include "base/error.h"
#include "base/telemetry.h"

#include <event2/event.h>
#include <event2/http.h>
#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A request's header beyond is refused by the handler (server_header_too_large()); beyond twice of
 * it evhttp refuses by itself, with 400. */
#define SERVER_MAX_HEADER_BYTES (64U * 1024)
#define SERVER_MAX_BODY_BYTES   (64U * 1024) /* nothing that is served takes one */

/* In milliseconds. */
struct server_deadlines {
	uint32_t handshake_ms; /* from accept to the end of the TLS handshake */
	uint32_t receive_ms;   /* from a request's first byte to its last */
	uint32_t idle_ms;      /* without a request */
	uint32_t stall_ms;     /* of an answer, without the client taking a byte */
};

struct server_options {
	int socket;     /* that listens; it stays the caller's, and others may accept there too */
	bool accepting; /* from the beginning: see server_set_accepting() */
	void (*accepted)(void *context);        /* after each connection */
	struct certificate_reload *certificate; /* what connections begin with */
	struct serving_load *load; /* beyond its bound they are accepted and cut at once, counted */
	size_t loop;               /* whose they are in it */
	struct server_deadlines deadlines;

	/* Called with each whole request; answers it now or later with evhttp_send_reply and its
	 * relatives. */
	void (*handle)(void *context, struct evhttp_request *http);
	void *context;
	struct telemetry *telemetry;
};

struct server;

/* All of the options must outlive it. NULL and a message when memory is short. */
struct server *server_start(
	const struct server_options *options, struct event_base *base, struct error *err);

/* Whether connections are accepted. May be called by `accepted`. */
void server_set_accepting(struct server *server, bool accepting);

/* Closes every connection. NULL is fine. */
void server_stop(struct server *server);

/* Calls `finished` once, when the answer to `http` has been sent or its connection has died; `http`
 * is valid for the last time in that call. To be called by the handler before it answers. A client
 * that leaves while nothing of the answer has been written is seen at the next sweep, a second at
 * most. `took_ns` is from when the request was whole until the socket had the last byte; of an
 * answer that was not sent, or cut short, it is 0. */
typedef void (*server_finished)(void *argument, bool sent, uint64_t took_ns);
void server_on_finish(struct evhttp_request *http, server_finished finished, void *argument);

/* The TLS of the connection that `http` came over, and what is known of its certificate; they live
 * as long as `http`. */
SSL *server_tls(struct evhttp_request *http);
struct access_peer *server_peer(struct evhttp_request *http);

/* The answer to a GET or HEAD of HTTP/1.1 after which the connection stays: head and body in one
 * piece, which the socket nearly always takes at once. Then nothing of libevent's is used for it.
 * `http` and what hangs on it may be gone on return. */
#define SERVER_PIECE_BYTES (16U * 1024) /* one TLS record */
void server_send(struct evhttp_request *http, const void *answer, size_t size);

/* A long answer that is written piece by piece, after its head: from the beginning to the end what
 * is written may wait for more of it. Returns how many bytes were taken, none while evhttp has
 * something to send; evhttp is to be given the rest, in one piece. Behind the end evhttp must be
 * given more, if only a last chunk: it takes with it what waits. */
void server_stream_begin(struct evhttp_request *http);
size_t server_stream_write(struct evhttp_request *http, const char *data, size_t size);
void server_stream_end(struct evhttp_request *http);

/* Cuts the connection, so that the client sees that the answer is not whole. `finished` is called
 * later, from the loop. */
void server_abort(struct evhttp_request *http);

/* Now, in HTTP's words; until the next call. */
const char *server_date(struct evhttp_request *http);

/* True when the header is longer than SERVER_MAX_HEADER_BYTES. */
bool server_header_too_large(const struct evhttp_request *http);

#endif
