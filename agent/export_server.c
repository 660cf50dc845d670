#include "agent/export_server.h"

#include "agent/export_reply.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#define BACKLOG 16

/* What the kernel keeps for a client that does not read; left to itself it takes 4 MiB. */
#define SEND_BUFFER (256 * 1024)

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
	struct export_server *server;
	struct bufferevent *bufferevent;
	enum state state;
	uint64_t since_ns; /* in this state */
	uint64_t born_ns;
	bool shaken; /* hands, where there is TLS */
	struct export_request request;
	enum end end_after; /* SENDING: how it ends when all is sent, unless it stays */
};

TAILQ_HEAD(connection_line, connection);

struct export_server {
	struct export_server_options options;
	struct event_base *base;
	struct evconnlistener *listener;
	struct event *sweep;
	struct connection_line line;
	uint32_t count;
	uint32_t accepts; /* since the last sweep */
	struct log_limit failures;
	struct telemetry_series *open, *paused, *closed[ENDS];
	struct export_reply_counts *replies;
};

/* --- one connection --------------------------------------------------------------------------- */

static void enter(struct connection *connection, enum state state)
{
	struct connection_line *line = &connection->server->line;

	TAILQ_REMOVE(line, connection, entry);
	TAILQ_INSERT_TAIL(line, connection, entry);
	connection->state = state;
	connection->since_ns = clock_monotonic_ns();
}

static void end_connection(struct connection *connection, enum end end)
{
	struct export_server *server = connection->server;

	TAILQ_REMOVE(&server->line, connection, entry);
	server->count--;
	telemetry_set(server->open, server->count);
	telemetry_add(server->closed[end], 1);
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
	export_reply_error(connection->server->replies, status, connection->request.head,
		bufferevent_get_output(connection->bufferevent));
	connection->request.keep_alive = false;
	begin_sending(connection, status == 503 || status == 404 ? BY_CLIENT : ON_REQUEST);
}

static void take_request(struct connection *connection, const char *head, size_t length)
{
	struct export_server *server = connection->server;
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
	server->options.asked(server->options.context, connection->request.key);
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

	if (log_allowed(&connection->server->failures, 10 * NS_PER_SECOND, &held_back))
		log_warn("TLS with who asks for /metrics failed: %s (%llu more like this were held "
			 "back)",
			reason ? reason : "the connection was lost", (unsigned long long)held_back);
	ERR_clear_error();
}

