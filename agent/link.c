#include "agent/link.h"

#include "agent/peer_socket.h"
#include "agent/send_queue.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/pipe_watch.h"

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

/* A peer that acknowledges nothing for so long is given up (tcp(7), TCP_USER_TIMEOUT). */
#define SILENCE_MS 10000

/* Nobody but an aggregator that refuses us hangs up so soon. */
#define REFUSED_WITHIN_NS (2 * NS_PER_SECOND)

/* NNG has noticed by then that a message was sent, also on a busy machine. */
#define AFTERMATH_NS (NS_PER_SECOND / 4)

#define LOG_INTERVAL_NS (30 * NS_PER_SECOND)

struct link {
	nng_socket socket;
	struct pipe_watch *watch;

	pthread_mutex_t lock; /* guards what follows; taken by NNG's threads too */
	struct send_queue *queue;
	char url[LINK_URL_MAX];
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

static void on_connected(struct link *link, nng_pipe pipe)
{
	uint64_t held_back;

	peer_socket_set_timeout(pipe, SILENCE_MS);
	(void)pthread_mutex_lock(&link->lock);
	link->pipe = nng_pipe_id(pipe);
	link->connected_ns = clock_monotonic_ns();
	if (!link->leaving) {
		link->connection = ++link->connections;
		telemetry_add(link->connects, 1);
		telemetry_add(link->now_connected, 1);
		if (log_allowed(&link->connected, NS_PER_SECOND, &held_back))
			log_info("connected to %s", link->url);
	}
	(void)pthread_mutex_unlock(&link->lock);
}

static void set_gaps(struct link *link, int min_ms, int max_ms)
{
	(void)nng_dialer_set_ms(link->dialer, NNG_OPT_RECONNMAXT, max_ms);
	(void)nng_dialer_set_ms(link->dialer, NNG_OPT_RECONNMINT, min_ms);
}

/* An aggregator that hangs up at once would do so again: wait longer each time. */
static void adapt_gap(struct link *link, bool refused)
{
	if (refused) {
		link->gap_ms = link->gap_ms > GAP_REFUSED_MAX_MS / 2 ? GAP_REFUSED_MAX_MS
								     : link->gap_ms * 2;
		set_gaps(link, link->gap_ms, link->gap_ms);
	} else if (link->gap_ms != GAP_MIN_MS) {
		link->gap_ms = GAP_MIN_MS;
		set_gaps(link, GAP_MIN_MS, GAP_MAX_MS);
	}
}

static void log_end(struct link *link, bool refused)
{
	uint64_t held_back;

	if (refused ? !log_allowed(&link->refused, LOG_INTERVAL_NS, &held_back)
		    : !log_allowed(&link->lost, NS_PER_SECOND, &held_back))
		return;
	if (refused)
		log_warn(
			"%s hung up right after connecting: probably it does not believe our "
			"secret or token, or another agent uses this node's name (%llu more times)",
			link->url, (unsigned long long)held_back);
	else
		log_warn("lost the connection to %s (%llu more times)", link->url,
			(unsigned long long)held_back);
}

/* The lock is held. */
static void forget_connection(struct link *link)
{
	if (link->connection == 0)
		return;
	link->connection = 0;
	telemetry_add(link->now_connected, (uint64_t)-1);
	send_queue_drop(link->queue);
}

/* The lock is held. Between two connections a dialer can be closed. */
static void close_dialer(struct link *link)
{
	(void)nng_dialer_close(link->dialer);
	link->dialer.id = 0;
	link->leaving = false;
}

/* The lock is held. */
static void end_connection(struct link *link)
{
	bool refused = clock_monotonic_ns() - link->connected_ns < REFUSED_WITHIN_NS;

	telemetry_add(link->refusals, refused ? 1 : 0);
	forget_connection(link);
	adapt_gap(link, refused);
	log_end(link, refused);
}

/* NNG 1.5.2 puts a pipe back among those that wait for a message when it notices that one was sent
 * after it closed the pipe, and frees it there: the Hello of the next connection would be written
 * into it, which is not only lost then. Here the pipe is not freed yet, and there is no other one
 * before we return: a message for nobody takes it out. */
static void take_out_dead_pipe(const struct link *link, uint64_t until_ns)
{
	nng_msg *message;
	int rv;

	if (nng_msg_alloc(&message, 0) != 0)
		return;
	while ((rv = nng_sendmsg(link->socket, message, NNG_FLAG_NONBLOCK)) != 0 &&
		clock_monotonic_ns() < until_ns)
		nng_msleep(5);
	if (rv != 0)
		nng_msg_free(message);
}

static void on_disconnected(struct link *link, nng_pipe pipe)
{
	uint64_t sent_ns;
	bool ours;

	(void)pthread_mutex_lock(&link->lock);
	ours = link->pipe == nng_pipe_id(pipe);
	if (ours && link->connection != 0)
		end_connection(link);
	(void)pthread_mutex_unlock(&link->lock);
	if (!ours)
		return;
	send_queue_settle(link->queue); /* there is no connection: nothing is put */
	(void)pthread_mutex_lock(&link->lock);
	sent_ns = send_queue_last_sent(link->queue);
	(void)pthread_mutex_unlock(&link->lock);
	take_out_dead_pipe(link, sent_ns + AFTERMATH_NS);
	(void)pthread_mutex_lock(&link->lock);
	link->pipe = 0;
	if (link->leaving)
		close_dialer(link);
	(void)pthread_mutex_unlock(&link->lock);
}

static void on_pipe(nng_pipe pipe, nng_pipe_ev event, void *context)
{
	if (event == NNG_PIPE_EV_ADD_POST)
		on_connected(context, pipe);
	else if (event == NNG_PIPE_EV_REM_POST)
		on_disconnected(context, pipe);
}

/* --- making and freeing ----------------------------------------------------------------------- */

static void register_telemetry(struct link *link, struct telemetry *telemetry)
{
	link->sent_bytes = telemetry_counter(telemetry, "tacho_agent_push_queued_bytes_total",
		"Bytes of the messages that were queued for a connection", NULL, NULL);
	link->dropped = telemetry_counter(telemetry, "tacho_agent_push_dropped_total",
		"Messages that could not be sent at their time", NULL, NULL);
	link->connects = telemetry_counter(telemetry, "tacho_agent_push_connects_total",
		"Connections to aggregators that came about", NULL, NULL);
	link->refusals = telemetry_counter(telemetry, "tacho_agent_push_refused_total",
		"Connections that the aggregator ended within 2 s", NULL, NULL);
	link->now_connected = telemetry_gauge(telemetry, "tacho_agent_push_connections",
		"Connections to aggregators", NULL, NULL);
}

static int open_socket(struct link *link, struct telemetry *telemetry)
{
	if (nng_push0_open(&link->socket) != 0)
		return -ENOMEM;
	/* What NNG buffered itself would go to the next connection, before its Hello. */
	(void)nng_socket_set_int(link->socket, NNG_OPT_SENDBUF, 0);
	/* Of the socket: a dialer takes over its first gap when it is made. */
	(void)nng_socket_set_ms(link->socket, NNG_OPT_RECONNMINT, GAP_MIN_MS);
	(void)nng_socket_set_ms(link->socket, NNG_OPT_RECONNMAXT, GAP_MAX_MS);
	link->queue = send_queue_new(link->socket, &link->lock, telemetry);
	link->watch = link->queue ? pipe_watch_start(link->socket, on_pipe, link) : NULL;
	return link->watch ? 0 : -ENOMEM;
}

struct link *link_new(struct telemetry *telemetry)
{
	struct link *link = calloc(1, sizeof(*link));

