#include "agent/export_clients.h"

#include "agent/export_reply.h"
#include "base/clock.h"
#include "base/log.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <unistd.h>

/* Then a connection is closed after an answer: a certificate that is trusted no more is not for
 * ever. */
#define MAX_AGE_NS (3600 * NS_PER_SECOND)

enum state {
	RECEIVING, /* TLS's handshake, too */
	WAITING,   /* for the page */
	SENDING,
	IDLE, /* between two requests */
};

/* Why it ended. */
enum end {
	BY_CLIENT,
	BY_HANDSHAKE,
	ON_RECEIVE,
	ON_ANSWER,
	ON_IDLE,
	FOR_ANOTHER,
	ON_LIMIT,
	ON_REQUEST,
	ENDS
};

static const char *const END_NAMES[ENDS] = {
	[BY_CLIENT] = "done",
	[BY_HANDSHAKE] = "handshake_failed",
	[ON_RECEIVE] = "receive_timeout",
	[ON_ANSWER] = "answer_timeout",
	[ON_IDLE] = "idle_timeout",
	[FOR_ANOTHER] = "made_room",
	[ON_LIMIT] = "too_many",
	[ON_REQUEST] = "bad_request",
};

struct connection {
	TAILQ_ENTRY(connection) entry; /* in the order of `since_ns` */
	struct export_clients *clients;
	struct bufferevent *bufferevent;
	enum state state;
	uint64_t since_ns; /* in this state */
	uint64_t born_ns;
	bool shaken; /* hands, where there is TLS */
	struct export_request request;
	enum end end_after; /* SENDING: how it ends when all is sent, unless it stays */
};

TAILQ_HEAD(connection_line, connection);

struct export_clients {
	struct export_clients_options options;
	struct event_base *base;
	struct connection_line line;
	uint32_t count;
	struct log_limit failures;
	struct telemetry_series *open, *closed[ENDS];
	struct export_reply_counts *replies;
};

/* --- one connection --------------------------------------------------------------------------- */

static void enter(struct connection *connection, enum state state)
{
	struct connection_line *line = &connection->clients->line;

	TAILQ_REMOVE(line, connection, entry);
	TAILQ_INSERT_TAIL(line, connection, entry);
	connection->state = state;
	connection->since_ns = clock_monotonic_ns();
}

static void end_connection(struct connection *connection, enum end end)
{
	struct export_clients *clients = connection->clients;

	TAILQ_REMOVE(&clients->line, connection, entry);
	clients->count--;
	telemetry_set(clients->open, clients->count);
	telemetry_add(clients->closed[end], 1);
	bufferevent_free(connection->bufferevent);
	free(connection);
}

/* Of the client nothing is read until all is sent. */
static void begin_sending(struct connection *connection, enum end end_after)
{
	(void)bufferevent_disable(connection->bufferevent, EV_READ);
	enter(connection, SENDING);
	connection->end_after = end_after;
}

static void send_error(struct connection *connection, int status)
{
	export_reply_error(connection->clients->replies, status, connection->request.head,
		bufferevent_get_output(connection->bufferevent));
	connection->request.keep_alive = false;
	begin_sending(connection, status == 503 || status == 404 ? BY_CLIENT : ON_REQUEST);
}

static void take_request(struct connection *connection, const char *head, size_t length)
{
	struct export_clients *clients = connection->clients;
	int status = export_request_parse(head, length, &connection->request);

	(void)evbuffer_drain(bufferevent_get_input(connection->bufferevent), length);
	if (status != 200) {
		send_error(connection, status);
		return;
	}
	if (clock_monotonic_ns() - connection->born_ns > MAX_AGE_NS)
		connection->request.keep_alive = false;
	(void)bufferevent_disable(connection->bufferevent, EV_READ);
	enter(connection, WAITING);
	clients->options.asked(clients->options.context, connection->request.key);
}

/* May end the connection. */
static void look_for_request(struct connection *connection)
{
	struct evbuffer *input = bufferevent_get_input(connection->bufferevent);
	size_t length = evbuffer_get_length(input), end;
	const char *head;

	if (length == 0)
		return;
	if (connection->state == IDLE)
		enter(connection, RECEIVING);
	head = (const char *)evbuffer_pullup(input, -1);
	end = head ? export_request_end(head, length) : 0;
	if (!head)
		end_connection(connection, ON_REQUEST);
	else if (end > 0 && end <= EXPORT_REQUEST_MAX)
		take_request(connection, head, end);
	else if (length >= EXPORT_REQUEST_MAX)
		send_error(connection, 431);
}

