#include "agent/push.h"

#include "base/address.h"
#include "base/clock.h"
#include "base/endpoint.h"
#include "base/log.h"
#include "base/pipe_watch.h"
#include "base/socket_scan.h"
#include "base/tls_config.h"
#include "base/tls_engine.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nng/nng.h>
#include <nng/protocol/pipeline0/push.h>
#include <nng/transport/ipc/ipc.h>
#include <nng/transport/tls/tls.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Hello, Catalog and Sample come in one go, faster than NNG takes them over. */
#define QUEUE_LENGTH 4

/* NNG waits a random time up to a gap, which doubles from the first to the second of these: an
 * aggregator that was restarted has its agents again within 3 s. */
#define GAP_MIN_MS         1000
#define GAP_MAX_MS         2000
/* The gap doubles up to this while it hangs up on each new connection. */
#define GAP_REFUSED_MAX_MS 30000

/* A peer that acknowledges nothing (tcp(7), TCP_USER_TIMEOUT), reads nothing, or does not finish
 * the handshake for so long is given up. */
#define PATIENCE_MS      10000
#define PATIENCE_NS      (PATIENCE_MS * NS_PER_MS)
#define KEEPALIVE_IDLE_S 5

/* Nobody but an aggregator that refuses us hangs up so soon. */
#define REFUSED_WITHIN_NS (2 * NS_PER_SECOND)

#define LOG_INTERVAL_NS (30 * NS_PER_SECOND)

struct push {
	nng_socket socket;
	struct pipe_watch *watch;
	nng_dialer dialer;
	struct tls_config *tls; /* NULL: no TLS */
	nng_aio *aio;
	char *url;
	enum endpoint_kind kind;
	uint64_t told; /* what push_connection() returned last; the caller's thread only */
	uint64_t offline_since_ns;
	struct log_limit offline;

	pthread_mutex_t lock; /* guards what follows; taken by NNG's threads too */
	uint64_t connection;  /* 0 = none */
	uint64_t connections; /* how many there were */
	int pipe;             /* of the connection */
	uint64_t connected_ns;
	int gap_ms; /* GAP_MIN_MS but while we are refused */
	struct log_limit refused, connected, lost;
	nng_msg *queue[QUEUE_LENGTH];
	size_t queue_first, queue_count;
	bool sending; /* the aio is with NNG */
	uint64_t sending_since_ns;

	struct telemetry_series *sent, *sent_bytes, *dropped, *connects, *refusals, *now_connected;
};

/* --- the queue -------------------------------------------------------------------------------- */

static void send_next(struct push *push)
{
	if (push->sending || push->queue_count == 0)
		return;
	push->sending = true;
	push->sending_since_ns = clock_monotonic_ns();
	nng_aio_set_msg(push->aio, push->queue[push->queue_first]);
	push->queue_first = (push->queue_first + 1) % QUEUE_LENGTH;
	push->queue_count--;
	nng_send_aio(push->socket, push->aio);
}

static void drop_queue(struct push *push)
{
	for (; push->queue_count > 0; push->queue_count--) {
		nng_msg_free(push->queue[push->queue_first]);
		push->queue_first = (push->queue_first + 1) % QUEUE_LENGTH;
		telemetry_add(push->dropped, 1);
	}
}

/* NNG took the message, or gave it back. */
static void on_sent(void *context)
{
	struct push *push = context;

	(void)pthread_mutex_lock(&push->lock);
	push->sending = false;
	if (nng_aio_result(push->aio) == 0) {
		telemetry_add(push->sent, 1);
	} else {
		telemetry_add(push->dropped, 1);
		nng_msg_free(nng_aio_get_msg(push->aio));
		nng_aio_set_msg(push->aio, NULL);
	}
	if (push->connection == 0)
		drop_queue(push);
	else
		send_next(push);
	(void)pthread_mutex_unlock(&push->lock);
}

/* --- connections come and go ------------------------------------------------------------------ */

