#include "aggregator/api/connection_reading.h"

#include "aggregator/api/connection_inside.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent_struct.h>
#include <openssl/ssl.h>

/* --- the second event ------------------------------------------------------------------------- */

static bool is_read(const struct connection *connection)
{
	return event_pending(&connection->bufferevent->ev_read, EV_READ, NULL) != 0;
}

/* libevent reads by its own event. What comes while nobody reads would be told again and again. */
static void readable(evutil_socket_t fd, short events, void *context)
{
	struct connection *connection = context;

	(void)fd;
	if (events & EV_TIMEOUT) { /* which took it from the socket as well */
		(void)event_add(&connection->hold, NULL);
		event_active(&connection->bufferevent->ev_read, EV_READ, 0);
	} else if (!is_read(connection)) {
		(void)event_del(&connection->hold);
	}
}

/* Lets libevent read what OpenSSL has taken and not given yet. In the next round of the loop: who
 * sends without pause must not have this one for themselves. */
static void read_on(struct connection *connection)
{
	const struct timeval now = {0, 0};

	if (event_initialized(&connection->hold) && SSL_has_pending(connection->ssl))
		(void)event_add(&connection->hold, &now);
}

/* --- how it goes ------------------------------------------------------------------------------ */

/* A watermark makes libevent look at it whenever evhttp takes a line: only who sends while it is
 * answered gets one. */
static void bound(struct connection *connection)
{
	if (connection->bounded || !connection->set)
		return;
	connection->bounded = true;
	bufferevent_setwatermark(
		connection->bufferevent, EV_READ, 0, connection->set->limits.input_bytes);
}

static void input_came(struct connection *connection)
{
	if (connection->state == CONNECTION_HANDSHAKE || connection->state == CONNECTION_IDLE)
		connection_enter(connection, CONNECTION_RECEIVING);
	if (connection->state == CONNECTION_REPLYING)
		bound(connection);
	read_on(connection);
}

/* Each line that evhttp takes changes it, too: that ends a watermark's pause. */
static void input_changed(
	struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *context)
{
	struct connection *connection = context;

	(void)buffer;
	if (info->n_added > 0)
		input_came(connection);
	else if (connection->bounded)
		read_on(connection);
}

int connection_reading_start(struct connection *connection)
{
	struct evbuffer *input = bufferevent_get_input(connection->bufferevent);

	return evbuffer_add_cb(input, input_changed, connection) ? 0 : -ENOMEM;
}

/* OpenSSL takes more at a time from now on, and not before: libevent would not learn of what came
 * with the end of the handshake. */
void connection_reading_pause(struct connection *connection)
{
	if (event_initialized(&connection->hold))
		return;
	SSL_set_read_ahead(connection->ssl, 1);
	(void)event_assign(&connection->hold, bufferevent_get_base(connection->bufferevent),
		bufferevent_getfd(connection->bufferevent), EV_READ | EV_PERSIST, readable,
		connection);
}

void connection_reading_resume(struct connection *connection)
{
	if (!event_pending(&connection->hold, EV_READ, NULL))
		(void)event_add(&connection->hold, NULL);
	read_on(connection);
}

void connection_reading_stop(struct connection *connection)
{
	if (event_initialized(&connection->hold))
		(void)event_del(&connection->hold);
}