static void readable(struct bufferevent *bufferevent, void *context)
{
	struct connection *connection = context;

	(void)bufferevent;
	if (connection->state == RECEIVING || connection->state == IDLE)
		look_for_request(connection);
}

/* All is with the kernel. */
static void written(struct bufferevent *bufferevent, void *context)
{
	struct connection *connection = context;

	if (connection->state != SENDING ||
		evbuffer_get_length(bufferevent_get_output(bufferevent)) > 0)
		return;
	if (!connection->request.keep_alive) {
		end_connection(connection, connection->end_after);
		return;
	}
	enter(connection, IDLE);
	(void)bufferevent_enable(bufferevent, EV_READ);
	look_for_request(connection); /* the next may be here already */
}

static void say_failure(struct connection *connection)
{
	unsigned long code = bufferevent_get_openssl_error(connection->bufferevent);
	const char *reason = code ? ERR_reason_error_string(code) : NULL;
	uint64_t held_back;

	if (log_allowed(&connection->clients->failures, 10 * NS_PER_SECOND, &held_back))
		log_warn("TLS with who asks for /metrics failed: %s (%llu more like this were held "
			 "back)",
			reason ? reason : "the connection was lost", (unsigned long long)held_back);
	ERR_clear_error();
}

static void happened(struct bufferevent *bufferevent, short what, void *context)
{
	struct connection *connection = context;
	bool tls = connection->clients->options.tls != NULL;

	(void)bufferevent;
	if (what & BEV_EVENT_CONNECTED) {
		connection->shaken = true;
		return;
	}
	if (!(what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)))
		return;
	if (tls && !connection->shaken)
		say_failure(connection);
	end_connection(connection, tls && !connection->shaken ? BY_HANDSHAKE : BY_CLIENT);
}

/* --- who comes -------------------------------------------------------------------------------- */

static struct bufferevent *new_bufferevent(struct export_clients *clients, evutil_socket_t fd)
{
	struct bufferevent *bufferevent;
	SSL *ssl;

	if (!clients->options.tls)
		return bufferevent_socket_new(clients->base, fd, BEV_OPT_CLOSE_ON_FREE);
	ssl = SSL_new(export_tls_context(clients->options.tls));
	if (!ssl)
		return NULL;
	bufferevent = bufferevent_openssl_socket_new(
		clients->base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
	if (!bufferevent)
		SSL_free(ssl);
	return bufferevent;
}

/* Who goes for a new one: who came the longest ago of those who have not shown who they are, else
 * who has been idle for the longest. A crowd of strangers drives out itself. NULL: all are busy. */
static struct connection *who_goes(struct export_clients *clients)
{
	struct connection *connection, *idle = NULL;

	for (connection = TAILQ_FIRST(&clients->line); connection;
		connection = TAILQ_NEXT(connection, entry)) {
		if (clients->options.tls && !connection->shaken)
			return connection;
		if (!idle && connection->state == IDLE)
			idle = connection;
	}
	return idle;
}

static bool make_room(struct export_clients *clients)
{
	struct connection *connection;

	if (clients->count < EXPORT_MAX_CONNECTIONS)
		return true;
	connection = who_goes(clients);
	if (connection)
		end_connection(connection, FOR_ANOTHER);
	return connection != NULL;
}

static struct connection *new_connection(struct export_clients *clients, evutil_socket_t fd)
{
	struct connection *connection = calloc(1, sizeof(*connection));

	if (connection)
		connection->bufferevent = new_bufferevent(clients, fd);
	if (connection && connection->bufferevent)
		return connection;
	free(connection);
	return NULL;
}

void export_clients_take(struct export_clients *clients, evutil_socket_t fd)
{
	struct connection *connection = make_room(clients) ? new_connection(clients, fd) : NULL;

	if (!connection) {
		telemetry_add(clients->closed[ON_LIMIT], 1);
		(void)close(fd);
		return;
	}
	connection->clients = clients;
	connection->born_ns = connection->since_ns = clock_monotonic_ns();
	TAILQ_INSERT_TAIL(&clients->line, connection, entry);
	clients->count++;
	telemetry_set(clients->open, clients->count);
	bufferevent_setcb(connection->bufferevent, readable, written, happened, connection);
	bufferevent_setwatermark(connection->bufferevent, EV_READ, 0, EXPORT_REQUEST_MAX);
	(void)bufferevent_enable(connection->bufferevent, EV_READ | EV_WRITE);
}

/* --- deadlines -------------------------------------------------------------------------------- */

static bool is_late(const struct export_clients *clients, const struct connection *connection,
	enum end *ret_end)
{
	const struct export_deadlines *deadlines = &clients->options.deadlines;
	uint64_t age_ms = (clock_monotonic_ns() - connection->since_ns) / NS_PER_MS;