static void set_peer_timeout(void *context, const struct socket_scan_entry *entry)
{
	static const int ON = 1, IDLE_S = KEEPALIVE_IDLE_S, INTERVAL_S = 1, PROBES = 5;
	static const unsigned int SILENCE_MS = PATIENCE_MS;
	const struct address *ours = context;
	struct address local = address_of_socket(&entry->local);

	if (memcmp(&local, ours, sizeof(local)) != 0)
		return;
	if (setsockopt(entry->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &SILENCE_MS, sizeof(SILENCE_MS)) <
			0 ||
		setsockopt(entry->fd, SOL_SOCKET, SO_KEEPALIVE, &ON, sizeof(ON)) < 0 ||
		setsockopt(entry->fd, IPPROTO_TCP, TCP_KEEPIDLE, &IDLE_S, sizeof(IDLE_S)) < 0 ||
		setsockopt(entry->fd, IPPROTO_TCP, TCP_KEEPINTVL, &INTERVAL_S, sizeof(INTERVAL_S)) <
			0 ||
		setsockopt(entry->fd, IPPROTO_TCP, TCP_KEEPCNT, &PROBES, sizeof(PROBES)) < 0)
		log_warn("setting the time-outs of the connection to the aggregator: %s",
			strerror(errno));
}

/* NNG has no option for TCP_USER_TIMEOUT and does not show its fd. */
static void give_up_silent_peer(nng_pipe pipe)
{
	nng_sockaddr address;
	struct address local;
	int r;

	if (nng_pipe_get_addr(pipe, NNG_OPT_LOCADDR, &address) != 0)
		return;
	local = address_of_nng(&address);
	r = socket_scan(set_peer_timeout, &local);
	if (r < 0)
		log_warn("looking for the connection's socket in /proc/self/fd: %s", strerror(-r));
}

static void on_connected(struct push *push, nng_pipe pipe)
{
	uint64_t held_back;

	if (push->kind != ENDPOINT_IPC)
		give_up_silent_peer(pipe);
	(void)pthread_mutex_lock(&push->lock);
	push->connection = ++push->connections;
	push->pipe = nng_pipe_id(pipe);
	push->connected_ns = clock_monotonic_ns();
	telemetry_add(push->connects, 1);
	telemetry_add(push->now_connected, 1);
	if (log_allowed(&push->connected, NS_PER_SECOND, &held_back))
		log_info("connected to %s", push->url);
	(void)pthread_mutex_unlock(&push->lock);
}

static void set_gaps(struct push *push, int min_ms, int max_ms)
{
	(void)nng_dialer_set_ms(push->dialer, NNG_OPT_RECONNMAXT, max_ms);
	(void)nng_dialer_set_ms(push->dialer, NNG_OPT_RECONNMINT, min_ms);
}

/* An aggregator that hangs up at once would do so again: wait longer each time. */
static void adapt_gap(struct push *push, bool refused)
{
	if (refused) {
		push->gap_ms = push->gap_ms > GAP_REFUSED_MAX_MS / 2 ? GAP_REFUSED_MAX_MS
								     : push->gap_ms * 2;
		set_gaps(push, push->gap_ms, push->gap_ms);
	} else if (push->gap_ms != GAP_MIN_MS) {
		push->gap_ms = GAP_MIN_MS;
		set_gaps(push, GAP_MIN_MS, GAP_MAX_MS);
	}
}

static void log_end(struct push *push, bool refused)
{
	uint64_t held_back;

	if (refused ? !log_allowed(&push->refused, LOG_INTERVAL_NS, &held_back)
		    : !log_allowed(&push->lost, NS_PER_SECOND, &held_back))
		return;
	if (refused)
		log_warn("%s hung up right after connecting: probably the secret is wrong or "
			 "another agent uses this node's name (%llu more times)",
			push->url, (unsigned long long)held_back);
	else
		log_warn("lost the connection to %s (%llu more times)", push->url,
			(unsigned long long)held_back);
}

static void on_disconnected(struct push *push, nng_pipe pipe)
{
	bool refused;

	(void)pthread_mutex_lock(&push->lock);
	if (push->connection != 0 && push->pipe == nng_pipe_id(pipe)) {
		refused = clock_monotonic_ns() - push->connected_ns < REFUSED_WITHIN_NS;
		push->connection = 0;
		telemetry_add(push->now_connected, (uint64_t)-1);
		telemetry_add(push->refusals, refused ? 1 : 0);
		drop_queue(push);
		if (push->sending)
			nng_aio_abort(push->aio, NNG_ECANCELED);
		adapt_gap(push, refused);
		log_end(push, refused);
	}
	(void)pthread_mutex_unlock(&push->lock);
}

