#include "aggregator/api/connection.h"

#include "aggregator/api/http_date.h"
#include "base/clock.h"

#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>

enum state {
	HANDSHAKE, /* of TLS */
	IDLE,      /* nothing of a request has come */
	RECEIVING, /* a part of a request has come */
	REPLYING,
	CUT, /* waiting for libevent to see it */
};

enum reason {
	BY_CLIENT,
	ON_HANDSHAKE,
	ON_RECEIVE,
	ON_IDLE,
	ON_STALL,
	ON_LIMIT,
	FOR_ANOTHER,
	ON_ABORT,
	REASONS
};

static const char *const REASON_NAMES[REASONS] = {
	[BY_CLIENT] = "done",
	[ON_HANDSHAKE] = "handshake_timeout",
	[ON_RECEIVE] = "receive_timeout",
	[ON_IDLE] = "idle_timeout",
	[ON_STALL] = "stalled_client",
	[ON_LIMIT] = "too_many",
	[FOR_ANOTHER] = "made_room",
	[ON_ABORT] = "aborted_reply",
};

/* OpenSSL's 34 KiB of buffers stay with a connection that asks again and again: to have them from
 * the heap for each request is a tenth of its cost. Who has paused, and all but so many, has none.
 */
#define KEEP_NS   NS_PER_SECOND
#define KEEP_MOST 256

struct connection {
	LIST_ENTRY(connection) entry;
	TAILQ_ENTRY(connection) waiting; /* while IDLE */
	struct connection_set *set;      /* NULL when the set is gone */
	SSL *ssl;
	struct access_peer *peer;
	struct bufferevent *bufferevent;
	enum state state;
	uint64_t since_ns; /* in this state; while REPLYING, since a byte was taken, when last seen
			    */
	uint64_t taken;    /* bytes by the socket, when last seen */
	enum reason reason;
	bool counted; /* in the serving load */
	bool refused;
	bool keeps;                  /* OpenSSL's buffers */
	bool bounded;                /* has a watermark */
	struct evhttp_request *http; /* while REPLYING */
	void (*finished)(void *argument);
	void *argument;
};

LIST_HEAD(connection_list, connection);
TAILQ_HEAD(connection_line, connection);

struct connection_set {
	struct connection_limits limits;
	struct connection_list list;
	struct connection_line idle; /* since when: the longest first */
	size_t keeping;              /* of the list */
	struct http_date date;
	struct event *refuse;
	int ssl_index; /* of the SSL's data that tells us when it is freed */
	struct telemetry_series *open, *closed[REASONS];
};

/* What the set knows of `state` begins (+1) or ends (-1). */
static void count_state(struct connection *connection, enum state state, int sign)
{
	struct connection_set *set = connection->set;

	if (!set)
		return;
	if (state == IDLE && sign > 0)
		TAILQ_INSERT_TAIL(&set->idle, connection, waiting);
	else if (state == IDLE)
		TAILQ_REMOVE(&set->idle, connection, waiting);
}

static void enter(struct connection *connection, enum state state)
{
	count_state(connection, connection->state, -1);
	connection->state = state;
	connection->since_ns = clock_monotonic_ns();
	count_state(connection, state, 1);
}

/* It is none of the connections that are allowed any more. */
static void discount(struct connection *connection)
{
	const struct connection_set *set = connection->set;

	if (connection->counted && set)
		serving_load_disconnect(set->limits.load, set->limits.loop);
	connection->counted = false;
}

/* shutdown(2) makes libevent see the end and free everything in its own order. With a reset the
 * kernel drops at once what the client has not taken. */
