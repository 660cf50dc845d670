/* What the server knows of each connection that evhttp does not tell: where it stands, since when,
 * and how it ended. */
#ifndef API_CONNECTION_H
#define API_CONNECTION_H

#include "aggregator/access/access_desk.h"
#include "aggregator/api/serving_load.h"
#include "base/telemetry.h"

#include <event2/bufferevent.h>
#include <event2/http.h>
#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct connection_limits {
	struct serving_load *load; /* how many there may be in all loops */
	size_t loop;               /* whose these are in it */
	uint64_t handshake_ns, receive_ns, idle_ns, stall_ns; /* deadlines */
	size_t input_bytes; /* received and not yet parsed; reading pauses beyond */
};

struct connection_set;

/* NULL when memory is short. */
struct connection_set *connection_set_new(const struct connection_limits *limits,
	struct event_base *base, struct telemetry *telemetry);

/* Connections that are still there are forgotten: they free themselves. */
void connection_set_free(struct connection_set *set);

/* A TLS connection for evhttp, which sets its socket next. For one that is too many the one that
 * has been without a request for the longest is cut, and where all have one the new one itself,
 * from the loop. NULL when memory is short. */
struct bufferevent *connection_new(
	struct connection_set *set, struct event_base *base, SSL_CTX *tls);

/* A whole request came in. False when it did not come over a connection of connection_new(). */
bool connection_begin_reply(struct evhttp_request *http);

/* See server.h. */
SSL *connection_tls(struct evhttp_request *http);
struct access_peer *connection_peer(struct evhttp_request *http);
void connection_on_finish(
	struct evhttp_request *http, void (*finished)(void *argument), void *argument);
const char *connection_date(struct evhttp_request *http);
void connection_abort(struct evhttp_request *http);

/* Cuts the connections whose deadline has passed. `now_ns` is CLOCK_MONOTONIC. */
void connection_sweep(struct connection_set *set, uint64_t now_ns);

#endif
