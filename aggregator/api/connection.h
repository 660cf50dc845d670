/* What the server knows of each connection that evhttp does not tell: where it stands, since when,
 * and how it ended. */
#ifndef API_CONNECTION_H
#define API_CONNECTION_H

#include "aggregator/access/access_desk.h"

#include <event2/http.h>
#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A whole request came in. False when it did not come over a connection of connection_set_add(). */
bool connection_begin_reply(struct evhttp_request *http);

/* See server.h. */
typedef void (*connection_finished)(void *argument, bool sent, uint64_t took_ns);
SSL *connection_tls(struct evhttp_request *http);
struct access_peer *connection_peer(struct evhttp_request *http);
void connection_on_finish(
	struct evhttp_request *http, connection_finished finished, void *argument);
const char *connection_date(struct evhttp_request *http);
void connection_send(struct evhttp_request *http, const void *answer, size_t size);
void connection_abort(struct evhttp_request *http);

#endif