static void cut(struct connection *connection, enum reason reason, bool reset)
{
	struct linger at_once = {1, 0};
	evutil_socket_t fd = bufferevent_getfd(connection->bufferevent);

	if (connection->state == CUT)
		return;
	if (reset)
		(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	(void)shutdown(fd, SHUT_RDWR);
	connection->reason = reason;
	discount(connection);
	enter(connection, CUT);
}

/* --- how it goes ------------------------------------------------------------------------------ */

/* A watermark makes libevent look at it whenever evhttp takes a line: only who sends while it is
 * answered gets one. */
static void input_changed(
	struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *context)
{
	struct connection *connection = context;

	(void)buffer;
	if (info->n_added == 0)
		return;
	if (connection->state == HANDSHAKE || connection->state == IDLE)
		enter(connection, RECEIVING);
	if (connection->state == REPLYING && !connection->bounded && connection->set) {
		connection->bounded = true;
		bufferevent_setwatermark(
			connection->bufferevent, EV_READ, 0, connection->set->limits.input_bytes);
	}
}

static void keep_buffers(struct connection *connection)
{
	struct connection_set *set = connection->set;

	if (connection->keeps || !set || set->keeping >= KEEP_MOST)
		return;
	connection->keeps = true;
	set->keeping++;
	(void)SSL_clear_mode(connection->ssl, SSL_MODE_RELEASE_BUFFERS);
}

/* What is in use goes when it is not any more. */
static void release_buffers(struct connection *connection)
{
	connection->keeps = false;
	connection->set->keeping--;
	(void)SSL_set_mode(connection->ssl, SSL_MODE_RELEASE_BUFFERS);
	(void)SSL_free_buffers(connection->ssl);
}

/* The request that is answered, or none. */
static void set_request(struct connection *connection, struct evhttp_request *http)
{
	if (http && !connection->http)
		serving_load_begin(connection->set->limits.load);
	if (!http && connection->http)
		serving_load_end(connection->set->limits.load);
	connection->http = http;
}

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
		count_state(connection, connection->state, -1);
		LIST_REMOVE(connection, entry);
		set->keeping -= connection->keeps;
		discount(connection);
		telemetry_subtract(set->open, 1);
		telemetry_add(set->closed[connection->reason], 1);
	}
	access_peer_free(connection->peer);
	free(connection);
}

static struct connection *connection_of(struct evhttp_request *http)
{
	struct evhttp_connection *evcon = evhttp_request_get_connection(http);
	SSL *ssl = bufferevent_openssl_get_ssl(evhttp_connection_get_bufferevent(evcon));

	return ssl ? SSL_get_app_data(ssl) : NULL;
}

static void finish(struct connection *connection)
{
	void (*finished)(void *argument) = connection->finished;

	connection->finished = NULL;
	if (finished)
		finished(connection->argument);
}

static void reply_sent(struct evhttp_request *http, void *context)
{
	struct connection *connection = context;
	struct evbuffer *input = bufferevent_get_input(connection->bufferevent);

	(void)http;
	finish(connection);
	set_request(connection, NULL);
	if (connection->state == REPLYING) /* the next request may be here already */
		enter(connection, evbuffer_get_length(input) > 0 ? RECEIVING : IDLE);
}

/* The connection dies while a reply is under way or between two. evhttp has let go of a request
 * whose reply is not complete; it is ours then. */
static void connection_closed(struct evhttp_connection *evcon, void *context)
{
	struct connection *connection = context;
	struct evhttp_request *http = connection->http;

	(void)evcon;
	finish(connection);
	set_request(connection, NULL);
	if (http && !evhttp_request_get_connection(http))
		evhttp_request_free(http);
}

/* Whether the client has taken some of the answer since the last look. */
static bool has_taken(struct connection *connection)
{
	uint64_t taken = BIO_number_written(SSL_get_wbio(connection->ssl)),
		 before = connection->taken;

	connection->taken = taken;
	return taken != before;
}

bool connection_begin_reply(struct evhttp_request *http)
{
	struct connection *connection = connection_of(http);

	if (!connection)
		return false;
	set_request(connection, http);
	keep_buffers(connection);
	(void)has_taken(connection); /* what was before */
	if (connection->state != CUT)
		enter(connection, REPLYING);
	evhttp_request_set_on_complete_cb(http, reply_sent, connection);
	evhttp_connection_set_closecb(
		evhttp_request_get_connection(http), connection_closed, connection);
	return true;
}

void connection_on_finish(
	struct evhttp_request *http, void (*finished)(void *argument), void *argument)
{
	struct connection *connection = connection_of(http);

	connection->finished = finished;
	connection->argument = argument;
}

SSL *connection_tls(struct evhttp_request *http)
{
	return connection_of(http)->ssl;
}

struct access_peer *connection_peer(struct evhttp_request *http)
{
	return connection_of(http)->peer;
}

const char *connection_date(struct evhttp_request *http)
{
	return http_date_text(&connection_of(http)->set->date, time(NULL));
}

void connection_abort(struct evhttp_request *http)
{
	cut(connection_of(http), ON_ABORT, true);
}

