/* The connections of one serving loop, and how many there may be. */
#ifndef API_CONNECTION_SET_H
#define API_CONNECTION_SET_H

#include "aggregator/api/connection_limits.h"
#include "base/telemetry.h"

#include <event2/bufferevent.h>
#include <openssl/types.h>

struct connection_set;

/* NULL when memory is short. */
struct connection_set *connection_set_new(const struct connection_limits *limits,
	struct event_base *base, struct telemetry *telemetry);

/* Connections that are still there are forgotten: they free themselves. */
void connection_set_free(struct connection_set *set);

/* A TLS connection for evhttp, which sets its socket next. For one that is too many the one that
 * has been without a request for the longest is cut, and where all have one the new one itself,
 * from the loop. NULL when memory is short. */
struct bufferevent *connection_set_add(
	struct connection_set *set, struct event_base *base, SSL_CTX *tls);

#endif
