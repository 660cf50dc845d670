#include "aggregator/api/server.h"

#include "aggregator/api/connection.h"
#include "base/clock.h"
#include "base/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/bufferevent_ssl.h>
#include <event2/http_struct.h>
#include <event2/listener.h>
#include <event2/util.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

/* What the kernel keeps for a client that does not read, in bytes; left to itself it takes 4 MiB.
 * Enough for 1 GB/s at a round trip of 0.5 ms. Inherited from the listening socket, as is
 * TCP_NODELAY. */
#define SEND_BUFFER (256 * 1024)

#define BACKLOG 1024 /* 1000 HPA and kube-apiserver connections may come back at once */

struct server {
	struct server_options options;
	struct event_base *base;
	struct evhttp *http;
	struct evconnlistener *listener; /* evhttp's */
	struct event *sweep;
	SSL_CTX *tls;
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

	return connection_new(server->connections, base, server->tls);
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

static void sweep(evutil_socket_t fd, short events, void *context)
{
	struct server *server = context;

	(void)fd;
	(void)events;
	connection_sweep(server->connections, clock_monotonic_ns());
	(void)evconnlistener_enable(server->listener); /* see accept_failed() */
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* A tenth of the shortest deadline, so that none is missed by more. */
static int start_sweeping(struct server *server, struct error *err)
{
	const struct server_options *options = &server->options;
	uint32_t period_ms = least(least(options->handshake_ms, options->receive_ms),
				     least(options->idle_ms, options->stall_ms)) /
			     10;
	struct timeval period;

	period_ms = period_ms < 10 ? 10 : least(period_ms, 1000);
	period = (struct timeval){period_ms / 1000, period_ms % 1000 * 1000};
	server->sweep = event_new(server->base, -1, EV_PERSIST, sweep, server);
	if (!server->sweep || event_add(server->sweep, &period) < 0)
		return error_errno(err, ENOMEM, "starting the HTTPS server");
	return 0;
}

/* Of a numeric address. */
static int socket_address(const struct server_options *options,
	struct sockaddr_storage *ret_address, socklen_t *ret_size, struct error *err)
{
	struct sockaddr_storage address = {0};
	struct sockaddr_in *ip4 = (struct sockaddr_in *)&address;
	struct sockaddr_in6 *ip6 = (struct sockaddr_in6 *)&address;

	if (inet_pton(AF_INET, options->bind_address, &ip4->sin_addr) == 1) {
		ip4->sin_family = AF_INET;
		ip4->sin_port = htons(options->port);
		*ret_size = sizeof(*ip4);
	} else if (inet_pton(AF_INET6, options->bind_address, &ip6->sin6_addr) == 1) {
		ip6->sin6_family = AF_INET6;
		ip6->sin6_port = htons(options->port);
		*ret_size = sizeof(*ip6);
	} else {
		return error_set(
			err, EINVAL, "listening on %s: not an IP address", options->bind_address);
	}
	*ret_address = address;
	return 0;
}

static int listen_on(struct server *server, struct error *err)
{
	const struct server_options *options = &server->options;
	struct sockaddr_storage address;
	socklen_t size = 0;
	const int send_buffer = SEND_BUFFER;
	int one = 1, r = socket_address(options, &address, &size, err);

	if (r < 0)
		return r;
	server->listener = evconnlistener_new_bind(server->base, NULL, NULL,
		LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE, BACKLOG,
		(struct sockaddr *)&address, (int)size);
	if (!server->listener)
		return error_errno(err, errno, "listening on %s port %u", options->bind_address,
			options->port);
	evconnlistener_set_error_cb(server->listener, accept_failed);
	/* Without it small answers wait for an ACK: 711 requests a second instead of 25,000. */
	(void)setsockopt(evconnlistener_get_fd(server->listener), IPPROTO_TCP, TCP_NODELAY, &one,
		sizeof(one));
	(void)setsockopt(evconnlistener_get_fd(server->listener), SOL_SOCKET, SO_SNDBUF,
		&send_buffer, sizeof(send_buffer));
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
	return 0;
}

static struct connection_limits limits_of(const struct server_options *options)
{
	return (struct connection_limits){
		.connections = options->max_connections,
		.handshake_ns = options->handshake_ms * NS_PER_MS,
		.receive_ns = options->receive_ms * NS_PER_MS,
		.idle_ns = options->idle_ms * NS_PER_MS,
		.stall_ns = options->stall_ms * NS_PER_MS,
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
		SSL_CTX_free(options->tls);
		(void)error_errno(err, ENOMEM, "starting the HTTPS server");
		return NULL;
	}
	server->options = *options;
	server->base = base;
	server->tls = options->tls;
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

void server_set_tls(struct server *server, SSL_CTX *tls)
{
	SSL_CTX_free(server->tls);
	server->tls = tls;
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
	SSL_CTX_free(server->tls);
	free(server);
}

uint16_t server_port(const struct server *server)
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

void server_on_finish(struct evhttp_request *http, void (*finished)(void *argument), void *argument)
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

size_t server_requests(const struct server *server)
{
	return connection_set_replying(server->connections);
}