	if (!link)
		return NULL;
	(void)pthread_mutex_init(&link->lock, NULL);
	register_telemetry(link, telemetry);
	if (open_socket(link, telemetry) == 0)
		return link;
	link_free(link);
	return NULL;
}

void link_free(struct link *link)
{
	if (!link)
		return;
	pipe_watch_stop(link->watch);
	(void)pthread_mutex_lock(&link->lock);
	forget_connection(link);
	if (link->dialer.id != 0)
		close_dialer(link); /* there is no later */
	(void)pthread_mutex_unlock(&link->lock);
	send_queue_free(link->queue);
	(void)pthread_mutex_destroy(&link->lock);
	free(link);
}

/* --- dialing ---------------------------------------------------------------------------------- */

void link_set_url(struct link *link, const char *url)
{
	(void)pthread_mutex_lock(&link->lock);
	(void)snprintf(link->url, sizeof(link->url), "%s", url);
	link->connected = link->lost = link->refused = (struct log_limit){0};
	(void)pthread_mutex_unlock(&link->lock);
}

int link_dial(struct link *link, nng_tls_config *tls)
{
	nng_dialer dialer;
	int rv = nng_dialer_create(&dialer, link->socket, link->url);

	if (rv != 0)
		return rv;
	if (tls)
		rv = nng_dialer_set_ptr(dialer, NNG_OPT_TLS_CONFIG, tls);
	if (rv != 0) {
		(void)nng_dialer_close(dialer);
		return rv;
	}
	(void)pthread_mutex_lock(&link->lock);
	link->dialer = dialer;
	link->gap_ms = GAP_MIN_MS;
	(void)pthread_mutex_unlock(&link->lock);
	(void)nng_dialer_start(dialer, NNG_FLAG_NONBLOCK); /* which can't fail */
	return 0;
}

void link_leave(struct link *link)
{
	(void)pthread_mutex_lock(&link->lock);
	link->leaving = link->dialer.id != 0;
	if (link->leaving)
		set_gaps(link, GAP_LEAVING_MS, GAP_LEAVING_MS);
	forget_connection(link);
	(void)pthread_mutex_unlock(&link->lock);
}

bool link_close_dialer(struct link *link)
{
	bool none;

	(void)pthread_mutex_lock(&link->lock);
	if (link->dialer.id != 0 && link->pipe == 0)
		close_dialer(link);
	none = link->dialer.id == 0;
	(void)pthread_mutex_unlock(&link->lock);
	return none;
}

struct link_state link_look(struct link *link)
{
	struct link_state state;

	(void)pthread_mutex_lock(&link->lock);
	state = (struct link_state){.dialing = link->dialer.id != 0,
		.leaving = link->leaving,
		.pipe = {.id = (uint32_t)link->pipe},
		.connection = link->connection,
		.connected_ns = link->connected_ns,
		.gap_ms = link->gap_ms > GAP_MAX_MS ? link->gap_ms : GAP_MAX_MS,
		.busy_since_ns = send_queue_busy_since(link->queue)};
	(void)pthread_mutex_unlock(&link->lock);
	return state;
}

int link_send(struct link *link, uint64_t connection, const void *data, size_t size)
{
	nng_msg *message;
	int r = -EAGAIN;

	if (nng_msg_alloc(&message, size) != 0) {
		telemetry_add(link->dropped, 1);
		return -ENOMEM;
	}
	if (size > 0)
		memcpy(nng_msg_body(message), data, size);
	(void)pthread_mutex_lock(&link->lock);
	if (connection != 0 && connection == link->connection &&
		send_queue_put(link->queue, message)) {
		telemetry_add(link->sent_bytes, size);
		r = 0;
	}
	(void)pthread_mutex_unlock(&link->lock);
	if (r < 0) {
		telemetry_add(link->dropped, 1);
		nng_msg_free(message);
	}
	return r;
}
