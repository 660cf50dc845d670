/* HTTPS/1.1 connections: accepts them, bounds them, hands whole requests to the handler.
 *
 * libevent's evhttp parses and frames. Around it stand the bounds that it lacks: the number of
 * connections, and deadlines for each thing that a peer can be slow at. Everything runs in the
 * event_base's thread. The process must ignore SIGPIPE. */
#ifndef API_SERVER_H
#define API_SERVER_H

#include "aggregator/access/access.h"
#include "base/error.h"
#include "base/telemetry.h"

#include <event2/event.h>
#include <event2/http.h>
#include <openssl/types.h>
#include <stddef.h>
#include <stdint.h>

/* A request's header beyond is refused by the handler (server_header_too_large()); beyond twice of
 * it evhttp refuses by itself, with 400. */
#define SERVER_MAX_HEADER_BYTES (64U * 1024)
#define SERVER_MAX_BODY_BYTES   (64U * 1024) /* nothing that is served takes one */

struct server_options {
	const char *bind_address; /* numeric */
	uint16_t port;            /* 0: any that is free */
	SSL_CTX *tls;             /* the server takes over one reference */
	uint32_t max_connections; /* beyond: the longest idle one makes room, or else the new one is
				   * cut; both counted */

	/* Deadlines, in milliseconds. */
	uint32_t handshake_ms; /* from accept to the end of the TLS handshake */
	uint32_t receive_ms;   /* from a request's first byte to its last */
	uint32_t idle_ms;      /* without a request */
	uint32_t stall_ms;     /* of an answer, without the client taking a byte */

	/* Called with each whole request; answers it now or later with evhttp_send_reply and its
	 * relatives. */
	void (*handle)(void *context, struct evhttp_request *http);
	void *context;
	struct telemetry *telemetry;
};

struct server;

/* Listens. NULL and a message when it can't; then `tls` is freed too. */
struct server *server_start(
	const struct server_options *options, struct event_base *base, struct error *err);

/* Connections that are accepted from now on use `tls`, of which one reference is taken over; those
 * that there are go on with theirs. */
void server_set_tls(struct server *server, SSL_CTX *tls);

/* Closes the listener and every connection. */
void server_stop(struct server *server);

/* Requests that were handed to the handler and whose answer is not wholly sent. */
size_t server_requests(const struct server *server);

/* That it listens on, also when port 0 was asked for. */
uint16_t server_port(const struct server *server);

/* Calls `finished` once, when the answer to `http` has been sent or its connection has died; `http`
 * is valid for the last time in that call. To be called by the handler before it answers. A client
 * that leaves while nothing of the answer has been written is seen at the next sweep, a second at
 * most. */
void server_on_finish(
	struct evhttp_request *http, void (*finished)(void *argument), void *argument);

/* The TLS of the connection that `http` came over, and what is known of its certificate; they live
 * as long as `http`. */
SSL *server_tls(struct evhttp_request *http);
struct access_peer *server_peer(struct evhttp_request *http);

/* Cuts the connection, so that the client sees that the answer is not whole. `finished` is called
 * later, from the loop. */
void server_abort(struct evhttp_request *http);

/* Now, in HTTP's words; until the next call. */
const char *server_date(struct evhttp_request *http);

/* True when the header is longer than SERVER_MAX_HEADER_BYTES. */
bool server_header_too_large(const struct evhttp_request *http);

#endif
