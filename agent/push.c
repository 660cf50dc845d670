#include "agent/push.h"

#include "agent/peer_socket.h"
#include "agent/send_queue.h"
#include "base/clock.h"
#include "base/endpoint.h"
#include "base/log.h"
#include "base/pipe_watch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <nng/protocol/pipeline0/push.h>
#include <nng/supplemental/util/platform.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* NNG waits a random time up to a gap, which doubles from the first to the second of these: an
 * aggregator that was restarted has its agents again within 3 s. */
#define GAP_MIN_MS         1000
#define GAP_MAX_MS         2000
/* The gap doubles up to this while it hangs up on each new connection. */
#define GAP_REFUSED_MAX_MS 30000
/* Twelve days, for a dialer that is to try no more; half of the time NNG tries at once all the
 * same. It doubles this in 32 bits. */
#define GAP_LEAVING_MS     ((1 << 30) - 1)

/* A peer that acknowledges nothing (tcp(7), TCP_USER_TIMEOUT) or reads nothing for so long is given
 * up. */
#define PATIENCE_MS 10000
#define PATIENCE_NS (PATIENCE_MS * NS_PER_MS)

/* Without any connection for so long a dialer is replaced by another. */
#define FORGOTTEN_NS (60 * NS_PER_SECOND)

/* Nobody but an aggregator that refuses us hangs up so soon. */
#define REFUSED_WITHIN_NS (2 * NS_PER_SECOND)

/* Before that something of the last message, or of the start, may be under way. */
#ifndef SETTLE_NS
#define SETTLE_NS (NS_PER_SECOND / 2)
#endif

/* NNG has noticed by then that a message was sent, also on a busy machine. */
#define AFTERMATH_NS (NS_PER_SECOND / 4)

#define LOG_INTERVAL_NS (30 * NS_PER_SECOND)

struct push {
	nng_socket socket;
	struct pipe_watch *watch;

	/* The caller's thread only. */
	bool used;           /* from push_start() to push_stop() */
	nng_tls_config *tls; /* NULL: none */
	struct address peer; /* AF_UNSPEC: of another transport, or a name */
	uint64_t told;       /* what push_connection() returned last */
	unsigned quiet;      /* looks in a row that found no connection to the peer */
	uint64_t dialed_ns, stopped_ns;
	uint64_t offline_since_ns;
	uint64_t handshake_ns; /* since when one seems to be under way; 0: none */
	struct log_limit offline;

	pthread_mutex_t lock; /* guards what follows; taken by NNG's threads too */
	struct send_queue *queue;
	char url[PUSH_URL_MAX];
	nng_dialer dialer;    /* id 0: none */
	bool leaving;         /* the dialer is to be closed, as soon as that can be done */
	uint64_t connection;  /* 0 = none */
	uint64_t connections; /* how many there were */
	int pipe;             /* of the connection; it outlives it until NNG has removed it; or 0 */
	uint64_t connected_ns;
	int gap_ms; /* GAP_MIN_MS but while we are refused */
	struct log_limit refused, connected, lost;

	struct telemetry_series *sent_bytes, *dropped, *connects, *refusals, *now_connected;
};

/* --- connections come and go ------------------------------------------------------------------ */

static void on_connected(struct push *push, nng_pipe pipe)
{
	uint64_t held_back;

	peer_socket_set_timeout(pipe, PATIENCE_MS);
	(void)pthread_mutex_lock(&push->lock);
	push->pipe = nng_pipe_id(pipe);
	push->connected_ns = clock_monotonic_ns();
	if (!push->leaving) {
		push->connection = ++push->connections;
		telemetry_add(push->connects, 1);
		telemetry_add(push->now_connected, 1);
		if (log_allowed(&push->connected, NS_PER_SECOND, &held_back))
			log_info("connected to %s", push->url);
	}
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
		log_warn(
			"%s hung up right after connecting: probably it does not believe our "
			"secret or token, or another agent uses this node's name (%llu more times)",
			push->url, (unsigned long long)held_back);
	else
		log_warn("lost the connection to %s (%llu more times)", push->url,
			(unsigned long long)held_back);
}

