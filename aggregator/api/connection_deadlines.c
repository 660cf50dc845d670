#include "aggregator/api/connection_deadlines.h"

#include "aggregator/api/connection_inside.h"
#include "base/clock.h"
#include "base/patience.h"

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

/* True when the connection is cut. */
static bool keep_to(
	struct connection *connection, uint64_t age_ns, uint64_t most_ns, enum connection_end end)
{
	if (age_ns <= patience_of(most_ns, connection->patience))
		return false;
	connection_cut(connection, end, end != ON_IDLE);
	return true;
}

static bool check_reply(struct connection *connection, uint64_t now_ns, uint64_t age_ns)
{
	if (is_waited_for(connection)) {
		connection->since_ns = now_ns; /* it is not the client that is slow */
		if (!has_left(connection))
			return false;
		give_up(connection, BY_CLIENT);
		return true;
	}
	if (connection_has_taken(connection)) {
		connection->since_ns = now_ns;
		return false;
	}
	return keep_to(connection, age_ns, connection->set->limits.stall_ns, ON_STALL);
}

/* True when it is cut; it may be gone then. */
static bool check(struct connection *connection, uint64_t now_ns)
{
	const struct connection_limits *limits = &connection->set->limits;
	uint64_t age_ns = now_ns > connection->since_ns ? now_ns - connection->since_ns : 0;

	if (connection->keeps_buffers && age_ns > KEEP_NS)
		connection_release_buffers(connection);
	switch (connection->state) {
	case CONNECTION_HANDSHAKE:
		if (!SSL_is_init_finished(connection->ssl))
			return keep_to(connection, age_ns, limits->handshake_ns, ON_HANDSHAKE);
		connection_enter(connection, CONNECTION_IDLE);
		return false;
	case CONNECTION_IDLE:
		return keep_to(connection, age_ns, limits->idle_ns, ON_IDLE);
	case CONNECTION_RECEIVING:
		return keep_to(connection, age_ns, limits->receive_ns, ON_RECEIVE);
	case CONNECTION_REPLYING:
		return check_reply(connection, now_ns, age_ns);
	case CONNECTION_CUT:
		break;
	}
	return false;
}

bool connection_deadlines_check(struct connection_set *set, uint64_t now_ns)
{
	struct connection *connection = LIST_FIRST(&set->list), *next;
	unsigned cuts = 0;

	for (; connection && cuts < CONNECTION_DEADLINES_AT_ONCE; connection = next) {
		next = LIST_NEXT(connection, entry);
		cuts += check(connection, now_ns);
	}
	return connection != NULL;
}
