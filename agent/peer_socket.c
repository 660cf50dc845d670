#include "agent/peer_socket.h"

#include "base/log.h"
#include "base/socket_scan.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#define KEEPALIVE_IDLE_S 5

enum treatment {
	COUNT,
	SET_TIMEOUT,
	HANG_UP,
};

struct search {
	enum treatment treatment;
	struct address local, peer; /* AF_UNSPEC: any */
	unsigned int silence_ms;    /* of SET_TIMEOUT */
	size_t found;
};

static void set_timeout(int fd, unsigned int silence_ms)
{
	static const int ON = 1, IDLE_S = KEEPALIVE_IDLE_S, INTERVAL_S = 1, PROBES = 5;

	if (setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silence_ms, sizeof(silence_ms)) < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &ON, sizeof(ON)) < 0 ||
		setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &IDLE_S, sizeof(IDLE_S)) < 0 ||
		setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &INTERVAL_S, sizeof(INTERVAL_S)) < 0 ||
		setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &PROBES, sizeof(PROBES)) < 0)
		log_warn("setting the time-outs of the connection to the aggregator: %s",
			strerror(errno));
}

static void treat(void *context, const struct socket_scan_entry *entry)
{
	struct search *search = context;

	search->found++;
	if (search->treatment == SET_TIMEOUT)
		set_timeout(entry->fd, search->silence_ms);
	else if (search->treatment == HANG_UP)
		(void)shutdown(entry->fd, SHUT_RDWR);
}

static void run(struct search *search)
{
	int r;

	if (search->local.family == AF_UNSPEC && search->peer.family == AF_UNSPEC)
		return;
	r = socket_scan(&search->local, &search->peer, treat, search);
	if (r < 0)
		log_warn("looking for the connection's socket in /proc/self/fd: %s", strerror(-r));
}

static void run_on(nng_pipe pipe, struct search *search)
{
	nng_sockaddr address;

	if (nng_pipe_get_addr(pipe, NNG_OPT_LOCADDR, &address) != 0)
		return;
	search->local = address_of_nng(&address);
	run(search);
}

void peer_socket_set_timeout(nng_pipe pipe, unsigned int silence_ms)
{
	run_on(pipe, &(struct search){.treatment = SET_TIMEOUT, .silence_ms = silence_ms});
}

void peer_socket_hang_up(nng_pipe pipe)
{
	run_on(pipe, &(struct search){.treatment = HANG_UP});
}

void peer_socket_hang_up_all(const struct address *peer)
{
	run(&(struct search){.treatment = HANG_UP, .peer = *peer});
}

size_t peer_socket_count(const struct address *peer)
{
	struct search search = {.treatment = COUNT, .peer = *peer};

	run(&search);
	return search.found;
}