	switch (connection->state) {
	case RECEIVING:
		*ret_end = ON_RECEIVE;
		return age_ms > deadlines->receive_ms;
	case IDLE:
		*ret_end = ON_IDLE;
		return age_ms > deadlines->idle_ms;
	case WAITING:
	case SENDING:
	default:
		*ret_end = ON_ANSWER;
		return age_ms > deadlines->answer_ms;
	}
}

void export_clients_sweep(struct export_clients *clients)
{
	struct connection *connection = TAILQ_FIRST(&clients->line), *next;
	enum end end;

	for (; connection; connection = next) {
		next = TAILQ_NEXT(connection, entry);
		if (is_late(clients, connection, &end))
			end_connection(connection, end);
	}
}

/* --- life ------------------------------------------------------------------------------------- */

static void register_series(struct export_clients *clients)
{
	struct telemetry *telemetry = clients->options.telemetry;

	clients->open = telemetry_gauge(telemetry, "tacho_agent_metrics_connections",
		"Connections to /metrics that are open", NULL, NULL);
	for (size_t i = 0; i < ENDS; i++)
		clients->closed[i] = telemetry_counter(telemetry,
			"tacho_agent_metrics_connections_closed_total",
			"Connections to /metrics that ended, by why", "reason", END_NAMES[i]);
}

struct export_clients *export_clients_new(
	const struct export_clients_options *options, struct event_base *base)
{
	struct export_clients *clients = calloc(1, sizeof(*clients));

	if (!clients)
		return NULL;
	clients->options = *options;
	clients->base = base;
	TAILQ_INIT(&clients->line);
	register_series(clients);
	clients->replies = export_reply_counts_new(options->telemetry);
	if (clients->replies)
		return clients;
	export_clients_free(clients);
	return NULL;
}

void export_clients_free(struct export_clients *clients)
{
	if (!clients)
		return;
	while (!TAILQ_EMPTY(&clients->line))
		end_connection(TAILQ_FIRST(&clients->line), BY_CLIENT);
	export_reply_counts_free(clients->replies);
	free(clients);
}

/* --- pages ------------------------------------------------------------------------------------ */

static bool waits_for(const struct connection *connection, struct export_key key)
{
	return connection->state == WAITING && connection->request.key.part == key.part &&
	       connection->request.key.format == key.format;
}

bool export_clients_wait(const struct export_clients *clients, struct export_key *ret_key)
{
	const struct connection *connection;

	for (connection = TAILQ_FIRST(&clients->line); connection;
		connection = TAILQ_NEXT(connection, entry)) {
		if (connection->state != WAITING)
			continue;
		*ret_key = connection->request.key;
		return true;
	}
	return false;
}

bool export_clients_wait_for(const struct export_clients *clients, struct export_key key)
{
	const struct connection *connection;

	for (connection = TAILQ_FIRST(&clients->line); connection;
		connection = TAILQ_NEXT(connection, entry))
		if (waits_for(connection, key))
			return true;
	return false;
}

void export_clients_answer(struct export_clients *clients, struct export_page *page)
{
	struct connection *connection = TAILQ_FIRST(&clients->line), *next;
	/* who is answered goes to the end of the line */
	for (uint32_t i = clients->count; i > 0; i--, connection = next) {
		next = TAILQ_NEXT(connection, entry);
		if (!waits_for(connection, page->key) ||
			(connection->request.gzip && !page->zipped))
			continue;
		export_reply_page(clients->replies, page, &connection->request,
			bufferevent_get_output(connection->bufferevent));
		begin_sending(connection, BY_CLIENT);
	}
}

void export_clients_refuse(struct export_clients *clients, struct export_key key)
{
	struct connection *connection = TAILQ_FIRST(&clients->line), *next;

	for (uint32_t i = clients->count; i > 0; i--, connection = next) {
		next = TAILQ_NEXT(connection, entry);
		if (waits_for(connection, key))
			send_error(connection, 503);
	}
}
