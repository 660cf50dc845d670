#include "aggregator/api/connection_deadlines.h"

#include "aggregator/api/connection_inside.h"
#include "base/clock.h"

#include <event2/buffer.h>
#include <openssl/ssl.h>
#include <poll.h>

/* Who has paused for as long keeps no buffers of OpenSSL's. */
#define KEEP_NS NS_PER_SECOND

/* Nothing of the answer has been written yet. evhttp neither reads nor writes then, and so sees no
 * end of the connection. */
static bool is_waited_for(const struct connection *connection)
{
	return connection->state == CONNECTION_REPLYING && connection->http &&
	       evbuffer_get_length(bufferevent_get_output(connection->bufferevent)) == 0;
}

static bool has_left(const struct connection *connection)
{
	struct pollfd socket = {bufferevent_getfd(connection->bufferevent), POLLRDHUP, 0};

	return poll(&socket, 1, 0) > 0;
}

/* Of a connection that is waited for: who waits is told by connection_closed(). */
static void give_up(struct connection *connection, enum connection_end end)
{
	connection->end = end;
	connection_discount(connection);
	connection_enter(connection, CONNECTION_CUT);
	evhttp_connection_free(evhttp_request_get_connection(connection->http));
}

/* The connection may be gone when it returns. */
static void check_deadline(struct connection *connection, uint64_t now_ns)
{
	const struct connection_limits *limits = &connection->set->limits;
	uint64_t age_ns = now_ns > connection->since_ns ? now_ns - connection->since_ns : 0;

	if (connection->keeps_buffers && age_ns > KEEP_NS)
		connection_release_buffers(connection);
	switch (connection->state) {
	case CONNECTION_HANDSHAKE:
		if (SSL_is_init_finished(connection->ssl))
			connection_enter(connection, CONNECTION_IDLE);
		else if (age_ns > limits->handshake_ns)
			connection_cut(connection, ON_HANDSHAKE, true);
		break;
	case CONNECTION_IDLE:
		if (age_ns > limits->idle_ns)
			connection_cut(connection, ON_IDLE, false);
		break;
	case CONNECTION_RECEIVING:
		if (age_ns > limits->receive_ns)
			connection_cut(connection, ON_RECEIVE, true);
		break;
	case CONNECTION_REPLYING:
		if (is_waited_for(connection)) {
			connection->since_ns = now_ns; /* it is not the client that is slow */
			if (has_left(connection))
				give_up(connection, BY_CLIENT);
		} else if (connection_has_taken(connection)) {
			connection->since_ns = now_ns;
		} else if (age_ns > limits->stall_ns) {
			connection_cut(connection, ON_STALL, true);
		}
		break;
	case CONNECTION_CUT:
		break;
	}
}

void connection_deadlines_check(struct connection_set *set, uint64_t now_ns)
{
	struct connection *connection, *next;

	for (connection = LIST_FIRST(&set->list); connection; connection = next) {
		next = LIST_NEXT(connection, entry);
		check_deadline(connection, now_ns);
	}
}
