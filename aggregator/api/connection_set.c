#include "aggregator/api/connection_set.h"

#include "aggregator/api/connection_inside.h"
#include "aggregator/api/connection_reading.h"
#include "aggregator/api/handshake_turn.h"
#include "base/patience.h"

#include <event2/bufferevent_ssl.h>
#include <openssl/ssl.h>
#include <stdlib.h>

static const char *const END_NAMES[CONNECTION_ENDS] = {
	[BY_CLIENT] = "done",
	[ON_HANDSHAKE] = "handshake_timeout",
	[ON_RECEIVE] = "receive_timeout",
	[ON_IDLE] = "idle_timeout",
	[ON_STALL] = "stalled_client",
	[ON_LIMIT] = "too_many",
	[FOR_ANOTHER] = "made_room",
	[ON_ABORT] = "aborted_reply",
};

/* --- one comes, and goes ---------------------------------------------------------------------- */

/* OpenSSL calls it when the SSL is freed: the one moment that every connection comes to. */
static void ssl_freed(
	void *parent, void *pointer, CRYPTO_EX_DATA *data, int index, long argl, void *argp)
{
	struct connection *connection = pointer;
	struct connection_set *set = connection ? connection->set : NULL;

	(void)parent;
	(void)data;
	(void)index;
	(void)argl;
	(void)argp;
	if (!connection)
		return;
	if (set) {
		connection_leave_state(connection);
		handshake_turn_forget(connection);
		LIST_REMOVE(connection, entry);
		set->keeping -= connection->keeps_buffers;
		connection_discount(connection);
		telemetry_subtract(set->open, 1);
		telemetry_add(set->closed[connection->end], 1);
	}
	access_peer_free(connection->peer);
	free(connection);
}

/* Runs from the loop, when evhttp has given them their sockets. */
static void refuse(evutil_socket_t fd, short events, void *context)
{
	struct connection_set *set = context;
	struct connection *connection;

	(void)fd;
	(void)events;
	for (connection = LIST_FIRST(&set->list); connection;
		connection = LIST_NEXT(connection, entry))
		if (connection->refused)
			connection_cut(connection, ON_LIMIT, true);
}

/* For `connection`, which is one too many: who has been idle for the longest goes, and if nobody is
 * it goes itself. */
static void make_room(struct connection_set *set, struct connection *connection)
{
	struct connection *longest = TAILQ_FIRST(&set->idle);

	if (longest) {
		connection_cut(longest, FOR_ANOTHER, false);
	} else {
		connection->refused = true;
		event_active(set->refuse, EV_TIMEOUT, 0);
	}
}

static void add(struct connection_set *set, struct connection *connection)
{
	connection->set = set;
	connection->patience = patience_draw();
	LIST_INSERT_HEAD(&set->list, connection, entry);
	telemetry_add(set->open, 1);
	connection->counted = true;
	handshake_turn_expect(connection);
	if (!serving_load_connect(set->limits.load, set->limits.loop))
		make_room(set, connection);
}

struct bufferevent *connection_set_add(
	struct connection_set *set, struct event_base *base, SSL_CTX *tls)
{
	struct connection *connection = calloc(1, sizeof(*connection));

	if (!connection)
		return NULL;
	connection->ssl = SSL_new(tls);
	connection->peer = access_peer_new();
	if (!connection->ssl || !connection->peer ||
		SSL_set_ex_data(connection->ssl, set->ssl_index, connection) != 1) {
		SSL_free(connection->ssl);
		access_peer_free(connection->peer);
		free(connection);
		return NULL;
	}
	/* From here on the connection is freed with its SSL. */
	SSL_set_app_data(connection->ssl, connection);
	connection_enter(connection, CONNECTION_HANDSHAKE);
	connection->bufferevent = bufferevent_openssl_socket_new(
		base, -1, connection->ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
	if (!connection->bufferevent)
		return NULL;
	if (connection_reading_start(connection) < 0) {
		bufferevent_free(connection->bufferevent);
		return NULL;
	}
	add(set, connection);
	return connection->bufferevent;
}

/* --- the whole -------------------------------------------------------------------------------- */

static void register_series(struct connection_set *set, struct telemetry *telemetry)
{
	set->open = telemetry_gauge(telemetry, "tacho_aggregator_http_connections",
		"HTTPS connections that are open.", NULL, NULL);
	for (size_t i = 0; i < CONNECTION_ENDS; i++)
		set->closed[i] = telemetry_counter(telemetry,
			"tacho_aggregator_http_connections_closed_total",
			"HTTPS connections that ended, by why.", "reason", END_NAMES[i]);
}

struct connection_set *connection_set_new(const struct connection_limits *limits,
	struct event_base *base, struct telemetry *telemetry)
{
	struct connection_set *set = calloc(1, sizeof(*set));

	if (!set)
		return NULL;
	set->limits = *limits;
	LIST_INIT(&set->list);
	TAILQ_INIT(&set->idle);
	set->refuse = event_new(base, -1, EV_PERSIST, refuse, set);
	set->ssl_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, ssl_freed);
	if (handshake_turn_start(set, base, telemetry) < 0 || !set->refuse || set->ssl_index < 0) {
		connection_set_free(set);
		return NULL;
	}
	register_series(set, telemetry);
	return set;
}

void connection_set_free(struct connection_set *set)
{
	struct connection *connection;

	if (!set)
		return;
	for (connection = LIST_FIRST(&set->list); connection;
		connection = LIST_NEXT(connection, entry))
		connection->set = NULL;
	if (set->refuse)
		event_free(set->refuse);
	handshake_turn_stop(set);
	free(set);
}