static void on_pipe(nng_pipe pipe, nng_pipe_ev event, void *context)
{
	if (event == NNG_PIPE_EV_ADD_POST)
		on_connected(context, pipe);
	else if (event == NNG_PIPE_EV_REM_POST)
		on_disconnected(context, pipe);
}

/* --- making and freeing ----------------------------------------------------------------------- */

static int set_tls(struct push *push, const struct push_options *options,
	const struct endpoint *endpoint, struct error *err)
{
	const char *name = options->server_name ? options->server_name : endpoint->host;
	int r = tls_config_client(options->ca_file, name, &push->tls, err), rv;

	if (r < 0)
		return error_context(err, r, "connecting to %s", options->url);
	rv = nng_dialer_set_ptr(push->dialer, NNG_OPT_TLS_CONFIG, tls_config_nng(push->tls));
	if (rv != 0)
		return error_set(err, EINVAL, "connecting to %s: setting TLS: %s", options->url,
			nng_strerror(rv));
	return 0;
}

static int start_dialer(struct push *push, const struct push_options *options,
	const struct endpoint *endpoint, struct error *err)
{
	int r, rv;

	/* Of the socket: the dialer takes over its first gap when it is made. */
	(void)nng_socket_set_ms(push->socket, NNG_OPT_RECONNMINT, GAP_MIN_MS);
	(void)nng_socket_set_ms(push->socket, NNG_OPT_RECONNMAXT, GAP_MAX_MS);
	rv = nng_dialer_create(&push->dialer, push->socket, options->url);
	if (rv != 0)
		return error_set(
			err, EINVAL, "connecting to %s: %s", options->url, nng_strerror(rv));
	if (endpoint->kind == ENDPOINT_TLS) {
		r = set_tls(push, options, endpoint, err);
		if (r < 0)
			return r;
	}
	rv = nng_dialer_start(push->dialer, NNG_FLAG_NONBLOCK);
	if (rv != 0)
		return error_set(
			err, EINVAL, "connecting to %s: %s", options->url, nng_strerror(rv));
	return 0;
}

static void register_telemetry(struct push *push, struct telemetry *telemetry)
{
	push->sent = telemetry_counter(telemetry, "tacho_agent_push_sent_total",
		"Messages that were handed to a connection", NULL, NULL);
	push->sent_bytes = telemetry_counter(telemetry, "tacho_agent_push_queued_bytes_total",
		"Bytes of the messages that were queued for a connection", NULL, NULL);
	push->dropped = telemetry_counter(telemetry, "tacho_agent_push_dropped_total",
		"Messages that could not be sent at their time", NULL, NULL);
	push->connects = telemetry_counter(telemetry, "tacho_agent_push_connects_total",
		"Connections to aggregators that came about", NULL, NULL);
	push->refusals = telemetry_counter(telemetry, "tacho_agent_push_refused_total",
		"Connections that the aggregator ended within 2 s", NULL, NULL);
	push->now_connected = telemetry_gauge(telemetry, "tacho_agent_push_connections",
		"Connections to aggregators", NULL, NULL);
}

static struct push *alloc_push(const char *url)
{
	struct push *push = calloc(1, sizeof(*push));

	if (!push)
		return NULL;
	push->url = strdup(url);
	push->gap_ms = GAP_MIN_MS;
	push->offline_since_ns = clock_monotonic_ns();
	(void)pthread_mutex_init(&push->lock, NULL);
	if (push->url && nng_aio_alloc(&push->aio, on_sent, push) == 0)
		return push;
	(void)pthread_mutex_destroy(&push->lock);
	free(push->url);
	free(push);
	return NULL;
}

struct push *push_new(const struct push_options *options, struct error *err)
{
	struct endpoint endpoint;
	struct push *push;
	int rv;