/* The lock is held. */
static void forget_connection(struct push *push)
{
	if (push->connection == 0)
		return;
	push->connection = 0;
	telemetry_add(push->now_connected, (uint64_t)-1);
	send_queue_drop(push->queue);
}

/* The lock is held. Between two connections a dialer can be closed. */
static void close_dialer(struct push *push)
{
	(void)nng_dialer_close(push->dialer);
	push->dialer.id = 0;
	push->leaving = false;
}

/* The lock is held. */
static void end_connection(struct push *push)
{
	bool refused = clock_monotonic_ns() - push->connected_ns < REFUSED_WITHIN_NS;

	telemetry_add(push->refusals, refused ? 1 : 0);
	forget_connection(push);
	adapt_gap(push, refused);
	log_end(push, refused);
}

/* NNG 1.5.2 puts a pipe back among those that wait for a message when it notices that one was sent
 * after it closed the pipe, and frees it there: the Hello of the next connection would be written
 * into it, which is not only lost then. Here the pipe is not freed yet, and there is no other one
 * before we return: a message for nobody takes it out. */
static void take_out_dead_pipe(const struct push *push, uint64_t until_ns)
{
	nng_msg *message;
	int rv;

	if (nng_msg_alloc(&message, 0) != 0)
		return;
	while ((rv = nng_sendmsg(push->socket, message, NNG_FLAG_NONBLOCK)) != 0 &&
		clock_monotonic_ns() < until_ns)
		nng_msleep(5);
	if (rv != 0)
		nng_msg_free(message);
}

