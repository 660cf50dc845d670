#include "aggregator/api/server.h"

#include "aggregator/api/connection.h"
#include "aggregator/api/connection_deadlines.h"
#include "aggregator/api/connection_set.h"
#include "aggregator/api/connection_stream.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <event2/bufferevent_ssl.h>
#include <event2/http_struct.h>
#include <event2/listener.h>
#include <event2/util.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

struct server {
	struct server_options options;
	struct event_base *base;
	struct evhttp *http;
	struct evconnlistener *listener; /* evhttp's */
	struct event *sweep;
	struct timeval period; /* of it */
	bool accepting;
	struct connection_set *connections;
};

/* Every method is parsed, so that the answer is a Status and not evhttp's page. */
#define EVERY_METHOD                                                                               \
	(EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE | \
		EVHTTP_REQ_OPTIONS | EVHTTP_REQ_TRACE | EVHTTP_REQ_CONNECT | EVHTTP_REQ_PATCH |    \
		UNKNOWN_METHOD)
#define UNKNOWN_METHOD (1 << 15) /* evhttp's mark for methods that it does not know */

/* evhttp falls back to a connection without TLS when this returns NULL; handle() refuses those. */
static struct bufferevent *new_connection(struct event_base *base, void *context)
{
	struct server *server = context;
	SSL_CTX *tls = certificate_reload_tls(server->options.certificate);
	struct bufferevent *bufferevent = connection_set_add(server->connections, base, tls);

	SSL_CTX_free(tls); /* the connection has it */
	server->options.accepted(server->options.context);
	return bufferevent;
}

static void handle(struct evhttp_request *http, void *context)
{
	struct server *server = context;

	if (!connection_begin_reply(http)) {
		evhttp_send_error(http, 500, NULL);
		return;
	}
	server->options.handle(server->options.context, http);
}

/* Out of file descriptors, most likely: accepting again at once would only spin, so it waits for
 * the next sweep. `evhttp` has put itself in the place of our context. */
static void accept_failed(struct evconnlistener *listener, void *evhttp)
{
	(void)evhttp;
	log_warn("accepting an HTTPS connection: %s; trying again in a moment",
		strerror(EVUTIL_SOCKET_ERROR()));
	(void)evconnlistener_disable(listener);
}