	if (endpoint_parse(options->url, options->insecure, &endpoint, err) < 0)
		return NULL;
	if (endpoint.kind != ENDPOINT_IPC && (endpoint.port == 0 || endpoint.host[0] == '*')) {
		(void)error_set(
			err, EINVAL, "url '%s': want the aggregator's host and port", options->url);
		return NULL;
	}
	push = alloc_push(options->url);
	if (!push) {
		(void)error_errno(err, ENOMEM, "connecting to %s", options->url);
		return NULL;
	}
	push->kind = endpoint.kind;
	register_telemetry(push, options->telemetry);
	rv = nng_push0_open(&push->socket);
	if (rv != 0) {
		(void)error_set(err, ENOMEM, "opening a socket: %s", nng_strerror(rv));
		push_free(push);
		return NULL;
	}
	/* What NNG buffered itself would go to the next connection, before its Hello. */
	(void)nng_socket_set_int(push->socket, NNG_OPT_SENDBUF, 0);
	push->watch = pipe_watch_start(push->socket, on_pipe, push);
	if (!push->watch)
		(void)error_errno(err, ENOMEM, "opening a socket");
	if (!push->watch || start_dialer(push, options, &endpoint, err) < 0) {
		push_free(push);
		return NULL;
	}
	return push;
}

void push_free(struct push *push)
{
	if (!push)
		return;
	pipe_watch_stop(push->watch);
	(void)pthread_mutex_lock(&push->lock);
	if (push->connection != 0)
		telemetry_add(push->now_connected, (uint64_t)-1);
	push->connection = 0;
	drop_queue(push);
	(void)pthread_mutex_unlock(&push->lock);
	nng_aio_stop(push->aio);
	/* The socket itself ends with the process: nng_close() of 1.5.2 now and then waits for ever
	 * for a connection that is on its way. */
	(void)nng_dialer_close(push->dialer);
	nng_aio_free(push->aio);
	tls_config_free(push->tls);
	(void)pthread_mutex_destroy(&push->lock);
	free(push->url);
	free(push);
}

/* --- sending ---------------------------------------------------------------------------------- */

/* NNG 1.5.2 has no time-out for either, and can lose the error of a connection that broke. */
static void give_up_stuck(struct push *push, uint64_t now_ns)
{
	nng_pipe pipe = {0};

	(void)pthread_mutex_lock(&push->lock);
	if (push->connection != 0 && push->sending && now_ns - push->sending_since_ns > PATIENCE_NS)
		pipe.id = (uint32_t)push->pipe;
	(void)pthread_mutex_unlock(&push->lock);
	if (pipe.id != 0)
		(void)nng_pipe_close(pipe);
	if (push->kind == ENDPOINT_TLS && tls_engine_close_unfinished(PATIENCE_NS) > 0)
		log_warn("%s did not finish the TLS handshake in %d s", push->url,
			PATIENCE_MS / 1000);
}

static void log_offline(struct push *push, uint64_t now_ns)
{
	uint64_t held_back;

	if (push->told != 0)
		push->offline_since_ns = now_ns;
	else if (now_ns - push->offline_since_ns > LOG_INTERVAL_NS &&
		 log_allowed(&push->offline, LOG_INTERVAL_NS, &held_back))
		log_warn("no connection to %s for %llu s; still trying", push->url,
			(unsigned long long)((now_ns - push->offline_since_ns) / NS_PER_SECOND));
}

uint64_t push_connection(struct push *push)
{
	uint64_t now_ns = clock_monotonic_ns();

	give_up_stuck(push, now_ns);
	(void)pthread_mutex_lock(&push->lock);
	push->told = push->connection;
	(void)pthread_mutex_unlock(&push->lock);
	log_offline(push, now_ns);
	return push->told;
}

int push_send(struct push *push, const void *data, size_t size)
{
	nng_msg *message;
	int r = -EAGAIN;

	if (nng_msg_alloc(&message, size) != 0) {
		telemetry_add(push->dropped, 1);
		return -ENOMEM;
	}
	if (size > 0)
		memcpy(nng_msg_body(message), data, size);
	(void)pthread_mutex_lock(&push->lock);
	if (push->told != 0 && push->told == push->connection && push->queue_count < QUEUE_LENGTH) {
		size_t place = (push->queue_first + push->queue_count++) % QUEUE_LENGTH;

		push->queue[place] = message;
		telemetry_add(push->sent_bytes, size);
		send_next(push);
		r = 0;
	}
	(void)pthread_mutex_unlock(&push->lock);
	if (r < 0) {
		telemetry_add(push->dropped, 1);
		nng_msg_free(message);
	}
	return r;
}
