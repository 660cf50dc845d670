#include "agent/push.h"

#include "agent/link.h"
#include "agent/peer_socket.h"
#include "base/clock.h"
#include "base/endpoint.h"
#include "base/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A peer that reads nothing, or does not finish the handshake, for so long is given up. */
#define PATIENCE_MS 10000
#define PATIENCE_NS (PATIENCE_MS * NS_PER_MS)

/* A dialer that has begun no connection for so long, and the gap that it leaves between two, is
 * replaced by another. An aggregator that is too busy ends handshakes: for such an end NNG takes
 * the dialer for closed. */
#define FORGOTTEN_NS (15 * NS_PER_SECOND)

/* Before that something of the last message, or of the start, may be under way. */
#ifndef SETTLE_NS
#define SETTLE_NS (NS_PER_SECOND / 2)
#endif

#define LOG_INTERVAL_NS (30 * NS_PER_SECOND)

_Static_assert(PUSH_URL_MAX == LINK_URL_MAX, "a url that is taken here is too long there");

struct push {
	struct link *link;
	char url[PUSH_URL_MAX];
	bool used;           /* from push_start() to push_stop() */
	nng_tls_config *tls; /* held; NULL: none */
	struct address peer; /* AF_UNSPEC: of another transport, or a name */
	uint64_t told;       /* what push_connection() returned last */
	unsigned quiet;      /* looks in a row that found no connection to the peer */
	uint64_t dialed_ns, stopped_ns;
	uint64_t offline_since_ns;
	uint64_t busy_ns;      /* of the last look that found one being made */
	uint64_t handshake_ns; /* since when one seems to be under way; 0: none */
	struct log_limit offline;
};

/* --- making and freeing ----------------------------------------------------------------------- */

struct push *push_new(struct telemetry *telemetry, struct error *err)
{
	struct push *push = calloc(1, sizeof(*push));

	if (push)
		push->link = link_new(telemetry);
	if (push && push->link)
		return push;
	(void)error_errno(err, ENOMEM, "opening a socket to push by");
	push_free(push);
	return NULL;
}

/* Another one, or none. */
static void hold(struct push *push, nng_tls_config *tls)
{
	if (tls)
		nng_tls_config_hold(tls);
	if (push->tls)
		nng_tls_config_free(push->tls);
	push->tls = tls;
}

void push_free(struct push *push)
{
	if (!push)
		return;
	link_free(push->link);
	hold(push, NULL);
	free(push);
}

/* --- start and stop --------------------------------------------------------------------------- */

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

static int dial(struct push *push, uint64_t now_ns)
{
	int rv = link_dial(push->link, push->tls);

	if (rv != 0)
		return rv;
	push->dialed_ns = now_ns;
	push->handshake_ns = 0;
	push->quiet = 0;
	return 0;
}

int push_start(struct push *push, const char *url, nng_tls_config *tls, struct error *err)
{
	int rv = NNG_EADDRINVAL;

	(void)snprintf(push->url, sizeof(push->url), "%s", url);
	link_set_url(push->link, push->url);
	hold(push, tls);
	push->peer = peer_of(url);
	push->offline = (struct log_limit){0};
	push->offline_since_ns = clock_monotonic_ns();
	if (strlen(url) < PUSH_URL_MAX)
		rv = dial(push, push->offline_since_ns);
	push->used = rv == 0;
	return rv == 0 ? 0 : error_set(err, EINVAL, "connecting to %s: %s", url, nng_strerror(rv));
}

void push_stop(struct push *push)
{
	link_leave(push->link);
	push->used = false;
	push->told = 0;
	push->quiet = 0;
	push->stopped_ns = clock_monotonic_ns();
}

bool push_idle(struct push *push)
{
	struct link_state link = link_look(push->link);

	return !link.dialing && link.pipe.id == 0 && link.busy_since_ns == 0;
}

bool push_connected(struct push *push)
{
	return link_look(push->link).connection != 0;
}

/* --- looking after it ------------------------------------------------------------------------- */

/* NNG 1.5.2 has no time-out for it, and can lose the error of a connection that broke. */
static void give_up_stuck(const struct link_state *link, uint64_t now_ns)
{
	if (link->connection != 0 && link->busy_since_ns != 0 &&
		now_ns > link->busy_since_ns + PATIENCE_NS)
		peer_socket_hang_up(link->pipe);
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
static void dial_anew(struct push *push, const struct link_state *link, uint64_t now_ns)
{
	uint64_t wait_ns = FORGOTTEN_NS + (unsigned)link->gap_ms * NS_PER_MS;

	if (push->quiet == 0)
		push->busy_ns = now_ns;
	if (push->quiet < 2 || push->peer.family == AF_UNSPEC ||
		now_ns < push->dialed_ns + wait_ns || now_ns < push->offline_since_ns + wait_ns ||
		now_ns < push->busy_ns + wait_ns)
		return;
	if (link_close_dialer(push->link))
		(void)dial(push, now_ns); /* if not now, in a second */
}

/* NNG can't be told to stop at any time (see peer_socket.h). A connection is hung up on when
 * nothing has gone over it for a while, and closes the dialer as it ends. One that is being made is
 * waited for. When there is none, twice in a row, the dialer waits or tries in vain, and can be
 * closed. */
static void go_on_leaving(struct push *push, const struct link_state *link, uint64_t now_ns)
{
	if (link->pipe.id == 0 && push->quiet >= 2)
		(void)link_close_dialer(push->link);
	else if (link->pipe.id != 0 && now_ns > push->stopped_ns + SETTLE_NS &&
		 now_ns > link->connected_ns + SETTLE_NS)
		peer_socket_hang_up(link->pipe);
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
	struct link_state link = link_look(push->link);

	if (!push->used && !link.leaving)
		return;
	if (link.pipe.id != 0) {
		push->offline_since_ns = now_ns;
		push->handshake_ns = 0;
		push->quiet = 0;
		give_up_stuck(&link, now_ns);
	} else {
		push->quiet = peer_socket_count(&push->peer) == 0 ? push->quiet + 1 : 0;
		give_up_handshake(push, now_ns);
	}
	if (link.leaving) {
		go_on_leaving(push, &link, now_ns);
	} else if (link.pipe.id == 0) {
		dial_anew(push, &link, now_ns);
		log_offline(push, now_ns);
	}
}

/* --- sending ---------------------------------------------------------------------------------- */

uint64_t push_connection(struct push *push)
{
	push->told = link_look(push->link).connection;
	return push->told;
}

int push_send(struct push *push, const void *data, size_t size)
{
	return link_send(push->link, push->told, data, size);
}
