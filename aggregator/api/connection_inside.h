/* What a connection and the set of them consist of: for connection*.c, and nobody else. */
#ifndef API_CONNECTION_INSIDE_H
#define API_CONNECTION_INSIDE_H

#include "aggregator/access/access_desk.h"
#include "aggregator/api/connection_limits.h"
#include "aggregator/api/http_date.h"
#include "base/telemetry.h"

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/http.h>
#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

enum connection_state {
	CONNECTION_HANDSHAKE, /* of TLS */
	CONNECTION_IDLE,      /* nothing of a request has come */
	CONNECTION_RECEIVING, /* a part of a request has come */
	CONNECTION_REPLYING,
	CONNECTION_CUT, /* waiting for libevent to see it */
};

/* Why it ended. */
enum connection_end {
	BY_CLIENT,
	ON_HANDSHAKE,
	ON_RECEIVE,
	ON_IDLE,
	ON_STALL,
	ON_LIMIT,
	FOR_ANOTHER,
	ON_ABORT,
	CONNECTION_ENDS
};

/* handshake_turn.h: of one connection. */
struct handshake_turn {
	enum {
		HANDSHAKE_ELSEWHERE,
		HANDSHAKE_EXPECTED, /* it has no socket yet */
		HANDSHAKE_WAITS,
	} place;
	bool halfway;                 /* in which line it waits */
	TAILQ_ENTRY(connection) line; /* unless ELSEWHERE */
	event_callback_fn step;       /* libevent's */
};

struct connection {
	LIST_ENTRY(connection) entry;
	TAILQ_ENTRY(connection) waiting; /* while IDLE */
	struct connection_set *set;      /* NULL when the set is gone */
	SSL *ssl;
	struct access_peer *peer;
	struct bufferevent *bufferevent;
	enum connection_state state;
	uint64_t since_ns; /* in this state; while REPLYING, since a byte was taken, when last seen
			    */
	uint64_t begun_ns; /* when the request was whole; while REPLYING */
	uint64_t taken;    /* bytes by the socket, when last seen */
	enum connection_end end;
	uint8_t patience; /* base/patience.h */
	bool counted;     /* in the serving load */
	bool refused;
	bool keeps_buffers; /* OpenSSL's */
	bool bounded;       /* has a watermark */
	struct handshake_turn handshake;
	struct event hold;           /* connection_reading.h; initialised by the first request */
	struct evhttp_request *http; /* while REPLYING */
	void (*finished)(void *argument, bool sent, uint64_t took_ns);
	void *argument;
};

LIST_HEAD(connection_list, connection);
TAILQ_HEAD(connection_line, connection);

struct connection_set {
	struct connection_limits limits;
	struct connection_list list;
	struct connection_line idle; /* since when: the longest first */
	size_t keeping;              /* OpenSSL's buffers: so many of the list */
	struct http_date date;
	struct event *refuse;
	/* handshake_turn.h */
	struct connection_line expected, beginning, halfway;
	bool halfway_next; /* whose turn it is when both lines wait */
	struct event *put_between, *turn;
	uint64_t next_turn_ns; /* not before */
	struct telemetry_series *handshakes_waiting;
	int ssl_index; /* of the SSL's data that tells us when it is freed */
	struct telemetry_series *open, *closed[CONNECTION_ENDS];
};

void connection_enter(struct connection *connection, enum connection_state state);

/* The set knows it no longer to be in its state. */
void connection_leave_state(struct connection *connection);

/* It is none of the connections that are allowed any more. */
void connection_discount(struct connection *connection);

/* shutdown(2) makes libevent see the end and free everything in its own order. With a reset the
 * kernel drops at once what the client has not taken. */
void connection_cut(struct connection *connection, enum connection_end end, bool reset);

/* Whether the client has taken some of the answer since the last look. */
bool connection_has_taken(struct connection *connection);

/* Of one that keeps them: what is in use goes when it is not any more. */
void connection_release_buffers(struct connection *connection);

#endif