static void happened(struct bufferevent *bufferevent, short what, void *context)
{
	struct connection *connection = context;
	bool tls = connection->server->options.tls != NULL;

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

static struct bufferevent *new_bufferevent(struct export_server *server, evutil_socket_t fd)
{
	struct bufferevent *bufferevent;
	SSL *ssl;

	if (!server->options.tls)
		return bufferevent_socket_new(server->base, fd, BEV_OPT_CLOSE_ON_FREE);
	ssl = SSL_new(export_tls_context(server->options.tls));
	if (!ssl)
		return NULL;
	bufferevent = bufferevent_openssl_socket_new(
		server->base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
	if (!bufferevent)
		SSL_free(ssl);
	return bufferevent;
}

/* Who has been idle for the longest goes for a new one. False: all are busy. */
static bool make_room(struct export_server *server)
{
	struct connection *connection;

	if (server->count < EXPORT_MAX_CONNECTIONS)
		return true;
	for (connection = TAILQ_FIRST(&server->line); connection;
		connection = TAILQ_NEXT(connection, entry)) {
		if (connection->state != IDLE)
			continue;
		end_connection(connection, FOR_ANOTHER);
		return true;
	}
	return false;
}

static void accepted(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from,
	int length, void *context)
{
	struct export_server *server = context;
	struct connection *connection;

	(void)from;
	(void)length;
	if (++server->accepts >= EXPORT_MAX_ACCEPTS) {
		telemetry_add(server->paused, 1);
		(void)evconnlistener_disable(listener);
	}
	if (!make_room(server)) {
		telemetry_add(server->closed[ON_LIMIT], 1);
		(void)close(fd);
		return;
	}
	connection = calloc(1, sizeof(*connection));
	if (connection)
		connection->bufferevent = new_bufferevent(server, fd);
	if (!connection || !connection->bufferevent) {
		free(connection);
		telemetry_add(server->closed[ON_LIMIT], 1);
		(void)close(fd);
		return;
	}
	connection->server = server;
	connection->born_ns = connection->since_ns = clock_monotonic_ns();
	TAILQ_INSERT_TAIL(&server->line, connection, entry);
	server->count++;
	telemetry_set(server->open, server->count);
	bufferevent_setcb(connection->bufferevent, readable, written, happened, connection);
	bufferevent_setwatermark(connection->bufferevent, EV_READ, 0, EXPORT_REQUEST_MAX);
	(void)bufferevent_enable(connection->bufferevent, EV_READ | EV_WRITE);
}

/* Out of file descriptors, most likely: to accept again at once would only spin, so it waits for
 * the next sweep. */
static void accept_failed(struct evconnlistener *listener, void *context)
{
	struct export_server *server = context;
	uint64_t held_back;

	if (log_allowed(&server->failures, 10 * NS_PER_SECOND, &held_back))
		log_warn("accepting a connection to /metrics: %s; trying again in a moment",
			strerror(EVUTIL_SOCKET_ERROR()));
	(void)evconnlistener_disable(listener);
}

/* --- deadlines -------------------------------------------------------------------------------- */

static bool is_late(
	const struct export_server *server, const struct connection *connection, enum end *ret_end)
{
	const struct export_deadlines *deadlines = &server->options.deadlines;
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

static void sweep(evutil_socket_t fd, short what, void *context)
{
	struct export_server *server = context;
	struct connection *connection = TAILQ_FIRST(&server->line), *next;
	enum end end;

	(void)fd;
	(void)what;
	for (; connection; connection = next) {
		next = TAILQ_NEXT(connection, entry);
		if (is_late(server, connection, &end))
			end_connection(connection, end);
	}
	server->accepts = 0;
	(void)evconnlistener_enable(server->listener); /* see accepted(), accept_failed() */
	if (server->options.tls)
		export_tls_refresh(server->options.tls);
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* A tenth of the shortest deadline, a second at most. */
static struct timeval sweep_period(const struct export_deadlines *deadlines)
{
	uint32_t ms = least(deadlines->receive_ms, least(deadlines->answer_ms, deadlines->idle_ms));

	ms = least(ms / 10 < 10 ? 10 : ms / 10, 1000);
	return (struct timeval){ms / 1000, ms % 1000 * 1000};
}

/* --- life ------------------------------------------------------------------------------------- */

static void set(int fd, int level, int option, int value)
{
	(void)setsockopt(fd, level, option, &value, sizeof(value));
}

static int listening_socket(const struct export_address *address, struct error *err)
{
	int r, fd = socket(
		       address->socket.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return error_errno(err, errno, "listening on --metrics-address");
	set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	/* inherited by what is accepted */
	set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set(fd, SOL_SOCKET, SO_SNDBUF, SEND_BUFFER);
	if (bind(fd, (const struct sockaddr *)&address->socket, address->size) < 0 ||
		listen(fd, BACKLOG) < 0) {
		r = error_errno(err, errno, "listening on --metrics-address");
		(void)close(fd);
		return r;
	}
	return fd;
}

static void register_series(struct export_server *server)
{
	struct telemetry *telemetry = server->options.telemetry;

	server->open = telemetry_gauge(telemetry, "tacho_agent_metrics_connections",
		"Connections to /metrics that are open", NULL, NULL);
	server->paused = telemetry_counter(telemetry, "tacho_agent_metrics_accepts_paused_total",
		"Times that new connections to /metrics had to wait, for too many came at once",
		NULL, NULL);
	for (size_t i = 0; i < ENDS; i++)
		server->closed[i] = telemetry_counter(telemetry,
			"tacho_agent_metrics_connections_closed_total",
			"Connections to /metrics that ended, by why", "reason", END_NAMES[i]);
}

static int start(struct export_server *server, struct error *err)
{
	const struct timeval period = sweep_period(&server->options.deadlines);
	int fd = listening_socket(&server->options.address, err);

	if (fd < 0)
		return fd;
	server->listener = evconnlistener_new(server->base, accepted, server,
		LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (!server->listener) {
		(void)close(fd);
		return error_errno(err, ENOMEM, "starting /metrics");
	}
	evconnlistener_set_error_cb(server->listener, accept_failed);
	server->replies = export_reply_counts_new(server->options.telemetry);
	server->sweep = event_new(server->base, -1, EV_PERSIST, sweep, server);
	if (!server->replies || !server->sweep || event_add(server->sweep, &period) < 0)
		return error_errno(err, ENOMEM, "starting /metrics");
	return 0;
}

struct export_server *export_server_start(
	const struct export_server_options *options, struct event_base *base, struct error *err)
{
	struct export_server *server = calloc(1, sizeof(*server));

	if (!server) {
		(void)error_errno(err, ENOMEM, "starting /metrics");
		return NULL;
	}
	server->options = *options;
	server->base = base;
	TAILQ_INIT(&server->line);
	register_series(server);
	if (start(server, err) < 0) {
		export_server_stop(server);
		return NULL;
	}
	return server;
}

void export_server_stop(struct export_server *server)
{
	if (!server)
		return;
	while (!TAILQ_EMPTY(&server->line))
		end_connection(TAILQ_FIRST(&server->line), BY_CLIENT);
	if (server->sweep)
		event_free(server->sweep);
	if (server->listener)
		evconnlistener_free(server->listener);
	export_reply_counts_free(server->replies);
	free(server);
}

uint16_t export_server_port(const struct export_server *server)
{
	struct sockaddr_storage address = {0};
	socklen_t size = sizeof(address);

	if (getsockname(evconnlistener_get_fd(server->listener), (struct sockaddr *)&address,
		    &size) < 0)
		return 0;
	if (address.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
	return ntohs(((struct sockaddr_in *)&address)->sin_port);
}

/* --- pages ------------------------------------------------------------------------------------ */

static bool waits_for(const struct connection *connection, struct export_key key)
{
	return connection->state == WAITING && connection->request.key.part == key.part &&
	       connection->request.key.format == key.format;
}

bool export_server_waits(const struct export_server *server, struct export_key *ret_key)
{
	const struct connection *connection;

	for (connection = TAILQ_FIRST(&server->line); connection;
		connection = TAILQ_NEXT(connection, entry)) {
		if (connection->state != WAITING)
			continue;
		*ret_key = connection->request.key;
		return true;
	}
	return false;
}

bool export_server_waits_for(const struct export_server *server, struct export_key key)
{
	const struct connection *connection;

	for (connection = TAILQ_FIRST(&server->line); connection;
		connection = TAILQ_NEXT(connection, entry))
		if (waits_for(connection, key))
			return true;
	return false;
}

void export_server_answer(struct export_server *server, struct export_page *page)
{
	struct connection *connection = TAILQ_FIRST(&server->line), *next;
	/* who is answered goes to the end of the line */
	for (uint32_t i = server->count; i > 0; i--, connection = next) {
		next = TAILQ_NEXT(connection, entry);
		if (!waits_for(connection, page->key) ||
			(connection->request.gzip && !page->zipped))
			continue;
		export_reply_page(server->replies, page, &connection->request,
			bufferevent_get_output(connection->bufferevent));
		begin_sending(connection, BY_CLIENT);
	}
}

void export_server_refuse(struct export_server *server, struct export_key key)
{
	struct connection *connection = TAILQ_FIRST(&server->line), *next;

	for (uint32_t i = server->count; i > 0; i--, connection = next) {
		next = TAILQ_NEXT(connection, entry);
		if (waits_for(connection, key))
			send_error(connection, 503);
	}
}
