#include "aggregator/api/handshake_turn.h"

#include "aggregator/api/connection_inside.h"
#include "base/clock.h"

#include <errno.h>
#include <event2/bufferevent_ssl.h>
#include <event2/bufferevent_struct.h>
#include <openssl/ssl.h>

/* --- the line --------------------------------------------------------------------------------- */

/* In the next turn of the loop, when those who can be read have been, or after the pause. */
static void schedule(struct connection_set *set, uint64_t now_ns)
{
	uint64_t pause_ns = set->next_turn_ns > now_ns ? set->next_turn_ns - now_ns : 0;
	const struct timeval pause = {
		(time_t)(pause_ns / NS_PER_SECOND), (suseconds_t)(pause_ns % NS_PER_SECOND / 1000)};

	if (!event_pending(set->turn, EV_TIMEOUT, NULL))
		(void)event_add(set->turn, &pause);
}

static struct connection_line *line_of(const struct connection *connection)
{
	return connection->handshake.halfway ? &connection->set->halfway
					     : &connection->set->beginning;
}

static void wait_for_turn(struct connection *connection)
{
	struct connection_set *set = connection->set;

	connection->handshake.place = HANDSHAKE_WAITS;
	connection->handshake.halfway =
		BIO_number_written(SSL_get_wbio(connection->ssl)) > 0; /* our part */
	TAILQ_INSERT_TAIL(line_of(connection), connection, handshake.line);
	telemetry_add(set->handshakes_waiting, 1);
	schedule(set, clock_monotonic_ns());
}

void handshake_turn_forget(struct connection *connection)
{
	struct connection_set *set = connection->set;

	if (set && connection->handshake.place == HANDSHAKE_EXPECTED)
		TAILQ_REMOVE(&set->expected, connection, handshake.line);
	if (set && connection->handshake.place == HANDSHAKE_WAITS) {
		TAILQ_REMOVE(line_of(connection), connection, handshake.line);
		telemetry_subtract(set->handshakes_waiting, 1);
	}
	connection->handshake.place = HANDSHAKE_ELSEWHERE;
}

/* --- between libevent and its event ----------------------------------------------------------- */

/* Something has come. Nobody looks at the socket until the turn: epoll would tell it each time. */
static void readable(evutil_socket_t fd, short events, void *context)
{
	struct bufferevent *bufferevent = context;
	struct connection *connection = SSL_get_app_data(bufferevent_openssl_get_ssl(bufferevent));

	(void)fd;
	(void)events;
	(void)event_del(&bufferevent->ev_read);
	if (connection->set && connection->handshake.place == HANDSHAKE_ELSEWHERE)
		wait_for_turn(connection);
}

/* What libevent calls when its event happens is called in the connection's turn. It adds the event
 * again when the handshake wants to read more, and makes it anew, without us, at the end. The
 * argument must stay what it is: libevent frees the bufferevent by it. */
static void put_between(struct connection *connection)
{
	struct event *read = &connection->bufferevent->ev_read;
	evutil_socket_t fd = event_get_fd(read);

	if (fd < 0 || event_get_callback_arg(read) != connection->bufferevent ||
		event_del(read) < 0)
		return;
	connection->handshake.step = event_get_callback(read);
	(void)event_assign(read, event_get_base(read), fd, event_get_events(read), readable,
		connection->bufferevent);
	(void)event_add(read, NULL);
}

/* evhttp has given them their sockets, and no event of theirs has been looked for yet. */
static void put_between_all(evutil_socket_t fd, short events, void *context)
{
	struct connection_set *set = context;
	struct connection *connection;

	(void)fd;
	(void)events;
	while ((connection = TAILQ_FIRST(&set->expected)) != NULL) {
		handshake_turn_forget(connection);
		put_between(connection);
	}
}

void handshake_turn_expect(struct connection *connection)
{
	connection->handshake.place = HANDSHAKE_EXPECTED;
	TAILQ_INSERT_TAIL(&connection->set->expected, connection, handshake.line);
	event_active(connection->set->put_between, EV_TIMEOUT, 0);
}

/* --- the turns -------------------------------------------------------------------------------- */

/* Who fails is freed later by libevent, from the loop. */
static void step(struct connection *connection)
{
	struct bufferevent *bufferevent = connection->bufferevent;

	handshake_turn_forget(connection);
	connection->handshake.step(bufferevent_getfd(bufferevent), EV_READ, bufferevent);
}

/* Of both lines in turn. NULL when nobody waits. */
static struct connection *next(struct connection_set *set)
{
	struct connection *halfway = TAILQ_FIRST(&set->halfway);
	struct connection *beginning = TAILQ_FIRST(&set->beginning);
	struct connection *first = beginning;

	if (halfway && (set->halfway_next || !beginning))
		first = halfway;
	set->halfway_next = first == beginning;
	return first;
}

static void take_turn(evutil_socket_t fd, short events, void *context)
{
	struct connection_set *set = context;
	uint64_t begin_ns = clock_monotonic_ns(), now_ns = begin_ns;
	struct connection *connection;

	(void)fd;
	(void)events;
	/* libevent counts from when the loop's turn began, and so is early after a step. */
	while (begin_ns >= set->next_turn_ns && now_ns - begin_ns < HANDSHAKE_TURN_NS &&
		(connection = next(set)) != NULL) {
		step(connection);
		now_ns = clock_monotonic_ns();
	}
	if (now_ns > begin_ns)
		set->next_turn_ns = now_ns + HANDSHAKE_PAUSE * (now_ns - begin_ns);
	if (!TAILQ_EMPTY(&set->beginning) || !TAILQ_EMPTY(&set->halfway))
		schedule(set, now_ns);
}

int handshake_turn_start(
	struct connection_set *set, struct event_base *base, struct telemetry *telemetry)
{
	TAILQ_INIT(&set->expected);
	TAILQ_INIT(&set->beginning);
	TAILQ_INIT(&set->halfway);
	set->handshakes_waiting =
		telemetry_gauge(telemetry, "tacho_aggregator_http_handshakes_waiting",
			"HTTPS connections whose TLS handshake waits for its turn.", NULL, NULL);
	set->put_between = event_new(base, -1, EV_PERSIST, put_between_all, set);
	set->turn = event_new(base, -1, 0, take_turn, set);
	return set->put_between && set->turn ? 0 : -ENOMEM;
}

void handshake_turn_stop(struct connection_set *set)
{
	if (set->put_between)
		event_free(set->put_between);
	if (set->turn)
		event_free(set->turn);
}