/* What is left to be cut need not wait for long. */
static void sweep(evutil_socket_t fd, short events, void *context)
{
	static const struct timeval SOON = {0, 1000};
	struct server *server = context;
	bool more = connection_deadlines_check(server->connections, clock_monotonic_ns());

	(void)fd;
	(void)events;
	(void)event_add(server->sweep, more ? &SOON : &server->period);
	if (server->accepting)
		(void)evconnlistener_enable(server->listener); /* see accept_failed() */
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* A tenth of the shortest deadline, so that none is missed by more. */
static int start_sweeping(struct server *server, struct error *err)
{
	const struct server_deadlines *deadlines = &server->options.deadlines;
	uint32_t period_ms = least(least(deadlines->handshake_ms, deadlines->receive_ms),
				     least(deadlines->idle_ms, deadlines->stall_ms)) /
			     10;

	period_ms = period_ms < 10 ? 10 : least(period_ms, 1000);
	server->period = (struct timeval){period_ms / 1000, period_ms % 1000 * 1000};
	server->sweep = event_new(server->base, -1, 0, sweep, server);
	if (!server->sweep || event_add(server->sweep, &server->period) < 0)
		return error_errno(err, ENOMEM, "starting the HTTPS server");
	return 0;
}

void server_set_accepting(struct server *server, bool accepting)
{
	server->accepting = accepting;
	(void)(accepting ? evconnlistener_enable(server->listener)
			 : evconnlistener_disable(server->listener));
}

static int listen_on(struct server *server, struct error *err)
{
	server->listener = evconnlistener_new(server->base, NULL, NULL,
		LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_DISABLED, 0, server->options.socket);
	if (!server->listener)
		return error_errno(err, ENOMEM, "starting the HTTPS server");
	evconnlistener_set_error_cb(server->listener, accept_failed);
	return 0;
}

static int start_http(struct server *server, struct error *err)
{
	int r;

	server->http = evhttp_new(server->base);
	if (!server->http)
		return error_errno(err, ENOMEM, "starting the HTTPS server");
	evhttp_set_bevcb(server->http, new_connection, server);
	evhttp_set_gencb(server->http, handle, server);
	evhttp_set_allowed_methods(server->http, (ev_uint16_t)(EVERY_METHOD));
	evhttp_set_max_headers_size(server->http, 2 * SERVER_MAX_HEADER_BYTES);
	evhttp_set_max_body_size(server->http, SERVER_MAX_BODY_BYTES);
	r = listen_on(server, err);
	if (r < 0)
		return r;
	if (!evhttp_bind_listener(server->http, server->listener)) {
		evconnlistener_free(server->listener);
		return error_errno(err, ENOMEM, "starting the HTTPS server");
	}
	server_set_accepting(server, server->options.accepting);
	return 0;
}

static struct connection_limits limits_of(const struct server_options *options)
{
	const struct server_deadlines *deadlines = &options->deadlines;

	return (struct connection_limits){
		.load = options->load,
		.loop = options->loop,
		.handshake_ns = deadlines->handshake_ms * NS_PER_MS,
		.receive_ns = deadlines->receive_ms * NS_PER_MS,
		.idle_ns = deadlines->idle_ms * NS_PER_MS,
		.stall_ns = deadlines->stall_ms * NS_PER_MS,
		/* What a client sends while it is answered waits here, and nothing beyond. */
		.input_bytes = 2 * SERVER_MAX_HEADER_BYTES + SERVER_MAX_BODY_BYTES,
	};
}

struct server *server_start(
	const struct server_options *options, struct event_base *base, struct error *err)
{
	struct connection_limits limits = limits_of(options);
	struct server *server = calloc(1, sizeof(*server));

	if (!server) {
		(void)error_errno(err, ENOMEM, "starting the HTTPS server");
		return NULL;
	}
	server->options = *options;
	server->base = base;
	server->connections = connection_set_new(&limits, base, options->telemetry);
	if (!server->connections) {
		(void)error_errno(err, ENOMEM, "starting the HTTPS server");
		goto fail;
	}
	if (start_http(server, err) < 0 || start_sweeping(server, err) < 0)
		goto fail;
	return server;
fail:
	server_stop(server);
	return NULL;
}

void server_stop(struct server *server)
{
	if (!server)
		return;
	if (server->http)
		evhttp_free(server->http); /* and with it the listener */
	if (server->sweep)
		event_free(server->sweep);
	connection_set_free(server->connections);
	free(server);
}

void server_on_finish(struct evhttp_request *http, server_finished finished, void *argument)
{
	connection_on_finish(http, finished, argument);
}

SSL *server_tls(struct evhttp_request *http)
{
	return connection_tls(http);
}

struct access_peer *server_peer(struct evhttp_request *http)
{
	return connection_peer(http);
}

void server_send(struct evhttp_request *http, const void *answer, size_t size)
{
	connection_send(http, answer, size);
}

void server_stream_begin(struct evhttp_request *http)
{
	connection_stream_begin(http);
}

size_t server_stream_write(struct evhttp_request *http, const char *data, size_t size)
{
	return connection_stream_write(http, data, size);
}

void server_stream_end(struct evhttp_request *http)
{
	connection_stream_end(http);
}

void server_abort(struct evhttp_request *http)
{
	connection_abort(http);
}

const char *server_date(struct evhttp_request *http)
{
	return connection_date(http);
}

bool server_header_too_large(const struct evhttp_request *http)
{
	return http->headers_size > SERVER_MAX_HEADER_BYTES;
}