static void on_disconnected(struct push *push, nng_pipe pipe)
{
	uint64_t sent_ns;
	bool ours;

	(void)pthread_mutex_lock(&push->lock);
	ours = push->pipe == nng_pipe_id(pipe);
	if (ours && push->connection != 0)
		end_connection(push);
	(void)pthread_mutex_unlock(&push->lock);
	if (!ours)
		return;
	send_queue_settle(push->queue); /* there is no connection: nothing is put */
	(void)pthread_mutex_lock(&push->lock);
	sent_ns = send_queue_last_sent(push->queue);
	(void)pthread_mutex_unlock(&push->lock);
	take_out_dead_pipe(push, sent_ns + AFTERMATH_NS);
	(void)pthread_mutex_lock(&push->lock);
	push->pipe = 0;
	if (push->leaving)
		close_dialer(push);
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

static void register_telemetry(struct push *push, struct telemetry *telemetry)
{
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

static int open_socket(struct push *push, struct telemetry *telemetry)
{
	if (nng_push0_open(&push->socket) != 0)
		return -ENOMEM;
	/* What NNG buffered itself would go to the next connection, before its Hello. */
	(void)nng_socket_set_int(push->socket, NNG_OPT_SENDBUF, 0);
	/* Of the socket: a dialer takes over its first gap when it is made. */
	(void)nng_socket_set_ms(push->socket, NNG_OPT_RECONNMINT, GAP_MIN_MS);
	(void)nng_socket_set_ms(push->socket, NNG_OPT_RECONNMAXT, GAP_MAX_MS);
	push->queue = send_queue_new(push->socket, &push->lock, telemetry);
	push->watch = push->queue ? pipe_watch_start(push->socket, on_pipe, push) : NULL;
	return push->watch ? 0 : -ENOMEM;
}

struct push *push_new(struct telemetry *telemetry, struct error *err)
{
	struct push *push = calloc(1, sizeof(*push));

	if (push) {
		(void)pthread_mutex_init(&push->lock, NULL);
		register_telemetry(push, telemetry);
		if (open_socket(push, telemetry) == 0)
			return push;
	}
	(void)error_errno(err, ENOMEM, "opening a socket to push by");
	push_free(push);
	return NULL;
}

/* Of a url with an address in it. */
static struct address peer_of(const char *url)
{
	struct address peer = {0};
	struct endpoint endpoint;

	if (endpoint_parse(url, true, &endpoint, NULL) < 0 || endpoint.kind == ENDPOINT_IPC)
		return peer;
	if (inet_pton(AF_INET, endpoint.host, peer.ip) == 1)
		peer.family = AF_INET;
	else if (inet_pton(AF_INET6, endpoint.host, peer.ip) == 1)
		peer.family = AF_INET6;
	peer.port = peer.family != AF_UNSPEC ? endpoint.port : 0;
	return peer;
}

static int dial(struct push *push)
{
	nng_dialer dialer;
	int rv = nng_dialer_create(&dialer, push->socket, push->url);

	if (rv != 0)
		return rv;
	if (push->tls)
		rv = nng_dialer_set_ptr(dialer, NNG_OPT_TLS_CONFIG, push->tls);
	if (rv != 0) {
		(void)nng_dialer_close(dialer);
		return rv;
	}
	push->dialed_ns = clock_monotonic_ns();
	push->handshake_ns = 0;
	push->quiet = 0;
	(void)pthread_mutex_lock(&push->lock);
	push->dialer = dialer;
	push->gap_ms = GAP_MIN_MS;
	(void)pthread_mutex_unlock(&push->lock);
	(void)nng_dialer_start(dialer, NNG_FLAG_NONBLOCK); /* which can't fail */
	return 0;
}

int push_start(struct push *push, const char *url, nng_tls_config *tls, struct error *err)
{
	int rv = NNG_EADDRINVAL;

	(void)pthread_mutex_lock(&push->lock);
	(void)snprintf(push->url, sizeof(push->url), "%s", url);
	push->connected = push->lost = push->refused = (struct log_limit){0};
	(void)pthread_mutex_unlock(&push->lock);
	push->tls = tls;
	push->peer = peer_of(url);
	push->offline = (struct log_limit){0};
	push->offline_since_ns = clock_monotonic_ns();
	if (strlen(url) < PUSH_URL_MAX)
		rv = dial(push);
	push->used = rv == 0;
	return rv == 0 ? 0 : error_set(err, EINVAL, "connecting to %s: %s", url, nng_strerror(rv));
}

void push_stop(struct push *push)
{
	(void)pthread_mutex_lock(&push->lock);
	push->leaving = push->dialer.id != 0;
	if (push->leaving)
		set_gaps(push, GAP_LEAVING_MS, GAP_LEAVING_MS);
	forget_connection(push);
	(void)pthread_mutex_unlock(&push->lock);
	push->used = false;
	push->told = 0;
	push->quiet = 0;
	push->stopped_ns = clock_monotonic_ns();
}

bool push_idle(struct push *push)
{
	bool idle;

	(void)pthread_mutex_lock(&push->lock);
	idle = push->dialer.id == 0 && push->pipe == 0 && send_queue_busy_since(push->queue) == 0;
	(void)pthread_mutex_unlock(&push->lock);
	return idle;
}

bool push_connected(struct push *push)
{
	bool connected;

	(void)pthread_mutex_lock(&push->lock);
	connected = push->connection != 0;
	(void)pthread_mutex_unlock(&push->lock);
	return connected;
}

/* The socket itself ends with the process: nng_close() of 1.5.2 now and then waits for ever for a
 * connection that is on its way. */
void push_free(struct push *push)
{
	if (!push)
		return;
	pipe_watch_stop(push->watch);
	(void)pthread_mutex_lock(&push->lock);
	forget_connection(push);
	if (push->dialer.id != 0)
		close_dialer(push); /* in the midst of whatever it does: there is no later */
	(void)pthread_mutex_unlock(&push->lock);
	send_queue_free(push->queue);
	(void)pthread_mutex_destroy(&push->lock);
	free(push);
}

/* --- sending ---------------------------------------------------------------------------------- */

/* NNG 1.5.2 has no time-out for it, and can lose the error of a connection that broke. */
static void give_up_stuck(struct push *push, uint64_t now_ns)
{
	nng_pipe pipe = {0};
	uint64_t since_ns;

	(void)pthread_mutex_lock(&push->lock);
	since_ns = send_queue_busy_since(push->queue);
	if (push->connection != 0 && since_ns != 0 && now_ns > since_ns + PATIENCE_NS)
		pipe.id = (uint32_t)push->pipe;
	(void)pthread_mutex_unlock(&push->lock);
	if (pipe.id != 0)
		peer_socket_hang_up(pipe);
}

/* NNG has no time-out for it. */
static void give_up_handshake(struct push *push, uint64_t now_ns)
{
	if (push->quiet > 0) {
		push->handshake_ns = 0;
	} else if (push->handshake_ns == 0) {
		push->handshake_ns = now_ns;
	} else if (now_ns - push->handshake_ns > PATIENCE_NS) {
		push->handshake_ns = 0;
		log_warn("%s did not finish the handshake in %d s", push->url, PATIENCE_MS / 1000);
		peer_socket_hang_up_all(&push->peer);
	}
}

/* NNG forgets to dial again after some failures. */
static void dial_anew(struct push *push, uint64_t now_ns)
{
	if (push->quiet < 2 || push->peer.family == AF_UNSPEC ||
		now_ns < push->dialed_ns + FORGOTTEN_NS ||
		now_ns < push->offline_since_ns + FORGOTTEN_NS)
		return;
	(void)pthread_mutex_lock(&push->lock);
	close_dialer(push);
	(void)pthread_mutex_unlock(&push->lock);
	(void)dial(push); /* if not now, in a second */
}

/* NNG can't be told to stop at any time (see peer_socket.h). A connection is hung up on when
 * nothing has gone over it for a while, and closes the dialer as it ends. One that is being made is
 * waited for. When there is none, twice in a row, the dialer waits or tries in vain, and can be
 * closed. */
static void go_on_leaving(struct push *push, uint64_t now_ns)
{
	nng_pipe pipe = {0};

	(void)pthread_mutex_lock(&push->lock);
	if (push->leaving && push->pipe == 0 && push->quiet >= 2)
		close_dialer(push);
	if (push->leaving && push->pipe != 0 && now_ns > push->stopped_ns + SETTLE_NS &&
		now_ns > push->connected_ns + SETTLE_NS)
		pipe.id = (uint32_t)push->pipe;
	(void)pthread_mutex_unlock(&push->lock);
	if (pipe.id != 0)
		peer_socket_hang_up(pipe);
}

static void log_offline(struct push *push, uint64_t now_ns)
{
	uint64_t held_back;

	if (now_ns > push->offline_since_ns + LOG_INTERVAL_NS &&
		log_allowed(&push->offline, LOG_INTERVAL_NS, &held_back))
		log_warn("no connection to %s for %llu s; still trying", push->url,
			(unsigned long long)((now_ns - push->offline_since_ns) / NS_PER_SECOND));
}

void push_care(struct push *push, uint64_t now_ns)
{
	bool leaving, connected;

	(void)pthread_mutex_lock(&push->lock);
	leaving = push->leaving;
	connected = push->pipe != 0;
	(void)pthread_mutex_unlock(&push->lock);
	if (!push->used && !leaving)
		return;
	if (connected) {
		push->offline_since_ns = now_ns;
		push->handshake_ns = 0;
		push->quiet = 0;
		give_up_stuck(push, now_ns);
	} else {
		push->quiet = peer_socket_count(&push->peer) == 0 ? push->quiet + 1 : 0;
		give_up_handshake(push, now_ns);
	}
	if (leaving) {
		go_on_leaving(push, now_ns);
	} else if (!connected) {
		dial_anew(push, now_ns);
		log_offline(push, now_ns);
	}
}

uint64_t push_connection(struct push *push)
{
	(void)pthread_mutex_lock(&push->lock);
	push->told = push->connection;
	(void)pthread_mutex_unlock(&push->lock);
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
	if (push->told != 0 && push->told == push->connection &&
		send_queue_put(push->queue, message)) {
		telemetry_add(push->sent_bytes, size);
		r = 0;
	}
	(void)pthread_mutex_unlock(&push->lock);
	if (r < 0) {
		telemetry_add(push->dropped, 1);
		nng_msg_free(message);
	}
	return r;
}