/* --- the set ---------------------------------------------------------------------------------- */

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
			cut(connection, ON_LIMIT, true);
}

/* For `connection`, which is one too many: who has been idle for the longest goes, and if nobody is
 * it goes itself. */
static void make_room(struct connection_set *set, struct connection *connection)
{
	struct connection *longest = TAILQ_FIRST(&set->idle);

	if (longest) {
		cut(longest, FOR_ANOTHER, false);
	} else {
		connection->refused = true;
		event_active(set->refuse, EV_TIMEOUT, 0);
	}
}

static void add(struct connection_set *set, struct connection *connection)
{
	struct bufferevent *bufferevent = connection->bufferevent;

	connection->set = set;
	LIST_INSERT_HEAD(&set->list, connection, entry);
	telemetry_add(set->open, 1);
	connection->counted = true;
	if (!serving_load_connect(set->limits.load, set->limits.loop))
		make_room(set, connection);
	(void)evbuffer_add_cb(bufferevent_get_input(bufferevent), input_changed, connection);
}

struct bufferevent *connection_new(
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
	enter(connection, HANDSHAKE);
	connection->bufferevent = bufferevent_openssl_socket_new(
		base, -1, connection->ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
	if (!connection->bufferevent)
		return NULL;
	add(set, connection);
	return connection->bufferevent;
}

/* Nothing of the answer has been written yet. evhttp neither reads nor writes then, and so sees no
 * end of the connection. */
static bool is_waited_for(const struct connection *connection)
{
	return connection->state == REPLYING && connection->http &&
	       evbuffer_get_length(bufferevent_get_output(connection->bufferevent)) == 0;
}

static bool has_left(const struct connection *connection)
{
	struct pollfd socket = {bufferevent_getfd(connection->bufferevent), POLLRDHUP, 0};

	return poll(&socket, 1, 0) > 0;
}

/* Of a connection that is waited for: who waits is told by connection_closed(). */
static void give_up(struct connection *connection, enum reason reason)
{
	connection->reason = reason;
	discount(connection);
	enter(connection, CUT);
	evhttp_connection_free(evhttp_request_get_connection(connection->http));
}

/* The connection may be gone when it returns. */
static void check_deadline(struct connection *connection, uint64_t now_ns)
{
	const struct connection_limits *limits = &connection->set->limits;
	uint64_t age_ns = now_ns > connection->since_ns ? now_ns - connection->since_ns : 0;

	if (connection->keeps && age_ns > KEEP_NS)
		release_buffers(connection);
	switch (connection->state) {
	case HANDSHAKE:
		if (SSL_is_init_finished(connection->ssl))
			enter(connection, IDLE);
		else if (age_ns > limits->handshake_ns)
			cut(connection, ON_HANDSHAKE, true);
		break;
	case IDLE:
		if (age_ns > limits->idle_ns)
			cut(connection, ON_IDLE, false);
		break;
	case RECEIVING:
		if (age_ns > limits->receive_ns)
			cut(connection, ON_RECEIVE, true);
		break;
	case REPLYING:
		if (is_waited_for(connection)) {
			connection->since_ns = now_ns; /* it is not the client that is slow */
			if (has_left(connection))
				give_up(connection, BY_CLIENT);
		} else if (has_taken(connection)) {
			connection->since_ns = now_ns;
		} else if (age_ns > limits->stall_ns) {
			cut(connection, ON_STALL, true);
		}
		break;
	case CUT:
		break;
	}
}

void connection_sweep(struct connection_set *set, uint64_t now_ns)
{
	struct connection *connection, *next;

	for (connection = LIST_FIRST(&set->list); connection; connection = next) {
		next = LIST_NEXT(connection, entry);
		check_deadline(connection, now_ns);
	}
}

static void register_series(struct connection_set *set, struct telemetry *telemetry)
{
	set->open = telemetry_gauge(telemetry, "tacho_aggregator_http_connections",
		"HTTPS connections that are open.", NULL, NULL);
	for (size_t i = 0; i < REASONS; i++)
		set->closed[i] = telemetry_counter(telemetry,
			"tacho_aggregator_http_connections_closed_total",
			"HTTPS connections that ended, by why.", "reason", REASON_NAMES[i]);
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
	if (!set->refuse || set->ssl_index < 0) {
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
	free(set);
}
