#include "agent/export_server.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BACKLOG 16

/* What the kernel keeps for a client that does not read; left to itself it takes 4 MiB. */
#define SEND_BUFFER (256 * 1024)

struct export_server {
	struct export_tls *tls; /* NULL: plain HTTP */
	struct export_clients *clients;
	struct evconnlistener *listener;
	struct event *sweep;
	uint32_t accepts; /* since the last sweep */
	struct log_limit failures;
	struct telemetry_series *paused;
};

/* --- who comes -------------------------------------------------------------------------------- */

static void accepted(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from,
	int length, void *context)
{
	struct export_server *server = context;

	(void)from;
	(void)length;
	if (++server->accepts >= EXPORT_MAX_ACCEPTS) {
		telemetry_add(server->paused, 1);
		(void)evconnlistener_disable(listener);
	}
	export_clients_take(server->clients, fd);
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

static void sweep(evutil_socket_t fd, short what, void *context)
{
	struct export_server *server = context;

	(void)fd;
	(void)what;
	export_clients_sweep(server->clients);
	server->accepts = 0;
	(void)evconnlistener_enable(server->listener); /* see accepted(), accept_failed() */
	if (server->tls)
		export_tls_refresh(server->tls);
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

static int start(struct export_server *server, const struct export_server_options *options,
	struct event_base *base, struct error *err)
{
	const struct timeval period = sweep_period(&options->clients.deadlines);
	int fd = listening_socket(&options->address, err);

	if (fd < 0)
		return fd;
	server->listener = evconnlistener_new(
		base, accepted, server, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (!server->listener) {
		(void)close(fd);
		return error_errno(err, ENOMEM, "starting /metrics");
	}
	evconnlistener_set_error_cb(server->listener, accept_failed);
	server->clients = export_clients_new(&options->clients, base);
	server->sweep = event_new(base, -1, EV_PERSIST, sweep, server);
	if (!server->clients || !server->sweep || event_add(server->sweep, &period) < 0)
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
	server->tls = options->clients.tls;
	server->paused = telemetry_counter(options->clients.telemetry,
		"tacho_agent_metrics_accepts_paused_total",
		"Times that new connections to /metrics had to wait, for too many came at once",
		NULL, NULL);
	if (start(server, options, base, err) < 0) {
		export_server_stop(server);
		return NULL;
	}
	return server;
}

void export_server_stop(struct export_server *server)
{
	if (!server)
		return;
	export_clients_free(server->clients);
	if (server->sweep)
		event_free(server->sweep);
	if (server->listener)
		evconnlistener_free(server->listener);
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

struct export_clients *export_server_clients(struct export_server *server)
{
	return server->clients;
}
