#include "aggregator/api/connection.h"

#include "aggregator/api/connection_inside.h"
#include "aggregator/api/connection_reading.h"
#include "base/clock.h"

#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

/* OpenSSL's 34 KiB of buffers stay with a connection that asks again and again: to have them from
 * the heap for each request is a tenth of its cost. All but so many have none. */
#define KEEP_MOST 256

/* --- where it stands -------------------------------------------------------------------------- */

static void join_state(struct connection *connection)
{
	struct connection_set *set = connection->set;

	if (set && connection->state == CONNECTION_IDLE)
		TAILQ_INSERT_TAIL(&set->idle, connection, waiting);
}

void connection_leave_state(struct connection *connection)
{
	struct connection_set *set = connection->set;

	if (set && connection->state == CONNECTION_IDLE)
		TAILQ_REMOVE(&set->idle, connection, waiting);
}

void connection_enter(struct connection *connection, enum connection_state state)
{
	connection_leave_state(connection);
	connection->state = state;
	connection->since_ns = clock_monotonic_ns();
	join_state(connection);
}

void connection_discount(struct connection *connection)
{
	const struct connection_set *set = connection->set;

	if (connection->counted && set)
		serving_load_disconnect(set->limits.load, set->limits.loop);
	connection->counted = false;
}

void connection_cut(struct connection *connection, enum connection_end end, bool reset)
{
	struct linger at_once = {1, 0};
	evutil_socket_t fd = bufferevent_getfd(connection->bufferevent);

	if (connection->state == CONNECTION_CUT)
		return;
	if (reset)
		(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	(void)shutdown(fd, SHUT_RDWR);
	if (connection->state == CONNECTION_HANDSHAKE) /* nobody shakes hands with it any more */
		(void)recv(fd, NULL, INT_MAX, MSG_TRUNC | MSG_DONTWAIT);
	connection->end = end;
	connection_discount(connection);
	connection_enter(connection, CONNECTION_CUT);
}

/* --- OpenSSL's buffers ------------------------------------------------------------------------ */

static void keep_buffers(struct connection *connection)
{
	struct connection_set *set = connection->set;

	if (connection->keeps_buffers || !set || set->keeping >= KEEP_MOST)
		return;
	connection->keeps_buffers = true;
	set->keeping++;
	(void)SSL_clear_mode(connection->ssl, SSL_MODE_RELEASE_BUFFERS);
}

void connection_release_buffers(struct connection *connection)
{
	connection->keeps_buffers = false;
	connection->set->keeping--;
	(void)SSL_set_mode(connection->ssl, SSL_MODE_RELEASE_BUFFERS);
	(void)SSL_free_buffers(connection->ssl);
}

/* --- how a request goes ----------------------------------------------------------------------- */

/* The request that is answered, or none. */
static void set_request(struct connection *connection, struct evhttp_request *http)
{
	if (http && !connection->http)
		serving_load_begin(connection->set->limits.load);
	if (!http && connection->http)
		serving_load_end(connection->set->limits.load);
	connection->http = http;
}

static struct connection *connection_of(struct evhttp_request *http)
{
	struct evhttp_connection *evcon = evhttp_request_get_connection(http);
	SSL *ssl = bufferevent_openssl_get_ssl(evhttp_connection_get_bufferevent(evcon));

	return ssl ? SSL_get_app_data(ssl) : NULL;
}

static void finish(struct connection *connection, bool sent, uint64_t took_ns)
{
	connection_finished finished = connection->finished;

	connection->finished = NULL;
	if (finished)
		finished(connection->argument, sent, took_ns);
}

static void reply_sent(struct evhttp_request *http, void *context)
{
	struct connection *connection = context;
	struct evbuffer *input = bufferevent_get_input(connection->bufferevent);
	bool sent = connection->state == CONNECTION_REPLYING; /* otherwise it is being cut */

	(void)http;
	if (sent) /* the next request may be here already */
		connection_enter(connection,
			evbuffer_get_length(input) > 0 ? CONNECTION_RECEIVING : CONNECTION_IDLE);
	finish(connection, sent, sent ? connection->since_ns - connection->begun_ns : 0);
	set_request(connection, NULL);
	connection_reading_resume(connection);
}

/* The connection dies while a reply is under way or between two. evhttp has let go of a request
 * whose reply is not complete; it is ours then. */
static void connection_closed(struct evhttp_connection *evcon, void *context)
{
	struct connection *connection = context;
	struct evhttp_request *http = connection->http;

	(void)evcon;
	connection_reading_stop(connection);
	finish(connection, false, 0);
	set_request(connection, NULL);
	if (http && !evhttp_request_get_connection(http))
		evhttp_request_free(http);
}

bool connection_has_taken(struct connection *connection)
{
	/* Of the socket itself: before it record_fold.h may stand. */
	uint64_t taken = BIO_number_written(SSL_get_rbio(connection->ssl)),
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
	connection_reading_pause(connection);
	(void)connection_has_taken(connection); /* what was before */
	if (connection->state != CONNECTION_CUT)
		connection_enter(connection, CONNECTION_REPLYING);
	connection->begun_ns = connection->since_ns;
	evhttp_request_set_on_complete_cb(http, reply_sent, connection);
	evhttp_connection_set_closecb(
		evhttp_request_get_connection(http), connection_closed, connection);
	return true;
}

void connection_on_finish(struct evhttp_request *http, connection_finished finished, void *argument)
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
	connection_cut(connection_of(http), ON_ABORT, true);
}

/* What the socket does not take yet. From here on it is as with an answer that evhttp wrote: of the
 * client nothing is read but its end. False when memory is short. */
static bool leave_to_libevent(struct connection *connection, const void *answer, size_t size)
{
	struct bufferevent *bufferevent = connection->bufferevent;
	struct evbuffer *output = bufferevent_get_output(bufferevent);
	bufferevent_data_cb written;
	bufferevent_event_cb happened;
	void *context;

	/* In one piece: OpenSSL must be given again what it has begun with. */
	if (evbuffer_expand(output, size) < 0 || evbuffer_add(output, answer, size) < 0)
		return false;
	bufferevent_getcb(bufferevent, NULL, &written, &happened, &context);
	bufferevent_setcb(bufferevent, NULL, written, happened, context);
	(void)bufferevent_enable(bufferevent, EV_READ | EV_WRITE);
	return true;
}

void connection_send(struct evhttp_request *http, const void *answer, size_t size)
{
	struct connection *connection = connection_of(http);
	struct evbuffer *output = bufferevent_get_output(connection->bufferevent);

	if (evbuffer_get_length(output) > 0 || SSL_write(connection->ssl, answer, (int)size) <= 0) {
		ERR_clear_error(); /* libevent meets it again */
		if (!leave_to_libevent(connection, answer, size)) {
			connection_cut(connection, ON_ABORT, true);
			return;
		}
	}
	evhttp_send_reply_end(http);
}
